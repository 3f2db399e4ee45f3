//! The readers: a few threads, each with a connection of its own, that run what they are handed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use fluvius_core::StoreError;
use rusqlite::Connection;

use crate::connect;
use crate::writer::IsOpen;

/// What reads: it is given a connection, or why there is none.
pub(crate) type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) + Send>;

/// The way to the readers' threads, which end with it.
#[derive(Debug)]
pub(crate) struct Readers {
    jobs: mpsc::Sender<Job>,
}

impl Readers {
    pub(crate) fn start(file: &Path, count: usize, is_open: &IsOpen) -> Result<Self, StoreError> {
        let (jobs, waiting) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..count {
            let (file, waiting) = (file.to_owned(), Arc::clone(&waiting));
            let is_open = is_open.clone();
            let thread = thread::Builder::new().name("fluvius-sqlite-reader".to_owned());
            let spawned = thread.spawn(move || {
                run(&file, &waiting);
                drop(is_open);
            });
            spawned.map_err(|error| {
                StoreError::unavailable("the system has no thread for a reader").with_source(error)
            })?;
        }
        Ok(Self { jobs })
    }

    /// Hands a job over.
    pub(crate) fn send(&self, job: Job) -> Result<(), StoreError> {
        self.jobs.send(job).map_err(|_| {
            StoreError::unavailable("the readers of the store have ended: open it again")
        })
    }
}

fn run(file: &Path, waiting: &Mutex<Receiver<Job>>) {
    let mut connection: Option<Connection> = None;
    loop {
        // Whoever holds the lock waits for the next job; the others wait for the lock.
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let opened = match connection.take() {
            Some(connection) => Ok(connection),
            None => connect::reader(file),
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
