//! The limits of the machine for the bank workload, without a framework and without event sourcing.
//!
//! | file | measurement |
//! |---|---|
//! | `cpu` | one update, one parse, one identifier, replays in memory |
//! | `memory` | the bank as a mutex over a map |
//! | `disk`, `group` | appends with fdatasync, one by one and by one writer for all clients |
//! | `sqlite` | rusqlite: one transaction per command, and one writer for all clients |
//! | `postgres` | tokio-postgres: three shapes of one transaction per command |
//! | `postgres_group` | tokio-postgres: batches |

mod cpu;
mod disk;
mod group;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "postgres")]
mod postgres_group;
mod records;
#[cfg(feature = "sqlite")]
mod sqlite;

use bench_common::{Plan, runtime};

fn main() {
    runtime().block_on(async {
        let plan = Plan::from_env();
        cpu::run().await;
        memory::run(&plan).await;
        disk::run(&plan).await;
        #[cfg(feature = "sqlite")]
        sqlite::run(&plan).await;
        #[cfg(feature = "postgres")]
        postgres::run(&plan).await;
    });
}
