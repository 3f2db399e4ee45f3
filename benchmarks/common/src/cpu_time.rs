//! The processor time of this program. Unlike wall-clock time, it stays the same if other processes
//! use the machine.

use std::time::Duration;

/// Returns the time that all threads of this program have spent on a processor, or `None` if the
/// operating system does not report it.
///
/// # Source
/// Linux, Documentation/scheduler/sched-stats.rst: the first field of `schedstat`, nanoseconds.
pub fn cpu_time() -> Option<Duration> {
    let mut sum = 0;
    for thread in std::fs::read_dir("/proc/self/task").ok()? {
        let stat = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        sum += stat.split_whitespace().next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(sum))
}
