//! The writer: one thread with the one connection that writes.
//!
//! What waits when a transaction ends is the next one (group commit); nothing waits for more to
//! come. No rule runs here, and nobody reads here but where the store is in memory.

mod cache;
mod draft;
mod group;
mod indexes;
mod names;
mod plan;
mod session;
mod statements;
mod write;

#[cfg(test)]
pub(crate) mod tests;

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fluvius_core::query::Field;
use fluvius_core::{CommitOutcome, StoreError, UnitOfWork};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;
use tokio::sync::{oneshot, watch};

use crate::copier::Copier;
use crate::error::Fault;
use crate::options::Place;
use crate::{connect, readers};
use session::Session;

/// What the writer is asked to do.
pub(crate) enum Job {
    Commit(Commit),
    Claim {
        domain: String,
        resources: Vec<&'static str>,
        answer: oneshot::Sender<Result<(), StoreError>>,
    },
    /// To declare the fields of a resource, where they are told, and to do a part of what is then
    /// left to do. The answer is whether there may be more.
    Index {
        resource: String,
        fields: Option<Vec<Field>>,
        answer: oneshot::Sender<Result<bool, StoreError>>,
    },
    /// To find out what became of a commit whose end is not known.
    Settle(oneshot::Sender<Result<(), StoreError>>),
    /// To read, where the store is in memory.
    Read(readers::Job),
    /// To copy the write-ahead log into the file, as far as no reader needs it.
    Checkpoint(oneshot::Sender<()>),
}

/// How long the writer waits at the most for the others to close the file.
const CLOSING_TIME_MAX: Duration = Duration::from_secs(5);

/// For so long the writer watches for the next job before it goes to sleep. Whoever was answered
/// sends again sooner than a thread that sleeps is woken.
const WATCH_TIME: Duration = Duration::from_micros(100);

/// A batch, and who waits for its outcomes.
pub(crate) struct Commit {
    pub(crate) batch: Arc<[UnitOfWork]>,
    pub(crate) answer: oneshot::Sender<Vec<CommitOutcome>>,
}

/// Held by each thread that has the file open beside the writer, until it has closed it.
///
/// The writer closes last: whoever does takes the write-ahead log into the file and removes it.
/// Of two that close at the same time none would.
pub(crate) type IsOpen = mpsc::Sender<Infallible>;

/// The way to the writer's thread.
#[derive(Debug)]
pub(crate) struct Writer {
    place: Arc<Place>,
    way: Mutex<Way>,
    is_unsettled: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Way {
    /// `None` once the store was closed.
    open: Option<OpenWay>,
    /// The outcome of closing the file, once the thread has closed it.
    closed: watch::Receiver<Option<Result<(), StoreError>>>,
}

#[derive(Debug)]
struct OpenWay {
    jobs: mpsc::Sender<Job>,
    is_open: IsOpen,
}

impl Writer {
    /// Opens the store's connection in a thread of its own.
    pub(crate) async fn start(place: Arc<Place>) -> Result<Self, StoreError> {
        let is_unsettled = Arc::new(AtomicBool::new(false));
        let (opened, is_opened) = oneshot::channel();
        let way = spawn(Arc::clone(&place), Arc::clone(&is_unsettled), Some(opened))?;
        is_opened.await.map_err(|_| lost())??;
        Ok(Self { place, way: Mutex::new(way), is_unsettled })
    }

    /// Hands a job over. Where the thread is gone, another one takes it.
    pub(crate) fn send(&self, job: Job) -> Result<(), StoreError> {
        let mut way = self.way();
        let open = way.open.as_ref().ok_or_else(closed)?;
        let Err(mpsc::SendError(job)) = open.jobs.send(job) else { return Ok(()) };
        if self.place.file.is_none() {
            return Err(StoreError::permanent("the store in memory is lost with its thread"));
        }
        *way = spawn(Arc::clone(&self.place), Arc::clone(&self.is_unsettled), None)?;
        way.open.as_ref().ok_or_else(closed)?.jobs.send(job).map_err(|_| lost())
    }

    /// Takes no more jobs. The thread closes the file once it is through with its jobs and the
    /// others have closed it.
    pub(crate) fn end(&self) {
        self.way().open = None;
    }

    /// Waits until the file is closed, after [`end`](Self::end).
    pub(crate) async fn closed(&self) -> Result<(), StoreError> {
        let mut closed = self.way().closed.clone();
        let ended = closed.wait_for(Option::is_some).await;
        ended.map_or_else(|_| Err(lost()), |ended| ended.clone().unwrap_or(Ok(())))
    }

    /// The file, unless the store is in memory.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.place.file.as_deref()
    }

