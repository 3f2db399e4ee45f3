//! The benchmark harness: the bank workload, its driver and its report.
//!
//! Each system under test implements [`Bank`]. [`matrix`] runs the same cases on each system (1 or
//! 1,000 accounts, 1 or 64 clients). [`repeat`] measures figures other than the cases of the
//! workload. The crate is independent of the systems.
//!
//! | file | contents |
//! |---|---|
//! | `bank` | the commands, and the trait [`Bank`] |
//! | `rng` | the commands of a client, by seed |
//! | `plan` | the amount of measurement, from the environment |
//! | `round` | one round of clients on a fresh store, and the check of the balances |
//! | `cpu_time` | the processor time of a round |
//! | `matrix` | the cases of one system, one line each |
//! | `figure` | figures of another kind |
//! | `report` | the output of JSON lines |
//! | `place` | folders for file stores, the server's address, the runtime |

mod bank;
mod cpu_time;
mod figure;
mod matrix;
mod place;
mod plan;
mod report;
mod rng;
mod round;

pub use bank::{Bank, BankCommand, BankError, Batches, OPENING, account_id};
pub use cpu_time::cpu_time;
pub use figure::{ns_per_op, repeat, report};
pub use matrix::matrix;
pub use place::{TempDir, pg_url, runtime};
pub use plan::{Plan, selected, wants_store};
pub use report::emit;
pub use rng::{Rng, next_command};
pub use uuid::Uuid;
