//! disintegrate 4.0 with disintegrate-postgres 4.0.1, without snapshots and with a snapshot every
//! 10 events.
use bench_common::*;
use disintegrate::{Decision, Event, NoSnapshot, StateMutate, StateQuery, WithSnapshot};
use disintegrate_postgres::{PgDecisionMaker, PgEventStore, PgSnapshotter, WithPgSnapshot};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

type Json = disintegrate::serde::json::Json<BankEvent>;

#[derive(Debug, Clone, PartialEq, Eq, Event, Serialize, Deserialize)]
#[stream(AccountEvent, [Opened, Deposited, Withdrawn])]
enum BankEvent {
    Opened {
        #[id]
        account_id: String,
        amount: Decimal,
    },
    Deposited {
        #[id]
        account_id: String,
        amount: Decimal,
    },
    Withdrawn {
        #[id]
        account_id: String,
        amount: Decimal,
    },
}

#[derive(Default, StateQuery, Clone, Debug, Serialize, Deserialize)]
#[state_query(AccountEvent)]
struct Account {
    #[id]
    account_id: String,
    open: bool,
    balance: Decimal,
}

impl StateMutate for Account {
    fn mutate(&mut self, e: AccountEvent) {
        match e {
            AccountEvent::Opened { amount, .. } => {
                self.open = true;
                self.balance = amount
            }
            AccountEvent::Deposited { amount, .. } => self.balance += amount,
            AccountEvent::Withdrawn { amount, .. } => self.balance -= amount,
        }
    }
}

#[derive(Debug)]
struct Insufficient;
impl std::fmt::Display for Insufficient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("insufficient")
    }
}
impl std::error::Error for Insufficient {}

struct AccountCommand(String, BankCommand);
impl Decision for AccountCommand {
    type Event = BankEvent;
    type StateQuery = Account;
    type Error = Insufficient;
    fn state_query(&self) -> Account {
        Account { account_id: self.0.clone(), ..Default::default() }
    }
    fn process(&self, s: &Account) -> Result<Vec<BankEvent>, Insufficient> {
        let account_id = self.0.clone();
        Ok(vec![match self.1 {
            BankCommand::Open(amount) if !s.open => BankEvent::Opened { account_id, amount },
            BankCommand::Deposit(amount) => BankEvent::Deposited { account_id, amount },
            BankCommand::Withdraw(amount) if s.balance >= amount => {
                BankEvent::Withdrawn { account_id, amount }
            }
            _ => return Err(Insufficient),
        }])
    }
}

enum DBank {
    Plain(PgDecisionMaker<BankEvent, Json, NoSnapshot>, sqlx::PgPool),
    Snap(PgDecisionMaker<BankEvent, Json, WithPgSnapshot>, sqlx::PgPool),
}

fn err(e: disintegrate::DecisionError<Insufficient>) -> BankError {
    match e {
        disintegrate::DecisionError::Domain(_) => BankError::Rejected,
        e => {
            let s = format!("{e:?}");
            if s.contains("Concurrency") { BankError::Conflict } else { BankError::Other(s) }
        }
    }
}

impl Bank for DBank {
    async fn run(&self, id: Uuid, command: BankCommand) -> Result<(), BankError> {
        let c = AccountCommand(id.to_string(), command);
        match self {
            DBank::Plain(m, _) => m.make(c).await.map(|_| ()).map_err(err),
            DBank::Snap(m, _) => m.make(c).await.map(|_| ()).map_err(err),
        }
    }
    async fn balance(&self, id: Uuid) -> Option<Decimal> {
        let pool = match self {
            DBank::Plain(_, p) | DBank::Snap(_, p) => p,
        };
        let rows: Vec<(Vec<u8>,)> =
            sqlx::query_as("SELECT payload FROM event WHERE account_id=$1 ORDER BY event_id")
                .bind(id.to_string())
                .fetch_all(pool)
                .await
                .ok()?;
        let mut b = Decimal::ZERO;
        for (p,) in rows {
            use disintegrate::serde::Deserializer;
            match Json::default().deserialize(p).ok()? {
                BankEvent::Opened { amount, .. } => b = amount,
                BankEvent::Deposited { amount, .. } => b += amount,
                BankEvent::Withdrawn { amount, .. } => b -= amount,
            }
        }
        Some(b)
    }
}

async fn mk(url: &str, snap: bool) -> DBank {
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(10).connect(url).await.unwrap();
    sqlx::raw_sql("DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public;")
        .execute(&pool)
        .await
        .unwrap();
    let store = PgEventStore::try_new(pool.clone(), Json::default()).await.unwrap();
    if snap {
        let s = PgSnapshotter::try_new(pool.clone(), 10).await.unwrap();
        DBank::Snap(disintegrate_postgres::decision_maker(store, WithSnapshot::new(s)), pool)
    } else {
        DBank::Plain(disintegrate_postgres::decision_maker(store, NoSnapshot), pool)
    }
}

fn main() {
    let Some(url) = pg_url().filter(|_| wants_store("postgres")) else { return };
    let url = url.as_str();
    runtime().block_on(async {
        let plan = Plan::from_env();
        let pool = sqlx::postgres::PgPoolOptions::new().connect(url).await.unwrap();
        let v: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::int")
            .fetch_one(&pool)
            .await
            .unwrap();
        if v < 160_000 {
            // Its migration contains 0xFFFFFFFF, an integer literal that PostgreSQL supports from
            // version 16 on.
            let failed = format!(
                "disintegrate-postgres 4.0.1 cannot make its schema on PostgreSQL {}: it needs 16 \
                 or later",
                v / 10_000
            );
            emit(&serde_json::json!({
                "system": "disintegrate", "store": "postgres", "failed": failed,
            }));
            return;
        }
        matrix("disintegrate", "postgres", "on", &plan, |_, _| mk(url, false)).await;
        matrix("disintegrate+snapshot10", "postgres", "on", &plan, |_, _| mk(url, true)).await;
        for n in [10_000usize, 100_000] {
            let name = format!("disintegrate/postgres/{n}");
            let note = "one decision on an account with that many events";
            repeat("replay", &name, "events/s", note, || async move {
                use disintegrate::EventStore;
                let pool = sqlx::postgres::PgPoolOptions::new()
                    .max_connections(10)
                    .connect(url)
                    .await
                    .unwrap();
                sqlx::raw_sql("DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public;")
                    .execute(&pool)
                    .await
                    .unwrap();
                let store = PgEventStore::try_new(pool.clone(), Json::default()).await.unwrap();
                let id = account_id(0).to_string();
                let mut at = 0;
                while at < n {
                    let to = (at + 5000).min(n);
                    store
                        .append_without_validation(
                            (at..to)
                                .map(|_| BankEvent::Deposited {
                                    account_id: id.clone(),
                                    amount: Decimal::new(105, 2),
                                })
                                .collect(),
                        )
                        .await
                        .unwrap();
                    at = to;
                }
                let m = disintegrate_postgres::decision_maker(store, NoSnapshot);
                let t = std::time::Instant::now();
                m.make(AccountCommand(id, BankCommand::Deposit(Decimal::ONE))).await.unwrap();
                n as f64 / t.elapsed().as_secs_f64()
            })
            .await;
        }
    });
}
