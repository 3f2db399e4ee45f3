//! The writer's thread: opens the connection, runs jobs, reopens it after a failure, and closes it.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use fluvius_store::{CommitOutcome, StoreError, UnitOfWork};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::hooks::Wal;
use tokio::sync::{oneshot, watch};

use super::transaction::WriterConnection;
use super::write_lease::WriteLease;
use super::{Commit, Job, WorkCall};
use crate::checkpointer::Checkpointer;
use crate::connection::{self, OpenGuard};
use crate::database_path::DatabasePath;
use crate::error::{Fault, thread_lost};

/// Longest wait of the writer until other threads have closed the file.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Time that the writer polls for the next job before it sleeps. A caller that has its answer often
/// sends the next job before a sleeping thread could wake.
const SPIN_TIME: Duration = Duration::from_micros(100);

/// The channels to a writer's thread.
#[derive(Debug)]
pub(super) struct ThreadHandle {
    /// `None` once the store was closed.
    pub(super) open: Option<OpenHandle>,
    /// The result of closing the file, once the thread has closed it.
    pub(super) closed: watch::Receiver<Option<Result<(), StoreError>>>,
}

#[derive(Debug)]
pub(super) struct OpenHandle {
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) open_guard: OpenGuard,
}

pub(super) fn spawn(
    database: Arc<DatabasePath>,
    has_in_doubt: Arc<AtomicBool>,
    opened: Option<oneshot::Sender<Result<(), StoreError>>>,
) -> Result<ThreadHandle, StoreError> {
    let (sender, jobs) = mpsc::channel();
    let (open_guard, others) = mpsc::channel();
    let (has_closed, closed) = watch::channel(None);
    let open = Some(OpenHandle { jobs: sender, open_guard: open_guard.clone() });
    let run = move || {
        let queue = JobQueue { jobs, put_back: None, has_in_doubt };
        let connection = run(&database, queue, &open_guard, opened);
        let ended = close(&database, connection, open_guard, &others);
        has_closed.send_replace(Some(ended.map_err(StoreError::from)));
    };
    thread::Builder::new().name("fluvius-sqlite-writer".to_owned()).spawn(run).map_err(
        |error| StoreError::unavailable("cannot start the writer thread").with_source(error),
    )?;
    Ok(ThreadHandle { open, closed })
}

/// Closes the file once the other threads have closed it. The last connection that closes
/// checkpoints the write-ahead log and removes it.
fn close(
    database: &DatabasePath,
    connection: Option<Connection>,
    open_guard: OpenGuard,
    others: &Receiver<Infallible>,
) -> Result<(), Fault> {
    let Some(mut connection) = connection else { return Err(Fault::Public(log_left())) };
    // The checkpointer ends with its hook.
    let _ = connection.wal_hook(None::<fn(&mut Wal, i32) -> rusqlite::Result<()>>);
    drop(open_guard);
    // The other threads end after their current job.
    let ended = others.recv_timeout(CLOSE_TIMEOUT);
    if database.file.is_none() {
        return Ok(());
    }
    if let Err(fault) = database.check_file() {
        // A log of this name may belong to another file now.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        return Err(fault);
    }
    connection::truncate_log(&mut connection)
        .map_err(|fault| Fault::Public(log_left().with_source(StoreError::from(fault))))?;
    connection.close().map_err(|(_, error)| error)?;
    match ended {
        Err(RecvTimeoutError::Timeout) => Err(Fault::Public(log_left())),
        _ => Ok(()),
    }
}

/// Returns the error of a close that leaves the write-ahead log.
fn log_left() -> StoreError {
    StoreError::unavailable(
        "the store was closed, but its write-ahead log is not yet in the file: keep the files \
         beside it, and open the store again to merge them",
    )
}

fn run(
    database: &Arc<DatabasePath>,
    mut queue: JobQueue,
    open_guard: &OpenGuard,
    opened: Option<oneshot::Sender<Result<(), StoreError>>>,
) -> Option<Connection> {
    let mut connection = match open(database, open_guard) {
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
            None => Err(Fault::Public(thread_lost())),
            Some(connection) => WriterConnection::new(database, connection)
                .map(|mut connection| queue.serve(&mut connection)),
        };
        match served {
            Ok(Served::Ended) => return connection,
            Ok(Served::MustReopen) => {}
            // The next job gets the error, and the thread then tries to open the file again.
            Err(fault) => match queue.next() {
                Some(job) => fail(job, &fault.into()),
                None => return connection,
            },
        }
        if database.file.is_some() {
            connection = None;
            connection = match open(database, open_guard) {
                Ok(opened) => Some(opened),
                Err(fault) => {
                    let job = queue.next()?;
                    fail(job, &fault.into());
                    connection
                }
            };
        }
    }
}

fn open(database: &Arc<DatabasePath>, open_guard: &OpenGuard) -> Result<Connection, Fault> {
    let mut connection = connection::open_writer(database)?;
    #[cfg(test)]
    database.watch(&mut connection)?;
    if let Some(file) = &database.file {
        let checkpointer = Checkpointer::start(file, &database.options, open_guard.clone())?;
        connection.wal_hook(Some(checkpointer.hook()))?;
    }
    Ok(connection)
}

