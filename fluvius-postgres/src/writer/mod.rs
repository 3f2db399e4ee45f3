//! The commits: batches go down one connection, in the order in which they come.

mod commit_params;
mod composite_encoding;
mod parts;
mod reply;
mod row_arrays;
mod writer_connection;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use fluvius_core::{CommitOutcome, StoreError, UnitOfWork};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use self::commit_params::{Draft, States};
use self::reply::CommitReply;
use self::writer_connection::{LivenessLock, Session};
use crate::connect::Connector;
use crate::error::Fault;
use crate::gate::Gate;
use crate::options::Durability;
use crate::params::{self, param};
use crate::readers::Readers;

/// The number of tries of a batch that others are in the way of.
const TRY_COUNT: usize = 8;

/// Commits, over a connection that is opened again where it was lost.
///
/// All of it runs on the store's runtime: a commit runs to its end whatever becomes of its caller.
#[derive(Debug)]
pub(crate) struct Writer {
    connector: Connector,
    /// Spaces out attempts to open a session that is refused for other reasons than the connection.
    gate: Gate,
    /// The connections that read the answers of known commands.
    readers: Readers,
    /// The number by which this store's turns across processes are known.
    process: i64,
    session: tokio::sync::Mutex<Place>,
    /// Sessions that were lost in the middle of a commit, of which nobody knows yet that they have ended.
    lost: Mutex<Vec<LivenessLock>>,
    /// The last position that the server has told.
    newest: Arc<AtomicI64>,
}

/// The session, or the last failure to open one and its time.
#[derive(Debug, Default)]
struct Place {
    session: Option<Arc<Session>>,
    failed: Option<(Instant, StoreError)>,
}

/// The way in which a batch is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CommitPath {
    /// By the statements for batches that change aggregates which are there.
    Changes,
    /// By the commit function.
    Function(States),
}

/// The result of storing a batch.
enum CallResult {
    Done(CommitReply),
    /// Nothing of it is stored.
    Failed(Fault),
    /// All of it is stored, or nothing.
    Unknown(Fault),
}

impl Writer {
    pub(crate) async fn open(
        connector: Connector,
        readers: Readers,
        process: i64,
    ) -> Result<Self, StoreError> {
        let newest = Arc::new(AtomicI64::new(0));
        let session = Some(Arc::new(Session::open(&connector, true, &newest).await?));
        Ok(Self {
            gate: Gate::new(connector.home.clone(), false),
            connector,
            readers,
            process,
            session: tokio::sync::Mutex::new(Place { session, failed: None }),
            lost: Mutex::default(),
            newest,
        })
    }

    /// Commits a batch, in several parts if it is too large for one.
    pub(crate) async fn commit(&self, batch: &[UnitOfWork]) -> Vec<CommitOutcome> {
        let sizes: Vec<usize> = batch.iter().map(UnitOfWork::estimated_bytes).collect();
        let mut outcomes: Vec<CommitOutcome> = Vec::with_capacity(batch.len());
        for part in parts::of(&sizes, parts::PART_BYTES_MAX) {
            let first = part.start;
            let units = &batch[part];
            let has_fallen = units.iter().any(|unit| fallen(unit, first, &outcomes).is_some());
            if has_fallen {
                // Units that depend on no aborted unit go on.
                self.commit_one_by_one(batch, first, units.len(), &mut outcomes).await;
            } else if sizes[first] > commit_params::BYTES_MAX {
                // The unit is a part of its own.
                outcomes.push(CommitOutcome::Failed(commit_params::too_large()));
            } else {
                self.commit_part(batch, first, units, &mut outcomes).await;
            }
        }
        outcomes
    }

    /// Commits units together. The earlier units that they depend on are stored.
    async fn commit_part(
        &self,
        batch: &[UnitOfWork],
        first: usize,
        units: &[UnitOfWork],
        outcomes: &mut Vec<CommitOutcome>,
    ) {
        let draft = Draft::of(units, first);
        match self.call(&draft).await {
            // A unit that PostgreSQL cannot keep, or that is too large for it, must not fail the others.
            CallResult::Failed(fault) if units.len() > 1 && fault.may_be_of_one() => {
                tracing::debug!(error = %fault, "the units of a batch are committed one by one");
                self.commit_one_by_one(batch, first, units.len(), outcomes).await;
            }
            called => {
                let told = self.outcomes(&draft, called).await;
                // The indexes are converted to those of the batch.
                outcomes.extend(told.into_iter().map(|outcome| match outcome {
                    CommitOutcome::DependencyAborted { on } => {
                        CommitOutcome::DependencyAborted { on: first + on }
                    }
                    outcome => outcome,
                }));
            }
        }
    }

