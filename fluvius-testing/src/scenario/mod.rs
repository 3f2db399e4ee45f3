//! Scenarios in the given-when-then form: preconditions, one command, and assertions.
//!
//! A scenario builds its own runtime over a memory store and runs through the real processor.
//! [`Then`] has the assertions.

mod expected;
mod given;
mod then;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

pub use expected::{ExpectedEvent, event};
pub use then::Then;

use super::fixture::{Fixture, Only};
use fluvius_core::{
    Aggregate, Command, CommandBundle, Domain, DomainContext, Error, IntoAggregateId, Policy,
    Response, RuntimeBuilder, Session,
};
use fluvius_store::{AggregateId, EventRecord, LogEntry, json};

/// The preconditions of a command under test.
///
/// Each `given` takes effect immediately, and each setting applies to the calls after it. `when`
/// sends a command and returns a [`Then`] with the assertions. [`Then::and`] continues with the
/// next command.
///
/// Defaults: the clock is at 2026-01-01T00:00:00Z ([`at`](Self::at) sets it), and ids count up from
/// 1,000,000. The sender is `DomainContext::create("scenario")` ([`by`](Self::by) sets it).
///
/// Each state and each argument that an applied command stores is read back. The test fails if
/// serde cannot read it or writes it differently again (a `HashSet`). It also fails if serde reads
/// another value (a field with `#[serde(skip)]`, `Some(None)`, a time truncated to seconds). Values
/// are compared by `PartialEq` if the state implements it, otherwise by the `Debug` text.
///
/// Each command runs on its own thread while the caller blocks. So scenarios work in a plain
/// `#[test]` and, without `await`, in an async test. An action that waits for the async test itself
/// deadlocks.
///
/// # Events that are given
///
/// An aggregate has no function that applies an event to a state: the effect of an event is the
/// `delta` of its log row. So a typed event alone cannot produce a state. Preconditions are
/// commands, states, or rows of a real log.
///
/// # Examples
///
/// ```
/// use fluvius_testing::{Scenario, event};
/// use fluvius_core::{ActionContext, ContextError, aggregate};
/// use serde::{Deserialize, Serialize};
/// use serde_json::json;
/// use uuid::Uuid;
///
/// #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
/// pub struct Shelf { books: u32 }
///
/// #[aggregate(resource = "shelf")]
/// impl Shelf {
///     #[action(evt_key = "books-moved")]
///     pub async fn move_books(
///         &mut self,
///         cx: &mut ActionContext,
///         count: u32,
///         to: Uuid,
///     ) -> Result<(), ContextError> {
///         self.books -= count;
///         cx.message("books-moved", &count);
///         cx.invoke(to, TakeBooks { count }).await?;
///         Ok(())
///     }
///
///     #[action(evt_key = "books-taken", internal)]
///     pub fn take_books(&mut self, count: u32) -> Result<(), ContextError> {
///         self.books += count;
///         Ok(())
///     }
/// }
///
/// let (left, right) = (Uuid::from_u128(1), Uuid::from_u128(2));
/// Scenario::for_aggregate::<Shelf>()
///     .given_state(left, Shelf { books: 10 })
///     .given_state(right, Shelf { books: 0 })
///     .when(left, MoveBooks { count: 4, to: right })
///     .then_events([
///         event(left, BooksMoved { count: 4, to: right }),
///         event(right, BooksTaken { count: 4 }),
///     ])
///     .then_state(right, &Shelf { books: 4 })
///     .then_messages([("books-moved", json!(4))])
///     .and()
///     .when(left, MoveBooks { count: 1, to: Uuid::from_u128(3) })
///     .then_error("not-found")
///     .then_state(left, &Shelf { books: 6 });
/// ```
#[derive(Debug)]
#[must_use = "a scenario without a `when` checks nothing"]
pub struct Scenario {
    fixture: Fixture,
    context: DomainContext,
}

impl Scenario {
    /// Creates a scenario for a single aggregate type whose actions use no other one.
    pub fn for_aggregate<A: Aggregate>() -> Self {
        Self::for_domain::<Only<A>>()
    }