/// Answers a job with an error.
fn fail(job: Job, error: &StoreError) {
    match job {
        Job::Commit(commit) => {
            let outcomes = failed(&commit.batch, error);
            let _ = commit.answer.send(outcomes);
        }
        Job::RegisterDomain { answer, .. } | Job::ResolveInDoubt(answer) => {
            drop(answer.send(Err(error.clone())));
        }
        Job::DeclareIndexes { answer, .. } => drop(answer.send(Err(error.clone()))),
        Job::WriteWork(call) => {
            let outcomes = call.failed(error);
            drop(call.answer.send(outcomes));
        }
        Job::Incarnation(answer) => drop(answer.send(Err(error.clone()))),
        Job::Read(read) => read(Err(error.clone())),
        Job::Checkpoint(answer) => drop(answer.send(())),
    }
}

/// Returns the outcomes of units without any stored row.
pub(super) fn failed(batch: &[UnitOfWork], error: &StoreError) -> Vec<CommitOutcome> {
    let units = batch.iter().enumerate();
    units
        .map(|(index, unit)| match unit.validate(index) {
            Ok(()) => CommitOutcome::Failed(error.clone()),
            Err(malformed) => CommitOutcome::Failed(malformed),
        })
        .collect()
}

/// The reason why a connection runs no more jobs.
enum Served {
    Ended,
    MustReopen,
}

/// The jobs that wait for the writer.
pub(super) struct JobQueue {
    pub(super) jobs: Receiver<Job>,
    /// A job that was taken while a group was gathered, and is no commit.
    pub(super) put_back: Option<Job>,
    pub(super) has_in_doubt: Arc<AtomicBool>,
}

impl JobQueue {
    /// Waits for the next job. Returns `None` once no sender is left.
    fn next(&mut self) -> Option<Job> {
        self.poll().or_else(|| self.jobs.recv().ok())
    }

    /// Waits for the next job, and releases the write lease if none arrives soon.
    fn next_or_release(&mut self, lease: &mut WriteLease) -> Option<Job> {
        let job = self.poll().or_else(|| self.jobs.recv_timeout(lease.idle_time()?).ok());
        job.or_else(|| {
            lease.release();
            self.jobs.recv().ok()
        })
    }

    /// Returns the next job if it arrives before a sleeping thread could wake.
    fn poll(&mut self) -> Option<Job> {
        let begun = Instant::now();
        loop {
            match self.try_next() {
                Ok(job) => return Some(job),
                // Yields the processor to other threads.
                Err(TryRecvError::Empty) if begun.elapsed() < SPIN_TIME => thread::yield_now(),
                Err(_) => return None,
            }
        }
    }

    fn try_next(&mut self) -> Result<Job, TryRecvError> {
        self.put_back.take().map_or_else(|| self.jobs.try_recv(), Ok)
    }

    /// Runs jobs until no sender is left, or the connection is no longer usable.
    fn serve(&mut self, connection: &mut WriterConnection<'_>) -> Served {
        while let Some(job) = self.next_or_release(&mut connection.lease) {
            let is_usable = match job {
                first @ (Job::Commit(_) | Job::WriteWork(_)) => {
                    let group = self.gather(first, connection.database);
                    self.commit(connection, group)
                }
                Job::Incarnation(answer) => {
                    let found = connection.incarnation();
                    let _ = answer.send(found.map_err(StoreError::from));
                    connection.roll_back()
                }
                Job::RegisterDomain { domain, resources, answer } => {
                    let registered = connection.register_domain(&domain, &resources);
                    let _ = answer.send(registered.map_err(StoreError::from));
                    connection.roll_back()
                }
                Job::DeclareIndexes { resource, fields, answer } => {
                    let declared = connection.declare_indexes(&resource, fields.as_deref());
                    let _ = answer.send(declared.map_err(StoreError::from));
                    connection.roll_back()
                }
                Job::ResolveInDoubt(answer) => {
                    let _ = answer.send(self.resolve_in_doubt(connection));
                    connection.roll_back()
                }
                Job::Checkpoint(answer) => {
                    connection.checkpoint();
                    let _ = answer.send(());
                    connection.roll_back()
                }
                Job::Read(read) => {
                    let read = AssertUnwindSafe(|| read(Ok(connection.connection)));
                    // After a panic the caller finds the channel of its answer closed.
                    let _ = catch_unwind(read);
                    connection.roll_back()
                }
            };
            if !is_usable {
                return Served::MustReopen;
            }
        }
        Served::Ended
    }

    /// Takes the jobs that can share a transaction, up to its bounds.
    pub(super) fn gather(&mut self, first: Job, database: &DatabasePath) -> Group {
        let options = &database.options;
        let (mut units, mut bytes) = (0, 0);
        let mut group = Group::default();
        let mut next = Some(first);
        loop {
            match next {
                Some(Job::Commit(commit)) => {
                    units += commit.batch.len();
                    bytes += commit.batch.iter().map(UnitOfWork::estimated_bytes).sum::<usize>();
                    group.commits.push(commit);
                }
                Some(Job::WriteWork(call)) => group.work.push(call),
                other => {
                    self.put_back = other;
                    return group;
                }
            }
            if units >= options.max_batch_units || bytes >= options.max_batch_bytes {
                return group;
            }
            next = self.try_next().ok();
        }
    }
}

/// The jobs of one transaction. Commits go first.
#[derive(Default)]
pub(super) struct Group {
    pub(super) commits: Vec<Commit>,
    pub(super) work: Vec<WorkCall>,
}
