//! The readers: a few threads, each with a connection of its own, that run what they are handed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;

use fluvius_core::StoreError;
use rusqlite::Connection;

use crate::options::Place;
use crate::writer::IsOpen;
use crate::{connect, writer};

/// What reads: it is given a connection, or why there is none.
pub(crate) type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) + Send>;

/// The two kinds of reads. Each has threads of its own, so that queries do not keep commands waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Reads by identifier, as commands make them: their time is proportional to their result.
    Points,
    /// All others.
    Scans,
}

/// The way to the readers' threads, which end with it.
#[derive(Debug)]
pub(crate) struct Readers {
    /// `None` once the store was closed.
    lanes: RwLock<Option<Lanes>>,
}

#[derive(Debug)]
struct Lanes {
    points: mpsc::Sender<Job>,
    scans: mpsc::Sender<Job>,
}

impl Readers {
    pub(crate) fn start(
        place: &Arc<Place>,
        file: &Path,
        is_open: &IsOpen,
    ) -> Result<Self, StoreError> {
        let points = start(place, file, is_open)?;
        let scans = start(place, file, is_open)?;
        Ok(Self { lanes: RwLock::new(Some(Lanes { points, scans })) })
    }

    /// Hands a job over.
    pub(crate) fn send(&self, lane: Lane, job: Job) -> Result<(), StoreError> {
        let lanes = self.lanes.read().unwrap_or_else(PoisonError::into_inner);
        let lanes = lanes.as_ref().ok_or_else(writer::closed)?;
        let jobs = match lane {
            Lane::Points => &lanes.points,
            Lane::Scans => &lanes.scans,
        };
        jobs.send(job).map_err(|_| {
            StoreError::unavailable("the readers of the store have ended: open it again")
        })
    }

    /// Ends the threads, once they are through with the jobs that were handed over.
    pub(crate) fn end(&self) {
        *self.lanes.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Starts the threads of a lane.
fn start(
    place: &Arc<Place>,
    file: &Path,
    is_open: &IsOpen,
) -> Result<mpsc::Sender<Job>, StoreError> {
    let (jobs, waiting) = mpsc::channel();
    let waiting = Arc::new(Mutex::new(waiting));
    for _ in 0..place.options.max_readers {
        let (place, file, waiting) = (Arc::clone(place), file.to_owned(), Arc::clone(&waiting));
        let is_open = is_open.clone();
        let thread = thread::Builder::new().name("fluvius-sqlite-reader".to_owned());
        let spawned = thread.spawn(move || {
            run(&place, &file, &waiting);
            drop(is_open);
        });
        spawned.map_err(|error| {
            StoreError::unavailable("the system has no thread for a reader").with_source(error)
        })?;
    }
    Ok(jobs)
}

fn run(place: &Place, file: &Path, waiting: &Mutex<Receiver<Job>>) {
    let mut connection: Option<Connection> = None;
    loop {
        // Whoever holds the lock waits for the next job; the others wait for the lock.
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let opened = match connection.take() {
            Some(connection) => Ok(connection),
            None => connect::reader_of(place, file),
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
        // Who asked is told by the answer that never comes; the connection goes with the panic.
        connection = catch_unwind(read).unwrap_or(None);
    }
}