    /// Creates a scenario for a domain.
    pub fn for_domain<D: Domain>() -> Self {
        Self { fixture: Fixture::of::<D>(), context: DomainContext::create("scenario") }
    }

    /// Sets the context of the calls that follow: actor, roles, realm. New aggregates belong to its
    /// realm.
    pub fn by(mut self, context: DomainContext) -> Self {
        self.context = context;
        self
    }

    /// Sets the time at which the commands that follow are received.
    pub fn at(self, now: DateTime<Utc>) -> Self {
        self.fixture.clock.set(now);
        self
    }

    /// Sets the policy for all commands that follow, including given ones.
    ///
    /// The policy is `Clone`, because the scenario builds a runtime for each command. Put shared
    /// data into an `Arc`.
    pub fn policy(self, policy: impl Policy + Clone) -> Self {
        self.with_runtime(move |builder| builder.policy(policy.clone()))
    }

    /// Configures the runtime of the calls that follow, such as observers, timeouts or a clock. The
    /// function is called for each command.
    pub fn with_runtime(
        mut self,
        setup: impl Fn(RuntimeBuilder) -> RuntimeBuilder + Send + Sync + 'static,
    ) -> Self {
        self.fixture.set_up(setup);
        self
    }

    /// Sends a command as a precondition.
    ///
    /// # Panics
    /// If it is not applied.
    #[track_caller]
    pub fn given<C>(self, target: impl IntoAggregateId, command: C) -> Self
    where
        C: Command,
        C::Output: DeserializeOwned + Serialize + Send + 'static,
    {
        let aggregate_id = target.into_aggregate_id::<C::Aggregate>();
        let answer = self.answer(|session| send(session, aggregate_id.clone(), command));
        // The runtime fails with `InvalidState` if a value cannot be read back at all.
        self.inspect(matches!(answer, Ok(_) | Err(Error::InvalidState { .. })));
        match answer {
            Ok(_) => self,
            Err(error) => panic!(
                "given `{}` on {aggregate_id}: it was not applied: {}",
                C::ACTION.key,
                then::one_line(&error)
            ),
        }
    }

    /// Stores the state of an aggregate at version 1, as if one event had created it.
    ///
    /// # Panics
    /// If the aggregate already has a state, the domain does not have the resource, or the state
    /// cannot be stored.
    #[track_caller]
    pub fn given_state<A: Aggregate>(self, target: impl IntoAggregateId, state: A) -> Self {
        let aggregate_id = target.into_aggregate_id::<A>();
        let given =
            given::state(&self.fixture, &self.context, &aggregate_id, A::DESCRIPTOR, &state);
        match given {
            Ok(()) => self,
            Err(why) => panic!("given the state of {aggregate_id}: {why}"),
        }
    }

    /// Stores the events of a log, complete for each aggregate from its first event on. The states
    /// are folded from their deltas. An aggregate is closed if its last event closes it.
    ///
    /// # Panics
    /// If an event is missing or its delta does not apply, the domain does not have a resource, or
    /// a state does not decode.
    #[track_caller]
    pub fn given_log(self, events: impl IntoIterator<Item = LogEntry<EventRecord>>) -> Self {
        match given::log(&self.fixture, &self.context, events.into_iter().collect()) {
            Ok(()) => self,
            Err(why) => panic!("given a log: {why}"),
        }
    }

    /// Like [`given_log`](Self::given_log), from text with one event per line, as
    /// `serde_json::to_string` writes a `LogEntry<EventRecord>`. So a test file can hold the log of
    /// a running domain.
    ///
    /// # Panics
    /// As [`given_log`](Self::given_log), and if a line is not an event.
    #[track_caller]
    pub fn given_log_lines(self, lines: &str) -> Self {
        match given::read_lines(lines) {
            Ok(events) => self.given_log(events),
            Err(why) => panic!("given a log: {why}"),
        }
    }

