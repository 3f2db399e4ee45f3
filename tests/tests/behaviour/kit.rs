//! What the tests share: snapshots of a store, refusals that leave everything else as it was,
//! gates, and a trace that is kept.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, LazyLock, Mutex, Once};

use chrono::{DateTime, Utc};
use fluvius_core::{
    ActivityRecord, AggregateId, CommandBundle, CommandRecord, CommandStatus, ContextRecord,
    Domain, DomainContext, DomainRuntime, Error, EventRecord, LogEntry, LogQuery, MemoryStore,
    MessageRecord, Session, StateRecord, Store,
};
use serde_json::Value;
use tokio::sync::Semaphore;
use uuid::Uuid;

pub const fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A memory store, a domain over it, and a session of a sender without realm.
pub struct World {
    pub store: MemoryStore,
    pub domain: DomainRuntime,
    pub session: Session,
}

pub async fn world<D: Domain>() -> World {
    let store = MemoryStore::new();
    let domain = D::runtime(store.clone()).await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    World { store, domain, session }
}

impl World {
    pub async fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.store).await
    }

    pub fn command(&self, aggregate_id: &AggregateId, key: &str, payload: Value) -> CommandBundle {
        command(&self.session, aggregate_id, key, payload)
    }

    /// Sends a command by key that is applied.
    pub async fn apply(&self, aggregate_id: &AggregateId, key: &str, payload: Value) -> Value {
        let command = self.command(aggregate_id, key, payload);
        self.session.process_command(command).await.unwrap().data.to_value()
    }

    /// Sends a command by key that is refused, and checks what that leaves.
    pub async fn refuse(
        &self,
        aggregate_id: &AggregateId,
        key: &str,
        payload: Value,
        kept: Kept<'_>,
    ) -> Error {
        check_refused(&self.store, &self.session, self.command(aggregate_id, key, payload), kept)
            .await
    }
}

pub fn command(
    session: &Session,
    aggregate_id: &AggregateId,
    key: &str,
    payload: Value,
) -> CommandBundle {
    session.on(aggregate_id.clone()).create_command(key, payload).unwrap()
}

/// Everything that a store holds, as far as its logs lead to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    pub states: BTreeMap<AggregateId, StateRecord>,
    pub contexts: BTreeMap<Uuid, Arc<ContextRecord>>,
    pub commands: Vec<LogEntry<CommandRecord>>,
    pub events: Vec<LogEntry<EventRecord>>,
    pub messages: Vec<LogEntry<MessageRecord>>,
    pub activities: Vec<LogEntry<ActivityRecord>>,
}

impl Snapshot {
    pub async fn of(store: &impl Store) -> Self {
        let all = LogQuery::all();
        let commands = store.commands(&all).await.unwrap().rows;
        let events = store.events(&all).await.unwrap().rows;
        let messages = store.messages(&all).await.unwrap().rows;
        let activities = store.activities(&all).await.unwrap().rows;
        let mut states = BTreeMap::new();
        let aggregate_ids = commands
            .iter()
            .map(|row| &row.aggregate_id)
            .chain(events.iter().map(|row| &row.aggregate_id));
        for aggregate_id in aggregate_ids.collect::<BTreeSet<_>>() {
            if let Some(row) = store.load(aggregate_id).await.unwrap() {
                states.insert(aggregate_id.clone(), row);
            }
        }
        let mut contexts = BTreeMap::new();
        let ids = commands.iter().map(|row| row.context_id);
        for id in ids.chain(activities.iter().map(|row| row.context_id)) {
            let context = store.context(id).await.unwrap();
            contexts.insert(id, context.expect("a row's context is stored"));
        }
        Self { states, contexts, commands, events, messages, activities }
    }

    pub fn version(&self, aggregate_id: &AggregateId) -> u64 {
        self.states.get(aggregate_id).map_or(0, |row| row.version)
    }

    /// Everything as text: as JSON, and as `Debug` prints it.
    pub fn text(&self) -> String {
        let mut text = format!("{self:?}");
        for row in self.states.values() {
            text += &serde_json::to_string(row).unwrap();
        }
        for row in self.contexts.values() {
            text += &serde_json::to_string(row).unwrap();
        }
        text += &serde_json::to_string(&self.commands).unwrap();
        text += &serde_json::to_string(&self.events).unwrap();
        text += &serde_json::to_string(&self.messages).unwrap();
        text += &serde_json::to_string(&self.activities).unwrap();
        text
    }
}

/// What a refused command leaves.
#[derive(Debug, Clone, Copy)]
pub enum Kept<'a> {
    Nothing,
    /// One command row with this code, and its context.
    Row(&'a str),
    /// One activity, and its context.
    Activity,
}

