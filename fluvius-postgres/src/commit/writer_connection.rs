//! The connection for commits: its prepared statements, and the lock that detects its end.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use fluvius_store::uuid::Uuid;
use fluvius_store::{StoreError, UnitOfWork};
use tokio_postgres::{Client, Statement};

use super::composite_encoding::RowType;
use super::{single_update, update_params::UPDATE_PARAMS};
use crate::connection::Connector;
use crate::error::Fault;
use crate::{connection, migrations, pooler};

/// Makes the server find rows by index, independent of the table sizes at the time of planning.
/// Only commits run on the connection.
const PLANS: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = \
    off; SET plan_cache_mode = force_generic_plan";

/// The number of parameters of `commit_batch`.
const COMMIT_PARAM_COUNT: usize = 32;

/// Updates the aggregates of a batch, all of which are present.
const UPDATE_BATCH: &str = include_str!("update_batch.sql");

/// The marks around the part of [`UPDATE_BATCH`] for the tables that most batches do not write.
const RARE_PART: (&str, &str) = ("-- BEGIN", "-- END");

/// Updates one aggregate by one command.
const UPDATE_ONE: &str = include_str!("update_one.sql");

/// The largest number of contexts that a connection records as stored. After that it clears the
/// record.
const MAX_CONTEXTS: usize = 1_024;

/// The row types of the tables that commits write.
#[derive(Debug)]
pub(crate) struct RowTypes {
    pub(crate) state: RowType,
    pub(crate) command: RowType,
    pub(crate) event: RowType,
    pub(crate) message: RowType,
    pub(crate) activity: RowType,
    pub(crate) context: RowType,
}

impl RowTypes {
    /// Takes the row types from the parameters of `commit_batch`.
    fn new(commit: &Statement) -> Result<Self, Fault> {
        let of_table = |table: &'static str| {
            let found = commit.params().iter().find_map(|array| RowType::of_table(array, table));
            found.ok_or_else(|| {
                Fault::damaged("commit_batch", format!("no parameter is an array of `{table}`"))
            })
        };
        Ok(Self {
            state: of_table("resource_state")?,
            command: of_table("command_log")?,
            event: of_table("event_log")?,
            message: of_table("message_log")?,
            activity: of_table("activity_log")?,
            context: of_table("context_log")?,
        })
    }
}

/// A connection that commits.
#[derive(Debug)]
pub(crate) struct WriterConnection {
    pub(crate) client: Client,
    /// The call of `commit_batch`, for any batch.
    pub(crate) commit: Statement,
    /// For batches that update present aggregates.
    pub(crate) update_batch: Statement,
    /// The same, for batches that have only commands, events and states.
    pub(crate) update_plain: Statement,
    /// For one unit with one command that updates one aggregate.
    pub(crate) update_one: Statement,
    pub(crate) row_types: RowTypes,
    pub(crate) lock: LivenessLock,
    /// Set if the outcome of a call is open and its caller no longer waits.
    pub(crate) is_lost: AtomicBool,
    /// Contexts that this connection has stored.
    contexts: Mutex<HashSet<Uuid>>,
}

/// The key of an advisory lock of a session, which the server releases after the end of the
/// transaction of the session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LivenessLock(pub(crate) i64);

impl WriterConnection {
    /// Connects, and checks that the server still has `newest`, the last position that this store
    /// knows. If `migrates` is set, it checks for a pooler and migrates the schema first.
    pub(crate) async fn open(
        connector: &Connector,
        migrates: bool,
        newest: &AtomicI64,
    ) -> Result<Self, Fault> {
        let endpoint = &connector.endpoint;
        let setup = endpoint.setup(endpoint.options.statement_timeout);
        let mut client = Box::pin(connector.connect(setup.clone())).await?;
        if migrates {
            let other = Box::pin(connector.connect(setup)).await?;
            pooler::check_sessions(&client, &other).await?;
        }
        connection::check_server(&client, &endpoint.options).await?;
        if migrates {
            migrations::migrate(&mut client, &endpoint.options.schema).await?;
        }
        check_position(&client, newest.load(Ordering::SeqCst)).await?;
        client.batch_execute(PLANS).await?;
        // A random number, so that no other session has it.
        let key = i64::from_be_bytes(RandomState::new().hash_one(std::process::id()).to_be_bytes());
        client.execute("SELECT pg_advisory_lock($1)", &[&key]).await?;
        let (commit, update_batch) = (commit_call(), with_numbers(UPDATE_BATCH, &UPDATE_PARAMS));
        let (commit, update_batch) =
            tokio::try_join!(client.prepare(&commit), client.prepare(&update_batch))?;
        let plain = with_numbers(&without_rare_part(), &UPDATE_PARAMS);
        let one = with_numbers(UPDATE_ONE, &single_update::PARAMS);
        let (update_plain, update_one) = tokio::try_join!(
            // The types are given, since this statement does not use all of the parameters.
            client.prepare_typed(&plain, update_batch.params()),
            client.prepare(&one),
        )?;
        let row_types = RowTypes::new(&commit)?;
        Ok(Self {
            client,
            commit,
            update_batch,
            update_plain,
            update_one,
            row_types,
            lock: LivenessLock(key),
            is_lost: AtomicBool::new(false),
            contexts: Mutex::default(),
        })
    }