    /// Whether there is a commit of which nobody knows whether it stands.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.is_unsettled.load(Ordering::Acquire)
    }

    /// Ends the thread, as if it had been lost.
    #[cfg(test)]
    fn lose(&self) {
        let (jobs, _) = mpsc::channel();
        if let Some(open) = &mut self.way().open {
            open.jobs = jobs;
        }
    }

    /// For a thread that is to have the file open beside the writer.
    pub(crate) fn is_open(&self) -> Result<IsOpen, StoreError> {
        Ok(self.way().open.as_ref().ok_or_else(closed)?.is_open.clone())
    }

    fn way(&self) -> MutexGuard<'_, Way> {
        self.way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that was to answer is gone.
pub(crate) fn lost() -> StoreError {
    StoreError::unavailable("the thread of the store has ended: try again")
}

/// Returns the error of calls that come after the store was closed.
pub(crate) fn closed() -> StoreError {
    StoreError::unavailable("the store was closed: open it again")
}

fn spawn(
    place: Arc<Place>,
    is_unsettled: Arc<AtomicBool>,
    opened: Option<oneshot::Sender<Result<(), StoreError>>>,
) -> Result<Way, StoreError> {
    let (sender, jobs) = mpsc::channel();
    let (is_open, others) = mpsc::channel();
    let (has_closed, closed) = watch::channel(None);
    let way = Way { open: Some(OpenWay { jobs: sender, is_open: is_open.clone() }), closed };
    let run = move || {
        let desk = Desk { jobs, put_back: None, is_unsettled };
        let connection = run(&place, desk, &is_open, opened);
        let ended = close(&place, connection, is_open, &others);
        has_closed.send_replace(Some(ended.map_err(StoreError::from)));
    };
    thread::Builder::new().name("fluvius-sqlite-writer".to_owned()).spawn(run).map_err(
        |error| {
            StoreError::unavailable("the system has no thread for the writer").with_source(error)
        },
    )?;
    Ok(way)
}

/// Closes the file once the others have closed it. The last connection that is closed takes the
/// write-ahead log into the file and removes it.
fn close(
    place: &Place,
    connection: Option<Connection>,
    is_open: IsOpen,
    others: &Receiver<Infallible>,
) -> Result<(), Fault> {
    let Some(mut connection) = connection else { return Err(Fault::Told(unclosed())) };
    // The copier ends with the hook.
    let _ = connection.wal_hook(None::<fn(&mut Wal, i32) -> rusqlite::Result<()>>);
    drop(is_open);
    // They end when they are through with what they are at.
    let ended = others.recv_timeout(CLOSING_TIME_MAX);
    if place.file.is_none() {
        return Ok(());
    }
    if let Err(fault) = place.check_file() {
        // A log of this name may by now belong to another file.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        return Err(fault);
    }
    connect::copy_log(&mut connection)
        .map_err(|fault| Fault::Told(unclosed().with_source(StoreError::from(fault))))?;
    connection.close().map_err(|(_, error)| error)?;
    match ended {
        Err(RecvTimeoutError::Timeout) => Err(Fault::Told(unclosed())),
        _ => Ok(()),
    }
}

/// Returns the error of a close after which the write-ahead log is still there.
fn unclosed() -> StoreError {
    StoreError::unavailable(
        "the store was closed, but its write-ahead log is not in the file: keep the files beside \
         it, and open the store again to bring them together",
    )
}

fn run(
    place: &Arc<Place>,
    mut desk: Desk,
    is_open: &IsOpen,
    opened: Option<oneshot::Sender<Result<(), StoreError>>>,
) -> Option<Connection> {
    let mut connection = match open(place, is_open) {
        Ok(connection) => {
            opened.map(|opened| opened.send(Ok(())));
            Some(connection)
        }
        Err(fault) => match opened {
            Some(opened) => {
                let _ = opened.send(Err(fault.into()));
                return None;
            }
            None => None,
        },
    };
    loop {
        let served = match &connection {
            None => Err(Fault::Told(lost())),
            Some(connection) => {
                Session::new(place, connection).map(|mut session| desk.serve(&mut session))
            }
        };
        match served {
            Ok(Served::IsOver) => return connection,
            Ok(Served::MustReopen) => {}
            // Whoever asks while nothing can be opened is told so, and the next one tries again.
            Err(fault) => match desk.next() {
                Some(job) => refuse(job, &fault.into()),
                None => return connection,
            },
        }
        if place.file.is_some() {
            connection = None;
            connection = match open(place, is_open) {
                Ok(opened) => Some(opened),
                Err(fault) => {
                    let job = desk.next()?;
                    refuse(job, &fault.into());
                    connection
                }
            };
        }
    }
}

