//! fluvius on the bank workload, with everything recorded: command, event, state and context.
//!
//! | file | what it measures |
//! |---|---|
//! | `bank` | typed commands (`session.send`), and JSON by key (`create_command`, `process_command`) |
//! | `memory` | both over the memory store |
//! | `slow`, `slow_store` | one hot account over a store that takes a millisecond a commit |

mod bank;
mod memory;
mod slow;
mod slow_store;

use bench_common::{Plan, runtime};

fn main() {
    runtime().block_on(async {
        let plan = Plan::from_env();
        memory::run(&plan).await;
        slow::run(&plan).await;
    });
}
