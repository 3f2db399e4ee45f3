//! evento 2.0.0-alpha.38 on SQLite and PostgreSQL. It is measured without snapshots, with
//! executor-backed snapshots, and with its process-local (memory) snapshots.
//!
//! Its aggregate version is a u16, so no account can hold more than 65,535 events. Therefore there
//! is no replay of 100,000 events.
use bench_common::*;
use evento::{Executor, Projection, ProjectionAggregate, metadata::Event};
use rust_decimal::Decimal;
use std::time::Instant;

#[evento::aggregate(name = "bank/Account")]
pub enum BankAccount {
    Opened { amount: [u8; 16] },
    Deposited { amount: [u8; 16] },
    Withdrawn { amount: [u8; 16] },
}

macro_rules! view {
    ($m:ident, $f:ident, $proj:meta, $($snap:meta)?) => {
        mod $m {
            use super::*;
            #[$proj]
            $(#[$snap])?
            pub struct Account {
                pub id: String,
                pub balance: [u8; 16],
            }
            impl Account {
                fn add(&mut self, d: Decimal) {
                    self.balance = (Decimal::deserialize(self.balance) + d).serialize();
                }
            }
            #[evento::handler]
            async fn on_opened(event: Event<Opened>, row: &mut Account) -> anyhow::Result<()> {
                row.id = event.aggregate_id.to_owned();
                row.balance = event.data.amount;
                Ok(())
            }
            #[evento::handler]
            async fn on_deposited(
                event: Event<Deposited>,
                row: &mut Account,
            ) -> anyhow::Result<()> {
                row.add(Decimal::deserialize(event.data.amount));
                Ok(())
            }
            #[evento::handler]
            async fn on_withdrawn(
                event: Event<Withdrawn>,
                row: &mut Account,
            ) -> anyhow::Result<()> {
                row.add(-Decimal::deserialize(event.data.amount));
                Ok(())
            }
            pub fn projection<E: Executor>() -> Projection<E, Account> {
                Projection::new::<BankAccount>()
                    .handler(on_opened())
                    .handler(on_deposited())
                    .handler(on_withdrawn())
                    .strict()
            }
            pub struct $f<E: Executor> {
                pub executor: E,
                pub _folder: Option<TempDir>,
            }
            impl<E: Executor + 'static> Bank for $f<E> {
                async fn run(&self, id: Uuid, command: BankCommand) -> Result<(), BankError> {
                    let id = id.to_string();
                    if let BankCommand::Open(a) = command {
                        evento::append(&id)
                            .original_version(0)
                            .event(&Opened { amount: a.serialize() })
                            .commit(&self.executor)
                            .await
                            .map_err(werr)?;
                        return Ok(());
                    }
                    let loaded = projection().load(&id).execute(&self.executor).await;
                    let Some(acc) = loaded.map_err(aerr)? else {
                        return Err(BankError::other("no account"));
                    };
                    let mut w = acc.write().map_err(aerr)?;
                    match command {
                        BankCommand::Deposit(a) => w.event(&Deposited { amount: a.serialize() }),
                        BankCommand::Withdraw(a) if Decimal::deserialize(acc.balance) >= a => {
                            w.event(&Withdrawn { amount: a.serialize() })
                        }
                        _ => return Err(BankError::Rejected),
                    };
                    w.commit(&self.executor).await.map_err(werr)?;
                    Ok(())
                }
                async fn balance(&self, id: Uuid) -> Option<Decimal> {
                    let loaded = projection().load(id.to_string()).execute(&self.executor).await;
                    Some(Decimal::deserialize(loaded.ok()??.balance))
                }
            }
        }
    };
}

view!(plain, Plain, evento::projection(id = id), evento::snapshot(none));
view!(
    stored,
    Stored,
    evento::projection(id = id, name = "bank/Account", bitcode::Encode, bitcode::Decode),
);
view!(memory, Memory, evento::projection(id = id), evento::snapshot(memory));

fn busy(s: String) -> BankError {
    if s.contains("InvalidOriginalVersion")
        || s.contains("invalid original version")
        || s.contains("locked")
        || s.contains("busy")
    {
        BankError::Conflict
    } else {
        BankError::Other(s)
    }
}
fn werr(e: evento::WriteError) -> BankError {
    busy(format!("{e:?}"))
}
fn aerr(e: impl std::fmt::Debug) -> BankError {
    busy(format!("{e:?}"))
}