impl Kept<'_> {
    pub fn check(self, before: &Snapshot, mut after: Snapshot, command: &CommandBundle) {
        let context_id = match self {
            Self::Nothing => None,
            Self::Row(code) => {
                let row = after.commands.pop().unwrap();
                assert_eq!(
                    (row.id, &row.aggregate_id, row.parent),
                    (command.id, &command.aggregate_id, None)
                );
                assert_eq!(row.key(), command.command);
                assert_eq!(row.status, CommandStatus::Rejected);
                assert_eq!(row.code.as_deref(), Some(code));
                Some(row.context_id)
            }
            Self::Activity => {
                let row = after.activities.pop().unwrap();
                assert_eq!(
                    (row.command_id, &row.aggregate_id),
                    (command.id, &command.aggregate_id)
                );
                assert_eq!(row.code.as_deref(), Some("permission-denied"));
                Some(row.context_id)
            }
        };
        if let Some(id) = context_id.filter(|id| !before.contexts.contains_key(id)) {
            assert!(after.contexts.remove(&id).is_some());
        }
        assert_eq!(*before, after, "a refusal changes nothing else");
    }
}

pub async fn check_refused(
    store: &impl Store,
    session: &Session,
    command: CommandBundle,
    kept: Kept<'_>,
) -> Error {
    let before = Snapshot::of(store).await;
    let error = session.process_command(command.clone()).await.unwrap_err();
    kept.check(&before, Snapshot::of(store).await, &command);
    error
}

/// Checks an error by its code and its text, which stand for callers.
#[track_caller]
pub fn check_error(error: &Error, code: &str, text: &str) {
    assert_eq!((error.code(), error.to_string().as_str()), (code, text));
}

/// An error with everything that can be read of it: text, debug text, and its sources.
pub fn all_of(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(" {error} {error:?}");
        source = error.source();
    }
    text
}

/// A place in a rule where a test holds it.
pub struct Gate {
    entered: Semaphore,
    open: Semaphore,
}

impl Gate {
    /// Passes, once the test lets it.
    pub async fn pass(&self) {
        self.entered.add_permits(1);
        self.open.acquire().await.unwrap().forget();
    }

    /// Waits until a rule stands at the gate.
    pub async fn entered(&self) {
        self.entered.acquire().await.unwrap().forget();
    }

    /// Lets this many pass.
    pub fn open(&self, count: usize) {
        self.open.add_permits(count);
    }
}

/// The gate of this name, the same for a rule and its test.
pub fn gate(name: &str) -> Arc<Gate> {
    static GATES: LazyLock<Mutex<HashMap<String, Arc<Gate>>>> = LazyLock::new(Mutex::default);
    let mut gates = GATES.lock().unwrap();
    let gate = gates.entry(name.to_owned());
    Arc::clone(
        gate.or_insert_with(|| {
            Arc::new(Gate { entered: Semaphore::new(0), open: Semaphore::new(0) })
        }),
    )
}

static SAID: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

/// Keeps what a rule says, also of attempts that come to nothing.
pub fn say(name: &str, what: String) {
    SAID.lock().unwrap().entry(name.to_owned()).or_default().push(what);
}

/// What rules have said under this name.
pub fn said(name: &str) -> Vec<String> {
    SAID.lock().unwrap().remove(name).unwrap_or_default()
}

/// Everything that is traced on this thread while the guard lives.
#[derive(Clone, Default)]
pub struct Trace(Arc<Mutex<Vec<u8>>>);

thread_local! {
    static TRACE: RefCell<Option<Trace>> = const { RefCell::new(None) };
}

/// Ends the trace of this thread.
pub struct TraceGuard;

impl Drop for TraceGuard {
    fn drop(&mut self) {
        TRACE.set(None);
    }
}

impl Trace {
    pub fn start() -> (Self, TraceGuard) {
        // One subscriber for all threads: what each of them would switch on for itself is cached
        // for all, and tests run side by side.
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            let subscriber = tracing_subscriber::fmt()
                .with_max_level(tracing::Level::TRACE)
                .with_span_events(tracing_subscriber::fmt::format::FmtSpan::FULL)
                .with_ansi(false)
                .with_writer(|| -> Box<dyn io::Write> {
                    match TRACE.with_borrow(Clone::clone) {
                        Some(trace) => Box::new(trace),
                        None => Box::new(io::sink()),
                    }
                })
                .finish();
            tracing::subscriber::set_global_default(subscriber).unwrap();
        });
        let trace = Self::default();
        TRACE.set(Some(trace.clone()));
        (trace, TraceGuard)
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Trace {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
