//! What every system under test is measured with: the bank workload, its driver and its report.
//!
//! A system implements [`Bank`]; [`matrix`] then runs the same cases on it (1 or 1,000 accounts,
//! 1 or 64 clients), and [`repeat`] takes figures that are no case of the workload. Nothing here
//! knows any of the systems.
//!
//! | file | what it owns |
//! |---|---|
//! | `bank` | the commands, and [`Bank`], what a system must do |
//! | `rng` | which commands, by seed |
//! | `plan` | how much is measured, from the environment |
//! | `round` | one round of clients on a fresh store, and whether the balances are right |
//! | `cpu_time` | the processor time of a round |
//! | `matrix` | the cases of one system, one line each |
//! | `figure` | figures of another kind |
//! | `report` | one JSON line to a file |
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
