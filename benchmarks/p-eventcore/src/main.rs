//! eventcore 2.1 on the bank workload, over memory, SQLite (rusqlite, one connection) and
//! PostgreSQL. Each is measured plain, and with its command-state snapshots.

mod account;
mod bank;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use bank::EventcoreBank;
use bench_common::{Plan, matrix, repeat, runtime, wants_store};
use eventcore_memory::InMemoryEventStore;

/// The note of a replay.
const REPLAY: &str = "read_stream and fold of one account";

fn main() {
    runtime().block_on(async {
        let plan = Plan::from_env();
        memory(&plan).await;
        #[cfg(feature = "sqlite")]
        sqlite::run(&plan).await;
        #[cfg(feature = "postgres")]
        postgres::run(&plan).await;
    });
}

async fn memory(plan: &Plan) {
    if !wants_store("memory") {
        return;
    }
    for (name, with_snapshots) in [("eventcore", false), ("eventcore+snapshot", true)] {
        matrix(name, "memory", "-", plan, |_, _| async move {
            EventcoreBank { store: InMemoryEventStore::new(), with_snapshots, _folder: None }
        })
        .await;
    }
    for count in [10_000_usize, 100_000] {
        let name = format!("eventcore/memory/{count}");
        repeat("replay", &name, "events/s", REPLAY, || async move {
            bank::replay(&InMemoryEventStore::new(), count).await
        })
        .await;
    }
}
