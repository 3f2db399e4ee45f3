//! fluvius on the bank workload, with everything recorded: command, event, state and context.
//!
//! | file | what it measures |
//! |---|---|
//! | `bank` | typed commands (`session.send`), and JSON by key (`create_command`, `process_command`) |
//! | `memory` | both over the memory store |
//! | `slow`, `slow_store` | one hot account over a store that takes a millisecond a commit |
//! | `sqlite` | typed commands over the SQLite store |
//! | `by_hand` | the same rows in the same schema, by a plain program without fluvius |
//! | `whole_log` | units a transaction, and bytes of the write-ahead log a command, of both |

mod bank;
#[cfg(feature = "sqlite")]
mod by_hand;
mod memory;
mod slow;
mod slow_store;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(feature = "sqlite")]
mod whole_log;

use bench_common::{Plan, runtime};

fn main() {
    runtime().block_on(async {
        let plan = Plan::from_env();
        memory::run(&plan).await;
        slow::run(&plan).await;
        #[cfg(feature = "sqlite")]
        if bench_common::wants_store("sqlite") {
            sqlite::run(&plan).await;
            whole_log::run(&plan).await;
        }
    });
}