    /// Commits each unit by itself.
    async fn commit_one_by_one(
        &self,
        batch: &[UnitOfWork],
        first: usize,
        count: usize,
        outcomes: &mut Vec<CommitOutcome>,
    ) {
        for (index, unit) in batch.iter().enumerate().skip(first).take(count) {
            let draft = Draft::of(std::slice::from_ref(unit), index);
            let outcome = match fallen(unit, index, outcomes) {
                Some(on) if draft.malformed.is_empty() => CommitOutcome::DependencyAborted { on },
                _ => {
                    let called = self.call(&draft).await;
                    let outcome = self.outcomes(&draft, called).await.pop();
                    outcome.unwrap_or(CommitOutcome::InDoubt)
                }
            };
            outcomes.push(outcome);
        }
    }

    async fn outcomes(&self, draft: &Draft<'_>, called: CallResult) -> Vec<CommitOutcome> {
        match called {
            CallResult::Done(told) => match reply::read(&self.readers, draft, &told).await {
                Ok(outcomes) => outcomes,
                // It is committed, and what it has told cannot be read.
                Err(fault) => {
                    tracing::error!(error = %fault, "the fates of a batch cannot be read");
                    draft.batch.iter().map(|_| CommitOutcome::InDoubt).collect()
                }
            },
            CallResult::Failed(fault) => {
                let error = StoreError::from(fault);
                let units = draft.batch.iter().enumerate();
                units
                    .map(|(index, _)| {
                        let own = draft.malformed.get(&index);
                        CommitOutcome::Failed(own.unwrap_or(&error).clone())
                    })
                    .collect()
            }
            CallResult::Unknown(fault) => {
                tracing::warn!(error = %fault, "what has become of a commit is not known");
                draft.batch.iter().map(|_| CommitOutcome::InDoubt).collect()
            }
        }
    }

    /// Stores a batch, again where others were in the way.
    async fn call(&self, draft: &Draft<'_>) -> CallResult {
        let mut way = match draft.is_of_changes() {
            true => CommitPath::Changes,
            false => CommitPath::Function(draft.states_at_first()),
        };
        let mut count = 0;
        loop {
            count += 1;
            let called = self.call_once(draft, way).await;
            way = match (called, way) {
                (None, CommitPath::Changes) => CommitPath::Function(draft.states_at_first()),
                (None, CommitPath::Function(_)) => CommitPath::Function(States::All),
                (Some(CallResult::Failed(fault)), _)
                    if fault.is_of_others() && count < TRY_COUNT =>
                {
                    tracing::debug!(error = %fault, count, "a commit is tried again");
                    CommitPath::Function(draft.states_at_first())
                }
                (Some(called), _) => return called,
            }
        }
    }

    /// `None`: nothing of it is stored, and it must be stored in another way.
    async fn call_once(&self, draft: &Draft<'_>, way: CommitPath) -> Option<CallResult> {
        let session = match self.session().await {
            Ok(session) => session,
            Err(fault) => return Some(CallResult::Failed(fault)),
        };
        let durability = match self.connector.place.options.durability {
            Durability::Full => "on",
            Durability::Normal => "off",
        };
        let (statement, params) = match way {
            CommitPath::Changes => {
                let has_context = |id| session.has_context(id);
                let statement = match draft.is_plain(has_context) {
                    true if draft.is_of_one_change() => &session.change,
                    true => &session.plain_changes,
                    false => &session.changes,
                };
                (statement, draft.params_of_changes(&session, durability, self.process))
            }
            CommitPath::Function(states) => {
                (&session.commit, draft.params(&session.types, durability, self.process, states))
            }
        };
        let params = match params {
            Ok(params) => params,
            Err(fault) => return Some(CallResult::Failed(fault)),
        };
        let params = params::typed(params, statement.params());
        let params = params::as_sql(&params);
        // From here to the answer the outcome is open.
        let open = OpenCall { writer: self, session: &session };
        let called = session.client.query(statement, &params);
        let time_max = self.connector.place.options.statement_timeout * 2;
        let fault = match tokio::time::timeout(time_max, called).await {
            Ok(Ok(rows)) => {
                open.close();
                return self.told(draft, &session, way, &rows);
            }
            Ok(Err(error)) => Fault::Postgres(error),
            Err(_) => Fault::unanswered(),
        };
        if matches!(fault, Fault::Postgres(_)) && fault.is_rolled_back() {
            open.close();
            return Some(CallResult::Failed(fault));
        }
        Some(CallResult::Unknown(fault))
    }

