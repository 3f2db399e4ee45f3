//! The code of the chapter "Command execution" (`docs/src/running.md`).

mod answers;
mod atomic_groups;
mod dry_runs;
mod if_match;
mod limits;
mod observers;
mod policies;
mod sending;
mod shared_domain;
mod test_clock;