    /// Sends a typed command.
    ///
    /// # Panics
    /// If the domain cannot be built.
    #[track_caller]
    #[must_use = "call a `then`, or nothing is checked"]
    pub fn when<C>(self, target: impl IntoAggregateId, command: C) -> Then
    where
        C: Command,
        C::Output: DeserializeOwned + Serialize + Send + 'static,
    {
        let aggregate_id = target.into_aggregate_id::<C::Aggregate>();
        self.then(|session| send(session, aggregate_id, command))
    }

    /// Sends a command by key, like a transport.
    ///
    /// # Panics
    /// If the domain cannot be built.
    #[track_caller]
    #[must_use = "call a `then`, or nothing is checked"]
    pub fn when_json(self, aggregate_id: AggregateId, key: &str, payload: Value) -> Then {
        self.then(|session| async move {
            let command = session.aggregate(aggregate_id).create_command(key, payload)?;
            session.process_command(command).await
        })
    }

    /// Sends a bundle from [`command`](super::command()), which may have its own id or a
    /// precondition.
    ///
    /// # Panics
    /// If the domain cannot be built.
    #[track_caller]
    #[must_use = "call a `then`, or nothing is checked"]
    pub fn when_bundle(self, command: CommandBundle) -> Then {
        let command = self.with_id(command);
        self.then(|session| async move { session.process_command(command).await })
    }

    /// Sends several commands as one unit of work. The answer is that of the last one.
    ///
    /// # Panics
    /// If there is no command, or the domain cannot be built.
    #[track_caller]
    #[must_use = "call a `then`, or nothing is checked"]
    pub fn when_atomic(self, commands: impl IntoIterator<Item = CommandBundle>) -> Then {
        let commands: Vec<CommandBundle> =
            commands.into_iter().map(|command| self.with_id(command)).collect();
        assert!(!commands.is_empty(), "an atomic group has at least one command");
        self.then(|session| async move {
            let mut responses = session.process_atomic(commands).await?;
            responses.pop().ok_or(Error::ShuttingDown)
        })
    }

    fn with_id(&self, mut command: CommandBundle) -> CommandBundle {
        if command.id.is_nil() {
            command.id = fluvius_core::IdGenerator::generate(&self.fixture.ids);
        }
        command
    }

    #[track_caller]
    fn then<F>(self, run: impl FnOnce(Session) -> F + Send) -> Then
    where
        F: Future<Output = Result<Response, Error>>,
    {
        let before = then::Logs::read(&self.fixture).last_position();
        let answer = self.answer(run);
        // The runtime fails with `InvalidState` if a value cannot be read back at all.
        self.inspect(matches!(answer, Ok(_) | Err(Error::InvalidState { .. })));
        let logs = then::Logs::read(&self.fixture).after(before);
        Then::new(self, answer, logs)
    }

    /// Panics if a stored value is not read back unchanged. A rejected or failed command stores no
    /// values.
    #[track_caller]
    fn inspect(&self, has_left: bool) {
        let faults = self.fixture.inspector.take();
        if has_left && !faults.is_empty() {
            panic!("{}", faults.join("\n"));
        }
    }

    #[track_caller]
    fn answer<F>(&self, run: impl FnOnce(Session) -> F + Send) -> Result<Response, Error>
    where
        F: Future<Output = Result<Response, Error>>,
    {
        match self.fixture.in_session(&self.context, run) {
            Ok(answer) => answer,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Sends a typed command. Returns the answer as JSON, like a command by key.
async fn send<C>(session: Session, aggregate_id: AggregateId, command: C) -> Result<Response, Error>
where
    C: Command,
    C::Output: DeserializeOwned + Serialize + 'static,
{
    let response = session.send(aggregate_id, command).await?;
    let data = json::encode(&response.data);
    let data = data.unwrap_or_else(|error| panic!("the answer cannot be written: {error}"));
    Ok(response.with_data(data))
}

/// Returns the id of a row that the kit makes. It differs from all ids in the code of a test.
fn new_id(fixture: &Fixture) -> Uuid {
    fluvius_core::IdGenerator::generate(&fixture.ids)
}
