//! Typed commands over the PostgreSQL store, and the same rows by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bench_common::{Bank, BankCommand, BankError, Batches, Plan, Uuid, matrix};
use fluvius_postgres::PostgresStore;
use rust_decimal::Decimal;
use tokio_postgres::NoTls;

use crate::bank::Typed;
use crate::by_hand::postgres::{ByHand, Way};
use crate::counting_store::{CountingStore, Counts};

pub(crate) async fn run(plan: &Plan, url: &str) {
    matrix("fluvius", "postgres", "on", plan, |_, _| fluvius(url)).await;
    matrix("by-hand", "postgres(commit_batch)", "on", plan, |_, _| by_hand(url, Way::Function))
        .await;
    matrix("by-hand", "postgres(statements)", "on", plan, |_, _| by_hand(url, Way::Statements))
        .await;
}

/// Opens fluvius over a separate schema.
async fn fluvius(url: &str) -> InSchema<Counted> {
    let schema = Schema::new(url);
    InSchema { bank: Counted::open(url, &schema.name).await, _schema: schema }
}

/// Opens the program by hand over a separate schema.
#[expect(clippy::expect_used, reason = "a new schema takes every row")]
async fn by_hand(url: &str, way: Way) -> InSchema<ByHand> {
    let schema = Schema::new(url);
    let bank = ByHand::open(url, &schema.name, way).await.expect("the schema is made");
    InSchema { bank, _schema: schema }
}

/// A bank and its schema.
struct InSchema<B> {
    bank: B,
    _schema: Schema,
}

impl<B: Bank> Bank for InSchema<B> {
    async fn run(&self, id: Uuid, command: BankCommand) -> Result<(), BankError> {
        self.bank.run(id, command).await
    }

    async fn balance(&self, id: Uuid) -> Option<Decimal> {
        self.bank.balance(id).await
    }

    fn batches(&self) -> Option<Batches> {
        self.bank.batches()
    }
}

/// A bank of fluvius over a store that counts commits.
pub(crate) struct Counted {
    pub(crate) typed: Typed,
    counts: Arc<Counts>,
}

impl Counted {
    /// Opens the bank in a schema, with the default settings.
    #[expect(clippy::expect_used, reason = "without its schema there is nothing to measure")]
    pub(crate) async fn open(url: &str, schema: &str) -> Self {
        let store = PostgresStore::options().schema(schema).open(url).await;
        let store = CountingStore::over(store.expect("the store is opened"), Duration::ZERO);
        let counts = store.counts();
        Self { typed: Typed::over(store).await.expect("the domain is built"), counts }
    }

    /// Returns the number of stale units so far.
    pub(crate) fn stale(&self) -> u64 {
        self.counts.stale.load(Ordering::Relaxed) as u64
    }

    /// Returns the batches committed so far.
    pub(crate) fn batches(&self) -> Batches {
        let count = |of: &std::sync::atomic::AtomicUsize| of.load(Ordering::Relaxed) as u64;
        Batches { batches: count(&self.counts.batches), units: count(&self.counts.units) }
    }
}

impl Bank for Counted {
    async fn run(&self, id: Uuid, command: BankCommand) -> Result<(), BankError> {
        self.typed.run(id, command).await
    }

    async fn balance(&self, id: Uuid) -> Option<Decimal> {
        self.typed.balance(id).await
    }

    fn batches(&self) -> Option<Batches> {
        Some(self.batches())
    }
}

/// The schema of one round. Dropping the value drops the schema, so that its remaining work does
/// not run during the next round.
pub(crate) struct Schema {
    url: String,
    pub(crate) name: String,
}

impl Schema {
    pub(crate) fn new(url: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self { url: url.to_owned(), name: format!("bench_{}_{count}", std::process::id()) }
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let sql =
            format!("SET lock_timeout = '10s'; DROP SCHEMA IF EXISTS \"{}\" CASCADE", self.name);
        let url = self.url.clone();
        // This thread is inside a runtime, so the statement runs on another thread and runtime.
        let drop_it = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                let Ok((client, connection)) = tokio_postgres::connect(&url, NoTls).await else {
                    return;
                };
                let connection = tokio::spawn(connection);
                if let Err(error) = client.batch_execute(&sql).await {
                    eprintln!("a schema is left over: {error}");
                }
                drop(client);
                let _ = connection.await;
            });
        });
        let _ = drop_it.join();
    }
}
