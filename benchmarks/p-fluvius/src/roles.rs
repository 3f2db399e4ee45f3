//! This program again, as another process: what `BENCH_ROLE` says it is.

use std::process::{Child, Command};

/// The second of two processes over one file.
#[cfg(feature = "sqlite")]
pub(crate) const OTHER: &str = "other";

/// One that tells how much memory it uses.
#[cfg(feature = "sqlite")]
pub(crate) const MEMORY: &str = "memory";

/// One of several processes over one schema.
#[cfg(feature = "postgres")]
pub(crate) const PROCESS: &str = "process";

const ROLE: &str = "BENCH_ROLE";

/// What this process is, if not the first one.
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
