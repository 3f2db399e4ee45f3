//! The readers: a few threads that run reads, each with its own connection.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;

use fluvius_store::StoreError;
use rusqlite::Connection;

use crate::connection::{self, OpenGuard, ReadJob};
use crate::database_path::DatabasePath;
use crate::error::store_closed;

/// The two kinds of reads. Each has its own threads, so that queries do not delay commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Reads by identifier, such as those of commands. Their time is proportional to their result.
    Points,
    /// All others.
    Scans,
}

/// The handle of the reader threads, which end when it is dropped.
#[derive(Debug)]
pub(crate) struct Readers {
    /// `None` once the store was closed.
    lanes: RwLock<Option<Lanes>>,
}

#[derive(Debug)]
struct Lanes {
    points: mpsc::Sender<ReadJob>,
    scans: mpsc::Sender<ReadJob>,
}

impl Readers {
    pub(crate) fn start(
        database: &Arc<DatabasePath>,
        file: &Path,
        open_guard: &OpenGuard,
    ) -> Result<Self, StoreError> {
        let points = start(database, file, open_guard)?;
        let scans = start(database, file, open_guard)?;
        Ok(Self { lanes: RwLock::new(Some(Lanes { points, scans })) })
    }

    /// Sends a job.
    pub(crate) fn send(&self, lane: Lane, job: ReadJob) -> Result<(), StoreError> {
        let lanes = self.lanes.read().unwrap_or_else(PoisonError::into_inner);
        let lanes = lanes.as_ref().ok_or_else(store_closed)?;
        let jobs = match lane {
            Lane::Points => &lanes.points,
            Lane::Scans => &lanes.scans,
        };
        jobs.send(job).map_err(|_| {
            StoreError::unavailable("the readers of the store have ended: open it again")
        })
    }

    /// Ends the threads after the jobs that were sent.
    pub(crate) fn end(&self) {
        *self.lanes.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Starts the threads of a lane.
fn start(
    database: &Arc<DatabasePath>,
    file: &Path,
    open_guard: &OpenGuard,
) -> Result<mpsc::Sender<ReadJob>, StoreError> {
    let (jobs, waiting) = mpsc::channel();
    let waiting = Arc::new(Mutex::new(waiting));
    for _ in 0..database.options.max_readers {
        let (database, file, waiting) =
            (Arc::clone(database), file.to_owned(), Arc::clone(&waiting));
        let open_guard = open_guard.clone();
        let thread = thread::Builder::new().name("fluvius-sqlite-reader".to_owned());
        let spawned = thread.spawn(move || {
            run(&database, &file, &waiting);
            drop(open_guard);
        });
        spawned.map_err(|error| {
            StoreError::unavailable("cannot start a reader thread").with_source(error)
        })?;
    }
    Ok(jobs)
}

fn run(database: &DatabasePath, file: &Path, waiting: &Mutex<Receiver<ReadJob>>) {
    let mut connection: Option<Connection> = None;
    loop {
        // One thread waits for the next job while it holds the lock. The others wait for the lock.
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let opened = match connection.take() {
            Some(connection) => Ok(connection),
            None => connection::open_pooled_reader(database, file),
        };
        let read = AssertUnwindSafe(|| match opened {
            Ok(opened) => {
                job(Ok(&opened));
                Some(opened)
            }
            Err(fault) => {
                job(Err(fault.into()));
                None
            }
        });
        // After a panic the caller finds its channel closed; the connection is dropped.
        connection = catch_unwind(read).unwrap_or(None);
    }
}