    /// Returns true if a context is in the record of contexts that this connection has stored.
    pub(crate) fn has_context(&self, id: Uuid) -> bool {
        self.contexts().contains(&id)
    }

    /// Records the contexts of stored units.
    pub(crate) fn keep_contexts<'u>(&self, units: impl Iterator<Item = &'u UnitOfWork>) {
        let mut contexts = self.contexts();
        for unit in units.filter(|unit| unit.row_count() > 0) {
            if contexts.insert(unit.context.id) && contexts.len() > MAX_CONTEXTS {
                contexts.clear();
            }
        }
    }

    fn contexts(&self) -> std::sync::MutexGuard<'_, HashSet<Uuid>> {
        self.contexts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn commit_call() -> String {
    let numbers: Vec<String> =
        (1..=COMMIT_PARAM_COUNT).map(|number| format!("${number}")).collect();
    format!("SELECT * FROM commit_batch({})", numbers.join(", "))
}

/// Replaces the names of parameters by their numbers and types.
fn with_numbers(sql: &str, params: &[(&str, &str)]) -> String {
    let params = (1..).zip(params);
    params.fold(sql.to_owned(), |sql, (number, (name, of))| {
        sql.replace(&format!("@{name}"), &format!("(${number}::{of})"))
    })
}

/// Returns [`UPDATE_BATCH`] without the tables that most batches do not write. The server would
/// open each table of the statement.
fn without_rare_part() -> String {
    let (begin, end) = RARE_PART;
    let (head, rest) = UPDATE_BATCH.split_once(begin).unwrap_or((UPDATE_BATCH, ""));
    let (_, tail) = rest.split_once(end).unwrap_or_default();
    format!("{head}{tail}")
}

/// The last position of the logs. The sequence may be up to 32 ahead of it on a standby, and after
/// a crash.
const NEWEST: &str = "SELECT greatest(0, (SELECT max(position) FROM command_log), (SELECT \
                      max(position) FROM event_log), (SELECT max(position) FROM message_log), \
                      (SELECT max(position) FROM activity_log))";

/// Fails if the server lacks rows that it has acknowledged. It may be a standby that was promoted
/// too early.
async fn check_position(client: &Client, newest: i64) -> Result<(), Fault> {
    let row = client.query_one(NEWEST, &[]).await?;
    let found: i64 = row.try_get(0)?;
    if found >= newest {
        return Ok(());
    }
    Err(StoreError::permanent(format!(
        "the server has lost commits: it acknowledged position {newest} to this program and is at \
        {found} now; find out what is missing, and restart the program"
    ))
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_update_names_only_the_tables_that_it_writes() {
        for table in ["context_log", "message_log", "activity_log"] {
            assert!(
                UPDATE_BATCH.contains(table) && !without_rare_part().contains(table),
                "{table}"
            );
        }
        for table in ["resource_state", "command_log", "event_log", "FROM lease"] {
            assert!(without_rare_part().contains(table), "{table}");
        }
    }

    #[test]
    fn each_named_parameter_gets_its_number() {
        for (sql, params) in
            [(UPDATE_BATCH, &UPDATE_PARAMS[..]), (UPDATE_ONE, &single_update::PARAMS)]
        {
            assert!(sql.contains('@') && !with_numbers(sql, params).contains('@'));
        }
        let numbered = with_numbers("@durability @ids[1]", &UPDATE_PARAMS);
        assert_eq!(numbered, "($1::text) ($9::uuid[])[1]");
    }
}
