//! Further processes of this program. `BENCH_ROLE` sets the role of each.

use std::process::{Child, Command};

/// The role of one of several processes over one file.
#[cfg(feature = "sqlite")]
pub(crate) const OTHER: &str = "other";

/// The role of the process that reports its memory use.
pub(crate) const MEMORY: &str = "memory";

/// The role of the process that reports the memory use of its cache.
#[cfg(feature = "sqlite")]
pub(crate) const CACHE: &str = "cache";

/// The role of one of several processes over one schema.
#[cfg(feature = "postgres")]
pub(crate) const PROCESS: &str = "process";

const ROLE: &str = "BENCH_ROLE";

/// Returns the role of this process, or `None` for the first process.
pub(crate) fn own() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// Starts this program in a role.
#[expect(clippy::expect_used, reason = "without the other process there is nothing to measure")]
pub(crate) fn start(role: &str, change: impl FnOnce(&mut Command)) -> Child {
    let program = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new(program);
    command.env(ROLE, role);
    change(&mut command);
    command.spawn().expect("this program can be started again")
}
