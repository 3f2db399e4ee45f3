//! The bounds of a running read. A read ends early if its future is dropped, its time is over, or
//! the store is closed.
//!
//! SQLite calls the check after a number of steps, on the statement's own thread. Unlike
//! `sqlite3_interrupt`, which stops any statement of a connection, it cannot hit the next read.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use fluvius_store::StoreError;
use rusqlite::Connection;

use crate::error::{Fault, store_closed};

/// Steps of SQLite between two checks: about 10 µs.
const STEPS_AT_ONCE: i32 = 1_000;

thread_local! {
    /// The read that runs on this thread.
    static CURRENT: RefCell<Option<ReadBounds>> = const { RefCell::new(None) };
}

/// The bounds of one read.
#[derive(Debug, Clone)]
pub(crate) struct ReadBounds {
    /// Expired once the caller's future is dropped.
    is_wanted: Weak<()>,
    begun: Instant,
    time_max: Duration,
    is_closed: Arc<AtomicBool>,
}

impl ReadBounds {
    /// Returns the bounds of a read that begins now.
    pub(crate) fn new(caller: &Arc<()>, time_max: Duration, is_closed: &Arc<AtomicBool>) -> Self {
        Self {
            is_wanted: Arc::downgrade(caller),
            begun: Instant::now(),
            time_max,
            is_closed: Arc::clone(is_closed),
        }
    }

    /// Returns the error of a read that must end early.
    pub(crate) fn end(&self) -> Option<StoreError> {
        if self.is_closed.load(Ordering::Acquire) {
            return Some(store_closed());
        }
        if self.is_wanted.strong_count() == 0 {
            return Some(StoreError::unavailable("the caller of the read was dropped"));
        }
        if self.begun.elapsed() >= self.time_max {
            let time = self.time_max;
            return Some(StoreError::unavailable(format!(
                "the read took longer than `read_timeout` ({time:?}): ask for less at once, \
                 declare an index, or set a longer `read_timeout`"
            )));
        }
        None
    }

    /// Runs the statements of the read.
    pub(crate) fn run<T>(&self, read: impl FnOnce() -> Result<T, Fault>) -> Result<T, StoreError> {
        if let Some(error) = self.end() {
            return Err(error);
        }
        let _current = Current::set(self.clone());
        read().map_err(|fault| match self.end() {
            Some(error) if fault.is_interrupted() => error,
            _ => fault.into(),
        })
    }
}

/// Sets the running read until it is dropped, also by a panic.
struct Current;

impl Current {
    fn set(bounds: ReadBounds) -> Self {
        CURRENT.set(Some(bounds));
        Self
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}

/// Installs the check that lets reads on this connection end early.
pub(crate) fn install_bounds_check(connection: &mut Connection) -> Result<(), Fault> {
    let must_end = || {
        CURRENT.with_borrow(|current| current.as_ref().is_some_and(|bounds| bounds.end().is_some()))
    };
    Ok(connection.progress_handler(STEPS_AT_ONCE, Some(must_end))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDLESS: &str = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) \
        SELECT count(*) FROM n";

    fn connection() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        install_bounds_check(&mut connection).unwrap();
        connection
    }

    fn run(connection: &Connection, bounds: &ReadBounds, sql: &str) -> Result<i64, StoreError> {
        bounds.run(|| Ok(connection.query_row(sql, [], |row| row.get(0))?))
    }

    fn bounds(caller: &Arc<()>) -> ReadBounds {
        ReadBounds::new(caller, Duration::from_secs(600), &Arc::default())
    }

    #[test]
    fn a_read_without_a_caller_is_skipped_or_interrupted() {
        let connection = connection();
        let caller = Arc::new(());
        let gone = bounds(&caller);
        drop(caller);
        assert!(gone.run::<()>(|| panic!("it was run")).is_err());

        let caller = Arc::new(());
        let leaving = bounds(&caller);
        let leaver = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            drop(caller);
        });
        let error = run(&connection, &leaving, ENDLESS).unwrap_err();
        assert!(error.to_string().contains("caller"), "{error}");
        leaver.join().unwrap();
        // The next read on the connection is not interrupted.
        let caller = Arc::new(());
        assert_eq!(run(&connection, &bounds(&caller), "SELECT 7").unwrap(), 7);
    }

    #[test]
    fn a_read_past_its_timeout_is_interrupted() {
        let connection = connection();
        let caller = Arc::new(());
        let short = ReadBounds::new(&caller, Duration::from_millis(10), &Arc::default());
        let error = run(&connection, &short, ENDLESS).unwrap_err();
        assert!(error.is_retryable() && error.to_string().contains("`read_timeout`"), "{error}");
        // A read that has waited for too long.
        assert!(short.run::<()>(|| panic!("it was run")).is_err());
    }

    #[test]
    fn a_read_of_a_closed_store_is_interrupted() {
        let connection = connection();
        let (caller, is_closed) = (Arc::new(()), Arc::new(AtomicBool::new(false)));
        let bounds = ReadBounds::new(&caller, Duration::from_secs(600), &is_closed);
        let closer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            is_closed.store(true, Ordering::Release);
        });
        let error = run(&connection, &bounds, ENDLESS).unwrap_err();
        assert!(error.to_string().contains("was closed"), "{error}");
        closer.join().unwrap();
    }

    #[test]
    fn a_read_that_panics_leaves_nothing_behind() {
        let connection = connection();
        let caller = Arc::new(());
        let bounds = bounds(&caller);
        let panicking = std::panic::AssertUnwindSafe(|| bounds.run::<()>(|| panic!("planted")));
        assert!(std::panic::catch_unwind(panicking).is_err());
        drop(caller);
        // A statement outside of a read is not interrupted.
        let sql = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 100000) \
            SELECT count(*) FROM n";
        assert_eq!(connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 100_000);
    }
}