fn open(place: &Arc<Place>, is_open: &IsOpen) -> Result<Connection, Fault> {
    let mut connection = connect::writer(place)?;
    #[cfg(test)]
    place.watch(&mut connection)?;
    if let Some(file) = &place.file {
        let copier = Copier::start(file, &place.options, is_open.clone())?;
        connection.wal_hook(Some(copier.hook()))?;
    }
    Ok(connection)
}

/// Answers a job with what stands against it.
fn refuse(job: Job, error: &StoreError) {
    match job {
        Job::Commit(commit) => {
            let outcomes = failed(&commit.batch, error);
            let _ = commit.answer.send(outcomes);
        }
        Job::Claim { answer, .. } | Job::Settle(answer) => drop(answer.send(Err(error.clone()))),
        Job::Index { answer, .. } => drop(answer.send(Err(error.clone()))),
        Job::Read(read) => read(Err(error.clone())),
        Job::Checkpoint(answer) => drop(answer.send(())),
    }
}

/// The outcomes of units of which nothing is stored.
fn failed(batch: &[UnitOfWork], error: &StoreError) -> Vec<CommitOutcome> {
    let units = batch.iter().enumerate();
    units
        .map(|(index, unit)| match unit.validate(index) {
            Ok(()) => CommitOutcome::Failed(error.clone()),
            Err(malformed) => CommitOutcome::Failed(malformed),
        })
        .collect()
}

/// How the service of a connection ended.
enum Served {
    IsOver,
    MustReopen,
}

/// What waits for the writer.
struct Desk {
    jobs: Receiver<Job>,
    /// A job that was taken and is no commit.
    put_back: Option<Job>,
    is_unsettled: Arc<AtomicBool>,
}

impl Desk {
    /// The next job, once there is one; nothing once nobody is left to ask.
    fn next(&mut self) -> Option<Job> {
        let begun = Instant::now();
        loop {
            match self.next_now() {
                Ok(job) => return Some(job),
                Err(TryRecvError::Disconnected) => return None,
                // Others may have the processor meanwhile.
                Err(TryRecvError::Empty) if begun.elapsed() < WATCH_TIME => thread::yield_now(),
                Err(TryRecvError::Empty) => return self.jobs.recv().ok(),
            }
        }
    }

    fn next_now(&mut self) -> Result<Job, TryRecvError> {
        self.put_back.take().map_or_else(|| self.jobs.try_recv(), Ok)
    }

    /// Does what is asked for until nobody is left to ask, or the connection is of no more use.
    fn serve(&mut self, session: &mut Session<'_>) -> Served {
        while let Some(job) = self.next() {
            let is_usable = match job {
                Job::Commit(first) => {
                    let group = self.gather(first, session.place);
                    self.commit(session, group)
                }
                Job::Claim { domain, resources, answer } => {
                    let claimed = session.register_domain(&domain, &resources);
                    let _ = answer.send(claimed.map_err(StoreError::from));
                    session.roll_back()
                }
                Job::Index { resource, fields, answer } => {
                    let indexed = session.declare_indexes(&resource, fields.as_deref());
                    let _ = answer.send(indexed.map_err(StoreError::from));
                    session.roll_back()
                }
                Job::Settle(answer) => {
                    let _ = answer.send(self.settle(session));
                    session.roll_back()
                }
                Job::Checkpoint(answer) => {
                    session.checkpoint();
                    let _ = answer.send(());
                    session.roll_back()
                }
                Job::Read(read) => {
                    let read = AssertUnwindSafe(|| read(Ok(session.connection)));
                    // Who asked is told by the answer that never comes.
                    let _ = catch_unwind(read);
                    session.roll_back()
                }
            };
            if !is_usable {
                return Served::MustReopen;
            }
        }
        Served::IsOver
    }

    /// The batches that wait, up to the bounds of a transaction.
    fn gather(&mut self, first: Commit, place: &Place) -> Vec<Commit> {
        let bytes =
            |commit: &Commit| commit.batch.iter().map(UnitOfWork::estimated_bytes).sum::<usize>();
        let mut unit_count = first.batch.len();
        let mut byte_count = bytes(&first);
        let mut group = vec![first];
        while unit_count < place.options.unit_count_max && byte_count < place.options.bytes_max {
            match self.next_now() {
                Ok(Job::Commit(next)) => {
                    unit_count += next.batch.len();
                    byte_count += bytes(&next);
                    group.push(next);
                }
                Ok(other) => {
                    self.put_back = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        group
    }
}