    /// Reads the answer of the server, and remembers the newest position and the contexts.
    fn told(
        &self,
        draft: &Draft<'_>,
        session: &Session,
        way: CommitPath,
        rows: &[Row],
    ) -> Option<CallResult> {
        let told = match way {
            CommitPath::Changes => CommitReply::of_changes(rows, draft),
            CommitPath::Function(_) => CommitReply::of_function(rows),
        };
        match told {
            Ok(Some(told)) => {
                if let Some(newest) = told.newest(draft) {
                    self.newest.fetch_max(newest, Ordering::SeqCst);
                }
                session.keep_contexts(told.stored_units(draft));
                Some(CallResult::Done(told))
            }
            Ok(None) if way == CommitPath::Function(States::All) => {
                Some(CallResult::Failed(Fault::damaged("commit_batch", "it has told no fates")))
            }
            Ok(None) => None,
            // It is committed, and what it has told cannot be read.
            Err(fault) => Some(CallResult::Unknown(fault)),
        }
    }

    /// The connection, opened anew where there is none.
    async fn session(&self) -> Result<Arc<Session>, Fault> {
        let asked = Instant::now();
        let mut place = self.session.lock().await;
        if let Some(session) = &place.session
            && !session.client.is_closed()
            && !session.is_lost.load(Ordering::SeqCst)
        {
            return Ok(Arc::clone(session));
        }
        place.session = None;
        // If an attempt failed while this call waited for the lock, it has failed for this call as well.
        if let Some((_, error)) = place.failed.as_ref().filter(|(at, _)| *at >= asked) {
            return Err(error.clone().into());
        }
        let (connector, newest) = (self.connector.clone(), Arc::clone(&self.newest));
        // A server that says nothing must not be waited for under this lock.
        let time_max =
            connector.place.connect_time_max() + connector.place.options.statement_timeout * 2;
        let attempt = async move {
            let opened = Box::pin(Session::open(&connector, false, &newest));
            let opened = tokio::time::timeout(time_max, opened).await;
            opened.map_err(|_| Fault::unanswered())?
        };
        match Box::pin(self.gate.pass(Box::pin(attempt))).await {
            Ok(session) => {
                let session = Arc::new(session);
                place.session = Some(Arc::clone(&session));
                Ok(session)
            }
            Err(fault) => {
                let error = StoreError::from(fault);
                place.failed = Some((Instant::now(), error.clone()));
                Err(error.into())
            }
        }
    }

    /// Takes a session for lost: nothing more is sent over it, and what it had begun is to be ended.
    fn lose(&self, session: &Session) {
        if !session.is_lost.swap(true, Ordering::SeqCst) {
            self.lost().push(session.lock);
        }
    }

    /// Sees to it that what lost connections had begun has ended: after that the log tells what they have stored.
    ///
    /// A session holds its lock as long as it lives, and it ends its transaction before it gives the lock back.
    pub(crate) async fn settle(&self) -> Result<(), Fault> {
        let lost = self.lost().clone();
        for LivenessLock(key) in lost {
            let params = || vec![param(key, Type::INT8)];
            let end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted \
                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
                       AND ((classid::bigint << 32) | objid::bigint) = $1 AND objsubid = 1";
            self.readers.fixed(end, params()).await?;
            self.readers.fixed("SELECT pg_advisory_xact_lock($1)", params()).await?;
            self.lost().retain(|lost| lost.0 != key);
        }
        Ok(())
    }

    fn lost(&self) -> std::sync::MutexGuard<'_, Vec<LivenessLock>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the first earlier unit that a unit depends on and that is not stored.
fn fallen(unit: &UnitOfWork, first: usize, outcomes: &[CommitOutcome]) -> Option<usize> {
    let is_stored = |on: usize| matches!(outcomes.get(on), Some(CommitOutcome::Committed { .. }));
    unit.depends_on.iter().copied().find(|on| *on < first && !is_stored(*on))
}

/// A call whose outcome is open. Where it ends without an answer, or nobody waits for it any more, its session is lost.
struct OpenCall<'w> {
    writer: &'w Writer,
    session: &'w Session,
}

impl OpenCall<'_> {
    /// The outcome is known.
    fn close(self) {
        // It owns nothing.
        std::mem::forget(self);
    }
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.writer.lose(self.session);
    }
}
