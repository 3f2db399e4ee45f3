//! esrs 0.18 on PostgreSQL: optimistic (`load`) and pessimistic (`lock_and_load`).
use bench_common::*;
use esrs::manager::AggregateManager;
use esrs::store::postgres::{PgStore, PgStoreBuilder, PgStoreError};
use esrs::{Aggregate, AggregateState};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::time::Instant;

struct Account;

#[derive(Serialize, Deserialize, Clone, Debug)]
enum Ev {
    Opened { amount: Decimal },
    Deposited { amount: Decimal },
    Withdrawn { amount: Decimal },
}

#[derive(Debug)]
struct Insufficient;
impl std::fmt::Display for Insufficient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("insufficient")
    }
}
impl std::error::Error for Insufficient {}

impl Aggregate for Account {
    const NAME: &'static str = "account";
    type State = Decimal;
    type Command = CmdW;
    type Event = Ev;
    type Error = Insufficient;
    fn handle_command(s: &Decimal, c: CmdW) -> Result<Vec<Ev>, Insufficient> {
        Ok(vec![match c.0 {
            BankCommand::Open(amount) => Ev::Opened { amount },
            BankCommand::Deposit(amount) => Ev::Deposited { amount },
            BankCommand::Withdraw(amount) if *s >= amount => Ev::Withdrawn { amount },
            _ => return Err(Insufficient),
        }])
    }
    fn apply_event(s: Decimal, e: Ev) -> Decimal {
        match e {
            Ev::Opened { amount } => amount,
            Ev::Deposited { amount } => s + amount,
            Ev::Withdrawn { amount } => s - amount,
        }
    }
}
struct CmdW(BankCommand);

struct EBank {
    m: AggregateManager<PgStore<Account>>,
    lock: bool,
}

fn err(e: PgStoreError) -> BankError {
    let s = format!("{e:?}");
    if s.contains("unique") || s.contains("23505") {
        BankError::Conflict
    } else {
        BankError::Other(s)
    }
}

impl Bank for EBank {
    async fn run(&self, id: Uuid, command: BankCommand) -> Result<(), BankError> {
        let st = if let BankCommand::Open(_) = command {
            AggregateState::with_id(id)
        } else if self.lock {
            self.m.lock_and_load(id).await.map_err(err)?.unwrap_or_default()
        } else {
            self.m.load(id).await.map_err(err)?.unwrap_or_default()
        };
        match self.m.handle_command(st, CmdW(command)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(BankError::Rejected),
            Err(e) => Err(err(e)),
        }
    }
    async fn balance(&self, id: Uuid) -> Option<Decimal> {
        Some(self.m.load(id).await.ok()??.into_inner())
    }
}

async fn store(url: &str, lock: bool) -> (PgStore<Account>, sqlx::PgPool) {
    // `lock_and_load` keeps one connection for the lock and needs another to write. With 64 clients
    // on a pool of 10, it deadlocks until the pool times out.
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(if lock { 100 } else { 10 })
        .connect(url)
        .await
        .unwrap();
    sqlx::raw_sql("DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public;")
        .execute(&pool)
        .await
        .unwrap();
    (PgStoreBuilder::new(pool.clone()).try_build().await.unwrap(), pool)
}

fn main() {
    let Some(url) = pg_url().filter(|_| wants_store("postgres")) else { return };
    let url = url.as_str();
    runtime().block_on(async {
        let plan = Plan::from_env();
        for (name, lock) in [("esrs", false), ("esrs+lock", true)] {
            matrix(name, "postgres", "on", &plan, |_, _| async move {
                EBank { m: AggregateManager::new(store(url, lock).await.0), lock }
            })
            .await;
        }
        for n in [10_000usize, 100_000] {
            let name = format!("esrs/postgres/{n}");
            repeat("replay", &name, "events/s", "load of one account", || async move {
                let (s, pool) = store(url, false).await;
                sqlx::query(
                    "INSERT INTO account_events \
                     (id,aggregate_id,payload,occurred_on,sequence_number) \
                     SELECT gen_random_uuid(),$1, \
                     json_build_object('Deposited',json_build_object('amount','1.05')),now(),g \
                     FROM generate_series(1,$2::int) g",
                )
                .bind(account_id(0))
                .bind(n as i32)
                .execute(&pool)
                .await
                .unwrap();
                let m = AggregateManager::new(s);
                let t = Instant::now();
                let a = m.load(account_id(0)).await.unwrap().unwrap().into_inner();
                assert_eq!(a, Decimal::new(105, 2) * Decimal::from(n));
                n as f64 / t.elapsed().as_secs_f64()
            })
            .await;
        }
    });
}
