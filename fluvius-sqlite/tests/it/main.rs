//! Tests of the store through its public API.
#![allow(missing_docs, reason = "the name of a test documents it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests end the test")]

mod backup;
mod broken_disk;
mod child;
mod closing;
mod conformance;
mod damaged;
mod incarnations;
mod load;
mod logs;
mod long_logs;
mod long_reader;
mod opening;
mod power_loss;
mod purses;
mod read_only;
mod record;
mod rejections;
mod slow_reads;
mod torn_log;
mod two_processes;
mod units;