async fn lite(sync: sqlx::sqlite::SqliteSynchronous) -> (evento::Sqlite, TempDir) {
    use sqlx::sqlite::*;
    let d = TempDir::new("evento");
    let o = SqliteConnectOptions::new()
        .filename(d.0.join("b.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(sync);
    let pool = SqlitePoolOptions::new().max_connections(10).connect_with(o).await.unwrap();
    use evento::migrator::Migrate;
    let mut c = pool.acquire().await.unwrap();
    evento::sql_migrator::new::<sqlx::Sqlite>()
        .unwrap()
        .run(&mut *c, &evento::migrator::Plan::apply_all())
        .await
        .unwrap();
    drop(c);
    (pool.into(), d)
}

async fn pg(url: &str) -> evento::Postgres {
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(10).connect(url).await.unwrap();
    sqlx::raw_sql("DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public;")
        .execute(&pool)
        .await
        .unwrap();
    use evento::migrator::Migrate;
    let mut c = pool.acquire().await.unwrap();
    evento::sql_migrator::new::<sqlx::Postgres>()
        .unwrap()
        .run(&mut *c, &evento::migrator::Plan::apply_all())
        .await
        .unwrap();
    drop(c);
    pool.into()
}

async fn replay<E: Executor>(e: E, n: usize) -> f64 {
    let id = account_id(0).to_string();
    evento::append(&id)
        .original_version(0)
        .event(&Opened { amount: Decimal::ZERO.serialize() })
        .commit(&e)
        .await
        .unwrap();
    let mut at = 1;
    while at < n {
        let mut w = evento::append(&id);
        let mut w = w.original_version(at as u16);
        let to = (at + 1000).min(n);
        for _ in at..to {
            w = w.event(&Deposited { amount: Decimal::new(105, 2).serialize() });
        }
        w.commit(&e).await.unwrap();
        at = to;
    }
    let t = Instant::now();
    let a = plain::projection().load(&id).execute(&e).await.unwrap().unwrap();
    assert_eq!(Decimal::deserialize(a.balance), Decimal::new(105, 2) * Decimal::from(n - 1));
    n as f64 / t.elapsed().as_secs_f64()
}

fn main() {
    runtime().block_on(async {
        let plan = Plan::from_env();
        if wants_store("sqlite") {
            sqlite(&plan).await;
        }
        if let Some(url) = pg_url().filter(|_| wants_store("postgres")) {
            postgres(&plan, &url).await;
        }
    });
}

async fn sqlite(plan: &Plan) {
    use sqlx::sqlite::SqliteSynchronous::*;
    for (sync, s) in [("FULL", Full), ("NORMAL", Normal)] {
        matrix("evento", "sqlite", sync, plan, |_, _| async move {
            let (e, d) = lite(s).await;
            plain::Plain { executor: e, _folder: Some(d) }
        })
        .await;
        matrix("evento+stored-snapshot", "sqlite", sync, plan, |_, _| async move {
            let (e, d) = lite(s).await;
            stored::Stored { executor: e, _folder: Some(d) }
        })
        .await;
        matrix("evento+memory-snapshot", "sqlite", sync, plan, |_, _| async move {
            memory::Account::snapshot_rows().write().unwrap().clear();
            let (e, d) = lite(s).await;
            memory::Memory { executor: e, _folder: Some(d) }
        })
        .await;
    }
    for n in [10_000usize, 30_000] {
        repeat(
            "replay",
            &format!("evento/sqlite/{n}"),
            "events/s",
            "projection load of one account, no snapshot",
            || async move {
                let (e, _d) = lite(Normal).await;
                replay(e, n).await
            },
        )
        .await;
    }
}

async fn postgres(plan: &Plan, url: &str) {
    matrix("evento", "postgres", "on", plan, |_, _| async move {
        plain::Plain { executor: pg(url).await, _folder: None }
    })
    .await;
    matrix("evento+stored-snapshot", "postgres", "on", plan, |_, _| async move {
        stored::Stored { executor: pg(url).await, _folder: None }
    })
    .await;
    for n in [10_000usize, 30_000] {
        repeat(
            "replay",
            &format!("evento/postgres/{n}"),
            "events/s",
            "projection load of one account, no snapshot",
            || async move { replay(pg(url).await, n).await },
        )
        .await;
    }
}
