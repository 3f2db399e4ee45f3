//! The one connection that commits: what is prepared on it, and how it is known to have ended.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use fluvius_core::uuid::Uuid;
use fluvius_core::{StoreError, UnitOfWork};
use tokio_postgres::{Client, Statement};

use super::composite_encoding::RowType;
use crate::connect::Connector;
use crate::error::Fault;
use crate::{connect, migrations, pooler};

/// Over which every table that grows large is found by its index, whatever the server knew of its size when it planned:
/// the connection runs nothing but commits.
const PLANS: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
                     SET plan_cache_mode = force_generic_plan";

const COMMIT: &str = "SELECT * FROM commit_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
                      $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32)";

const CHANGES: &str = include_str!("changes.sql");

/// Around the part of that statement which stores what most batches have none of.
const REST: (&str, &str) = ("-- BEGIN", "-- END");

/// It takes the same parameters.
const CHANGE: &str = include_str!("change.sql");

/// The largest number of contexts that are known to be stored, before all of them are forgotten.
const CONTEXT_COUNT_MAX: usize = 1_024;

/// The row types that the commit function takes.
#[derive(Debug)]
pub(crate) struct Types {
    pub(crate) state: RowType,
    pub(crate) command: RowType,
    pub(crate) event: RowType,
    pub(crate) message: RowType,
    pub(crate) activity: RowType,
    pub(crate) context: RowType,
}

/// A connection that commits.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) commit: Statement,
    /// For batches that change aggregates which are there.
    pub(crate) changes: Statement,
    /// The same for those that have only commands, events and states to store.
    pub(crate) plain_changes: Statement,
    /// The same, for one unit with one command that changes one aggregate and has nothing else to store.
    pub(crate) change: Statement,
    pub(crate) types: Types,
    pub(crate) lock: LivenessLock,
    /// Set if the outcome of a call is open and its caller no longer waits.
    pub(crate) is_lost: AtomicBool,
    /// Contexts that this session has stored.
    contexts: Mutex<HashSet<Uuid>>,
}

/// A lock that the server holds for a session, and gives back when all that the session had begun has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LivenessLock(pub(crate) i64);

impl Session {
    /// Connects, brings the schema to this release where `migrates` says so, and looks whether the server still has
    /// the position that it has told this store last.
    pub(crate) async fn open(
        connector: &Connector,
        migrates: bool,
        newest: &AtomicI64,
    ) -> Result<Self, Fault> {
        let place = &connector.place;
        let setup = place.setup(place.options.statement_timeout);
        let mut client = Box::pin(connector.connect(setup.clone())).await?;
        if migrates {
            let other = Box::pin(connector.connect(setup)).await?;
            pooler::refuse(&client, &other).await?;
        }
        connect::check_server(&client, &place.options).await?;
        if migrates {
            migrations::migrate(&mut client, &place.options.schema).await?;
        }
        check_position(&client, newest.load(Ordering::SeqCst)).await?;
        client.batch_execute(PLANS).await?;
        // Drawn at random: nobody else has it.
        let key = i64::from_be_bytes(RandomState::new().hash_one(std::process::id()).to_be_bytes());
        client.execute("SELECT pg_advisory_lock($1)", &[&key]).await?;
        let (commit, changes) = tokio::join!(client.prepare(COMMIT), client.prepare(CHANGES));
        let (commit, changes) = (commit?, changes?);
        let types = types(&commit)?;
        let plain = plain_changes();
        let (plain_changes, change) = tokio::try_join!(
            client.prepare_typed(&plain, changes.params()),
            client.prepare_typed(CHANGE, changes.params()),
        )?;
        Ok(Self {
            client,
            changes,
            plain_changes,
            change,
            commit,
            types,
            lock: LivenessLock(key),
            is_lost: AtomicBool::new(false),
            contexts: Mutex::default(),
        })
    }

    /// Returns whether a context is stored already, as far as this session knows.
    pub(crate) fn has_context(&self, id: Uuid) -> bool {
        self.contexts().contains(&id)
    }

    /// Units are stored, and with them their contexts.
    pub(crate) fn keep_contexts<'u>(&self, units: impl Iterator<Item = &'u UnitOfWork>) {
        let mut contexts = self.contexts();
        for unit in units.filter(|unit| unit.row_count() > 0) {
            if contexts.insert(unit.context.id) && contexts.len() > CONTEXT_COUNT_MAX {
                contexts.clear();
            }
        }
    }

    fn contexts(&self) -> std::sync::MutexGuard<'_, HashSet<Uuid>> {
        self.contexts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The statement for changes without the tables that it would have nothing to write to: the server opens each table that
/// a statement names.
fn plain_changes() -> String {
    let (begin, end) = REST;
    let (before, rest) = CHANGES.split_once(begin).unwrap_or((CHANGES, ""));
    let (_, after) = rest.split_once(end).unwrap_or_default();
    format!("{before}{after}")
}

/// The last position that a log has. The counter says less: a standby, and a server after a crash, may have it 32
/// ahead of what has come to them.
const NEWEST: &str = "SELECT greatest(0, (SELECT max(position) FROM command_log), \
                      (SELECT max(position) FROM event_log), (SELECT max(position) FROM message_log), \
                      (SELECT max(position) FROM activity_log))";

/// A server that was put in the place of another must have all that the other has told.
async fn check_position(client: &Client, newest: i64) -> Result<(), Fault> {
    let row = client.query_one(NEWEST, &[]).await?;
    let found: i64 = row.try_get(0)?;
    if found >= newest {
        return Ok(());
    }
    Err(StoreError::permanent(format!(
        "the server has lost commits: this program was told of position {newest}, and the server is at {found}; find \
         out what is missing, and start the program anew"
    ))
    .into())
}

fn types(commit: &Statement) -> Result<Types, Fault> {
    let of = |index: usize| {
        commit.params().get(index).and_then(RowType::of).ok_or_else(|| {
            Fault::damaged("commit_batch", format!("parameter {} is no array of rows", index + 1))
        })
    };
    Ok(Types {
        state: of(18)?,
        command: of(21)?,
        event: of(23)?,
        message: of(25)?,
        activity: of(27)?,
        context: of(29)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_changes_name_no_table_that_they_leave_alone() {
        for table in ["context_log", "message_log", "activity_log"] {
            assert!(CHANGES.contains(table) && !plain_changes().contains(table), "{table}");
        }
        for table in ["resource_state", "command_log", "event_log", "FROM lease"] {
            assert!(plain_changes().contains(table), "{table}");
        }
    }
}
