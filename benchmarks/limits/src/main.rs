//! What the machine itself allows for the bank workload: no framework, no event sourcing.
//!
//! | file | what it measures |
//! |---|---|
//! | `cpu` | one update, one parse, one identifier, replays in memory |
//! | `memory` | the bank as a mutex over a map |
//! | `disk`, `group` | appends with fdatasync, one by one and by one writer for all |
//! | `sqlite` | rusqlite: one transaction a command, and by one writer for all |
//! | `postgres`, `postgres_group` | tokio-postgres: three shapes of one transaction a command, and batches |

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
