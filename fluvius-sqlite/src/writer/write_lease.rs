//! The write lease: the writers of several processes write one after the other, each for a time
//! slice.
//!
//! SQLite grants its write lock to whichever writer polls first. So one process could write a
//! thousand times while another one waits. And a process that lost the race decides on rows that
//! the next transaction of another process invalidates.
//!
//! So a writer acquires the lease before SQLite's lock. The lease is a lock of the operating system
//! on the write-ahead log. Its waiters sleep, the kernel wakes them about in the order of their
//! requests, and it releases the lock of a process that ends. While a writer holds the lease, a
//! version conflict is followed by the repeated decision, which then finds the same rows.
//!
//! The lease is advisory: it replaces none of SQLite's checks. A writer that waited for too long
//! writes without it.

use std::fs::{File, TryLockError};
use std::io::{Error, ErrorKind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Time for which a writer considers the file contended after it has seen another writer.
const CONTENDED_TIME: Duration = Duration::from_secs(1);

/// Time slice of the lease. A transaction that began within it is completed.
///
/// The longer it is, the more decisions of other writers it invalidates.
const SLICE: Duration = Duration::from_millis(2);

/// Time slice with an outdated transaction: one that stored nothing because of version
/// conflicts. The writers change the same few aggregates, so each slice begins with one.
const HOT_SLICE: Duration = Duration::from_millis(10);

/// Time slice whose last transaction was outdated, and the one without contention.
const LONG_SLICE: Duration = Duration::from_millis(50);

/// Time for which an idle writer keeps the lease after an outdated transaction, since the repeated
/// decisions are about to arrive.
const RETRY_TIME: Duration = Duration::from_millis(5);

/// Least time between two leases of one writer. In it, a waiting writer wakes up.
const PAUSE: Duration = Duration::from_micros(500);
const CONTENDED_PAUSE: Duration = Duration::from_millis(1);

/// Longest wait for the lease.
const WAIT_TIMEOUT: Duration = Duration::from_secs(1);

/// The write lease of one writer.
pub(super) struct WriteLease {
    /// `None` without a file, or where such locks are not supported.
    lock: Option<LeaseLock>,
    /// The time at which another writer was last seen.
    contended: Option<Instant>,
    /// The time at which the lease was acquired.
    acquired: Option<Instant>,
    /// The time at which it was last released.
    released: Option<Instant>,
    /// Set if the last transaction of the slice was outdated.
    is_outdated: bool,
    /// Set if a transaction of the slice was outdated.
    is_hot: bool,
}

impl WriteLease {
    /// Creates the lease of a writer whose write-ahead log is at `log`.
    pub(super) fn new(log: Option<&Path>) -> Self {
        Self {
            lock: log.and_then(LeaseLock::open),
            contended: None,
            acquired: None,
            released: None,
            is_outdated: false,
            is_hot: false,
        }
    }

    /// Waits for the lease before a transaction, unless it is held.
    pub(super) fn acquire(&mut self) {
        let is_contended = self.contended.is_some_and(|seen| seen.elapsed() < CONTENDED_TIME);
        if let Some(acquired) = self.acquired {
            let slice = match () {
                // Without a lock, only pauses let other writers in.
                () if is_contended && self.lock.is_none() => Duration::ZERO,
                () if self.is_outdated || !is_contended => LONG_SLICE,
                () if self.is_hot => HOT_SLICE,
                () => SLICE,
            };
            if acquired.elapsed() < slice {
                return;
            }
            self.release();
            thread::sleep(if is_contended { CONTENDED_PAUSE } else { PAUSE });
        } else if is_contended && let Some(released) = self.released {
            thread::sleep(CONTENDED_PAUSE.saturating_sub(released.elapsed()));
        }
        if let Some(lock) = &mut self.lock
            && !lock.try_acquire()
        {
            self.contended = Some(Instant::now());
            lock.acquire(WAIT_TIMEOUT);
        }
        self.acquired = Some(Instant::now());
    }

    /// Records that another writer has written since the last transaction.
    pub(super) fn on_foreign_write(&mut self) {
        self.contended = Some(Instant::now());
    }

    /// Records the end of a transaction.
    pub(super) fn on_transaction_ended(&mut self, is_outdated: bool) {
        self.is_outdated = is_outdated;
        self.is_hot |= is_outdated;
    }

    /// Returns how long an idle writer waits for its next job before it releases the lease.
    pub(super) fn idle_time(&self) -> Option<Duration> {
        (self.acquired.is_some() && self.is_outdated).then_some(RETRY_TIME)
    }

    /// Releases the lease.
    pub(super) fn release(&mut self) {
        if self.acquired.take().is_some() {
            (self.is_outdated, self.is_hot) = (false, false);
            self.released = Some(Instant::now());
            if let Some(lock) = &mut self.lock {
                lock.release();
            }
        }
    }
}

impl Drop for WriteLease {
    fn drop(&mut self) {
        self.release();
    }
}

/// A lock among all processes, with a thread that waits for it.
struct LeaseLock {
    shared: Arc<Shared>,
    is_held: bool,
    /// Set once the thread was started.
    is_started: bool,
}

struct Shared {
    /// SQLite locks no part of the write-ahead log. The database file and the `-shm` file must not
    /// be opened here: on POSIX, closing a file releases all locks of the process on it.
    log: File,
    stage: Mutex<Stage>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Neither wanted nor waited for.
    Idle,
    /// The writer waits, and the thread waits for the lock.
    Wanted,
    /// The lock is held for the writer.
    Granted,
    /// The writer no longer waits, and the thread still does.
    Abandoned,
    /// The thread ends.
    Closed,
}

impl LeaseLock {
    /// Returns `None` if the system does not support advisory locks on the log.
    fn open(log: &Path) -> Option<Self> {
        // On Windows such a lock would keep SQLite from reading the log.
        if cfg!(not(unix)) {
            return None;
        }
        let log = File::open(log).ok()?;
        let shared = Shared { log, stage: Mutex::new(Stage::Idle), changed: Condvar::new() };
        Some(Self { shared: Arc::new(shared), is_held: false, is_started: false })
    }

    /// Returns true if the lock is held, or not supported.
    fn try_acquire(&mut self) -> bool {
        if *self.shared.stage() != Stage::Idle {
            return false;
        }
        match self.shared.log.try_lock() {
            Ok(()) => self.is_held = true,
            Err(TryLockError::WouldBlock) => return false,
            Err(TryLockError::Error(error)) => {
                tracing::debug!(%error, "the writers of this file have no lease");
            }
        }
        true
    }

    /// Waits for the lock, up to a time.
    fn acquire(&mut self, timeout: Duration) {
        if !self.is_started {
            let shared = Arc::clone(&self.shared);
            let thread = thread::Builder::new().name("fluvius-sqlite-lease".to_owned());
            if thread.spawn(move || shared.run()).is_err() {
                return;
            }
            self.is_started = true;
        }
        let mut stage = self.shared.stage();
        // The holder hangs. Until it releases the lock, this writer does not wait for it again.
        if *stage != Stage::Idle {
            return;
        }
        *stage = Stage::Wanted;
        self.shared.changed.notify_all();
        let is_wanted = |stage: &mut Stage| *stage == Stage::Wanted;
        let waited = self.shared.changed.wait_timeout_while(stage, timeout, is_wanted);
        let (mut stage, _) = waited.unwrap_or_else(PoisonError::into_inner);
        self.is_held = *stage == Stage::Granted;
        *stage = if self.is_held { Stage::Idle } else { Stage::Abandoned };
    }

    fn release(&mut self) {
        if std::mem::take(&mut self.is_held)
            && let Err(error) = self.shared.log.unlock()
        {
            tracing::warn!(%error, "the write lease was not released");
        }
    }
}

impl Drop for LeaseLock {
    fn drop(&mut self) {
        *self.shared.stage() = Stage::Closed;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> Result<(), Error> {
        loop {
            match self.log.lock() {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                locked => return locked,
            }
        }
    }

    /// Acquires the lock each time that the writer wants it.
    fn run(&self) {
        loop {
            let is_idle = |stage: &mut Stage| matches!(stage, Stage::Idle | Stage::Granted);
            let stage = self.changed.wait_while(self.stage(), is_idle);
            if *stage.unwrap_or_else(PoisonError::into_inner) == Stage::Closed {
                return;
            }
            let locked = self.lock();
            let mut stage = self.stage();
            match (*stage, locked) {
                (Stage::Wanted, Ok(())) => *stage = Stage::Granted,
                (Stage::Abandoned, Ok(())) => {
                    let _ = self.log.unlock();
                    *stage = Stage::Idle;
                }
                // The writer writes without the lease from now on.
                (Stage::Wanted | Stage::Abandoned, Err(error)) => {
                    tracing::warn!(%error, "this writer acquires no further lease");
                    *stage = Stage::Abandoned;
                    self.changed.notify_all();
                    return;
                }
                (_, locked) => {
                    if locked.is_ok() {
                        let _ = self.log.unlock();
                    }
                    return;
                }
            }
            self.changed.notify_all();
        }
    }
}
