//! Subscriptions: the rate of reading by one, commands beside one, and its lag.
//!
//! | file | measurement |
//! |---|---|
//! | `reading` | a subscription over a filled log, against a plain loop over the same pages |
//! | `commands` | commands without a subscription, with a running one, and with a stopped one |
//! | `lag` | the time from the answer to a command until the handler is called |
//!
//! `clients` sends the commands. `seen` counts the delivered events: a part fails if their number
//! is not that of the commands.

mod clients;
mod commands;
mod lag;
mod reading;
mod seen;

use std::convert::Infallible;
use std::future::Ready;

use banking_domain::{Account, AccountEvent};
use bench_common::{Plan, wants_store};
use fluvius_core::subscriptions::{Delivery, Start, Subscription};
use fluvius_core::{DynStore, Error, MemoryStore};

use crate::bank::Typed;

const ACCOUNT_COUNT: usize = 1_000;

const CLIENT_COUNT: usize = 64;

const PARTITION_COUNT: u32 = 16;

type AccountDelivery = Delivery<AccountEvent>;

pub(crate) async fn memory(plan: &Plan) {
    if wants_store("memory") {
        run(plan, "memory", async || ((), DynStore::new(MemoryStore::new()))).await;
    }
}

#[cfg(feature = "sqlite")]
#[expect(clippy::expect_used, reason = "without its file there is nothing to measure")]
pub(crate) async fn sqlite(plan: &Plan) {
    use bench_common::TempDir;

    /// The folder of a file. Drop waits until the file is closed.
    struct Folder(TempDir);

    impl Folder {
        fn file(&self) -> std::path::PathBuf {
            self.0.0.join("b.db")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            crate::sqlite::wait_until_closed(&self.file());
        }
    }

    run(plan, "sqlite", async || {
        let folder = Folder(TempDir::new("subscriptions"));
        let store = crate::sqlite::options("FULL").open(folder.file()).await;
        let store = DynStore::new(store.expect("the store is opened"));
        (folder, store)
    })
    .await;
}

#[cfg(feature = "postgres")]
#[expect(clippy::expect_used, reason = "without its schema there is nothing to measure")]
pub(crate) async fn postgres(plan: &Plan, url: &str) {
    use crate::postgres::Schema;
    use fluvius_postgres::PostgresStore;

    run(plan, "postgres", async || {
        let schema = Schema::new(url);
        let store = PostgresStore::options().schema(&schema.name).open(url).await;
        let store = DynStore::new(store.expect("the store is opened"));
        (schema, store)
    })
    .await;
}

/// Runs all parts. `open` makes a fresh store, and the value that removes it.
async fn run<P>(plan: &Plan, store: &str, open: impl AsyncFn() -> (P, DynStore)) {
    reading::run(plan, store, &open).await;
    commands::run(plan, store, &open).await;
}

/// Starts a subscription to the events of all accounts.
async fn subscribe(
    bank: &Typed,
    name: &str,
    start: Start,
    max_in_flight: usize,
    handle: impl Fn(&AccountDelivery) + Send + Sync + 'static,
) -> Result<Subscription, Error> {
    let subscription = bank.domain().subscribe(name).events_of::<Account>();
    let subscription = subscription.start_at(start).partitions(PARTITION_COUNT);
    let handler = move |delivery| -> Ready<Result<(), Infallible>> {
        handle(&delivery);
        std::future::ready(Ok(()))
    };
    subscription.max_in_flight(max_in_flight).run(handler).await
}
