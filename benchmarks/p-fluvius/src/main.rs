//! fluvius on the bank workload, with everything recorded: command, event, state and context.
//!
//! | file | measurement |
//! |---|---|
//! | `bank` | typed commands (`send`), and JSON by key (`create_command`, `process_command`) |
//! | `memory` | both over the memory store |
//! | `slow` | one hot account over a store with commits of one millisecond |
//! | `sqlite` | typed commands over the SQLite store |
//! | `postgres` | typed commands over the PostgreSQL store |
//! | `by_hand/` | the same rows in the same schema, by a plain program without fluvius |
//! | `whole_log` | units per transaction, and bytes of the write-ahead log per command, of both |
//! | `long_aggregate` | loads of aggregates with few and many events, and of earlier versions |
//! | `start_up` | opening a store with many events, and the first command |
//! | `large_state` | bytes that a change of one field adds to the file |
//! | `sqlite_processes` | two and twelve processes over one file |
//! | `processes` | one, two and four processes over one schema of PostgreSQL |
//! | `hot_account` | rates and sizes with one hot account and a reader that holds a snapshot |
//! | `subscriptions/` | reading by a subscription, commands beside one, and its lag |
//! | `memory_use` | memory at rest and under load, and that of cached aggregates |
//!
//! `counting_store` counts the commits and reads of a store. `filled` makes files with many events,
//! and `filled_schema` schemas of PostgreSQL.
//! `roles` starts further processes of this program.

mod bank;
mod counting_store;
mod memory;
mod slow;
mod subscriptions;

#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod by_hand;
#[cfg(feature = "sqlite")]
mod filled;
#[cfg(feature = "postgres")]
mod filled_schema;
#[cfg(feature = "postgres")]
mod hot_account;
#[cfg(feature = "sqlite")]
mod large_state;
#[cfg(feature = "sqlite")]
mod long_aggregate;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod memory_use;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod processes;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod roles;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
mod sqlite_processes;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod start_up;
#[cfg(feature = "sqlite")]
mod whole_log;

use bench_common::{Plan, runtime};

fn main() {
    runtime().block_on(async {
        #[cfg(any(feature = "postgres", feature = "sqlite"))]
        match roles::own().as_deref() {
            #[cfg(feature = "sqlite")]
            Some(roles::OTHER) => return sqlite_processes::other().await,
            Some(roles::MEMORY) => return memory_use::tell().await,
            #[cfg(feature = "sqlite")]
            Some(roles::CACHE) => return memory_use::tell_of_cache().await,
            #[cfg(feature = "postgres")]
            Some(roles::PROCESS) => return processes::process().await,
            _ => {}
        }
        let plan = Plan::from_env();
        memory::run(&plan).await;
        slow::run(&plan).await;
        subscriptions::memory(&plan).await;
        #[cfg(feature = "sqlite")]
        if bench_common::wants_store("sqlite") {
            sqlite::run(&plan).await;
            whole_log::run(&plan).await;
            long_aggregate::run(&plan).await;
            start_up::sqlite(&plan).await;
            large_state::run().await;
            sqlite_processes::run(&plan).await;
            memory_use::run(&plan, "sqlite");
            memory_use::cache(&plan);
            subscriptions::sqlite(&plan).await;
        }
        #[cfg(feature = "postgres")]
        if let Some(url) = bench_common::pg_url().filter(|_| bench_common::wants_store("postgres"))
        {
            postgres::run(&plan, &url).await;
            processes::run(&plan, &url).await;
            hot_account::run(&url).await;
            start_up::postgres(&plan, &url).await;
            memory_use::run(&plan, "postgres");
            subscriptions::postgres(&plan, &url).await;
        }
    });
}
