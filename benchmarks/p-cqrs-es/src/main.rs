//! cqrs-es 0.5 on the bank workload: its MemStore, the harness's memory store behind its trait,
//! sqlite-es 0.5 and postgres-es 0.5.
//!
//! `bench-cqrs-es probe` counts events and reads balances, without timing. It shows the reason for
//! which some cases are not `verified`.

mod account;
mod bank;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod probe;
mod quiet_memory;
#[cfg(feature = "sqlite")]
mod sqlite;

use bench_common::{Plan, runtime};

fn main() {
    runtime().block_on(async {
        if std::env::args().nth(1).as_deref() == Some("probe") {
            return probe::run().await;
        }
        let plan = Plan::from_env();
        memory::run(&plan).await;
        #[cfg(feature = "sqlite")]
        sqlite::run(&plan).await;
        #[cfg(feature = "postgres")]
        postgres::run(&plan).await;
    });
}
