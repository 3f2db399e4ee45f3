//! One run of a plan: concurrent clients with faults, then a shutdown without faults. Invariants
//! are checked throughout.

use std::cell::RefCell;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::Simulation;
use super::committed_view::CommittedView;
use super::failure::{self, SentCommand};
use super::plan::{Mode, Plan, Step};
use crate::fault_injection::{Faults, FaultyStore};
use crate::fixture::Fixture;
use crate::rng::SeededRng;
use fluvius_core::{Clock, CommandBundle, DomainRuntime, Error, IdGenerator, Response, Session};
use fluvius_store::{EventRecord, LogQuery, Store};

/// Simulated time after which a run counts as hanging. Pauses are added to it.
const HANGS_AFTER: Duration = Duration::from_secs(100_000);

/// Maximum number of times that a client sends a command again after a store error.
const MAX_RESENDS: u32 = 3;

/// The result of a run.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) sent: Vec<SentCommand>,
    pub(super) fault: Option<Fault>,
}

/// A violated invariant.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) invariant: String,
    pub(super) message: String,
}

/// A run in progress. It has one thread, so it needs no locks.
struct Going<'a> {
    simulation: &'a Simulation,
    plan: &'a Plan,
    fixture: Fixture,
    began: Instant,
    committed: RefCell<CommittedView>,
    sent: RefCell<Vec<SentCommand>>,
    fault: RefCell<Option<Fault>>,
}

pub(super) async fn run(simulation: &Simulation, plan: &Plan) -> Run {
    let going = Going::new(simulation, plan);
    let pauses = u32::try_from(plan.steps.len()).unwrap_or(u32::MAX);
    let limit = HANGS_AFTER.saturating_add(plan.max_pause.saturating_mul(pauses));
    if tokio::time::timeout(limit, going.send_all()).await.is_err() {
        going.fail("every run ends", "it hangs".to_owned());
    }
    Run { sent: going.sent.into_inner(), fault: going.fault.into_inner() }
}

impl<'a> Going<'a> {
    fn new(simulation: &'a Simulation, plan: &'a Plan) -> Self {
        Self {
            simulation,
            plan,
            fixture: simulation.fixture.fresh(simulation.fixture.clock.now()),
            began: Instant::now(),
            committed: RefCell::default(),
            sent: RefCell::default(),
            fault: RefCell::default(),
        }
    }

    async fn send_all(&self) {
        let mut stores = Vec::new();
        let mut domains: Vec<DomainRuntime> = Vec::new();
        for runtime in &self.plan.runtimes {
            let store = self.fixture.store.clone();
            let store = FaultyStore::new(store, runtime.store_seed, Faults::default());
            let clock = RunClock { began: self.began, fixture: self.fixture.clone() };
            let builder =
                self.fixture.builder(store.clone(), |builder| runtime.set_up(builder).clock(clock));
            match builder.build().await {
                Ok(domain) => domains.push(domain),
                Err(error) => panic!("{error}"),
            }
            stores.push(store);
        }

        self.given(&domains[0]).await;
        for (store, runtime) in stores.iter().zip(&self.plan.runtimes) {
            store.set_faults(runtime.faults.clone());
        }
        let client_count = self.plan.steps.iter().map(|step| step.client + 1).max().unwrap_or(0);
        let clients = (0..client_count).map(|client| {
            let domain = domains[client % domains.len()].clone();
            self.client(client, domain.session(self.simulation.context.clone()))
        });
        join_all(clients).await;

        for store in &stores {
            store.set_faults(Faults::default());
        }
        for domain in &domains {
            domain.shutdown().await;
        }
        self.end().await;
    }

    async fn end(&self) {
        self.look().await;
        self.check_stored_states().await;
    }

    /// Sends the given commands, without faults.
    async fn given(&self, domain: &DomainRuntime) {
        let session = domain.session(self.simulation.context.clone());
        for command in &self.simulation.given {
            let index = self.send(0, command.clone());
            let command = self.sent.borrow()[index].command.clone();
            let answer = session.process_command(command).await;
            if let Err(error) = &answer {
                self.fail("every given command is applied", error.to_string());
            }
            self.answered(index, answer);
        }
        self.look().await;
    }

    /// Executes the steps of one client, one after the other.
    async fn client(&self, client: usize, session: Session) {
        for step in self.plan.steps.iter().filter(|step| step.client == client) {
            if self.fault.borrow().is_some() {
                return;
            }
            self.step(step, &session).await;
        }
    }

    async fn step(&self, step: &Step, session: &Session) {
        let mut rng = SeededRng::new(step.seed);
        self.look().await;
        let command = self.draw(&mut rng);
        if rng.happens(500) {
            tokio::time::sleep(part_of(self.plan.max_pause, &mut rng)).await;
        }
        let gives_up = self.plan.mode == Mode::Simulated && rng.happens(100);
        let index = self.send(step.client + 1, command);
        let command = self.sent.borrow()[index].command.clone();
        let answer = if gives_up {
            let patience = Duration::from_micros(rng.below(5_000));
            tokio::time::timeout(patience, session.process_command(command)).await.ok()
        } else {
            Some(persistent(session, command, &mut rng).await)
        };
        if let Some(answer) = answer {
            if let Err(error) = &answer
                && is_fault_of_the_code(error)
            {
                let key = self.sent.borrow()[index].command.command.clone();
                let message = format!("`{key}` ended in `{}`: {error}", error.code());
                self.fail("no command ends in a fault of the code", message);
            }
            self.answered(index, answer);
        }
        self.look().await;
    }

    fn draw(&self, rng: &mut SeededRng) -> CommandBundle {
        let draws = &self.simulation.draws;
        let total: u64 = draws.iter().map(|(weight, _)| weight).sum();
        let mut left = rng.below(total);
        for (weight, draw) in draws {
            if left < *weight {
                return draw(rng, &self.committed.borrow());
            }
            left -= weight;
        }
        unreachable!("the weights add up to their sum")
    }

    fn send(&self, client: usize, mut command: CommandBundle) -> usize {
        if command.id.is_nil() {
            command.id = self.fixture.ids.generate();
        }
        let shown = failure::shown(self.fixture.action(&command.command), &command.payload);
        let mut sent = self.sent.borrow_mut();
        sent.push(SentCommand { client, command, sent: self.began.elapsed(), answer: None, shown });
        sent.len() - 1
    }

    fn answered(&self, index: usize, answer: Result<Response, Error>) {
        self.sent.borrow_mut()[index].answer = Some((self.began.elapsed(), answer));
    }

    /// Reads new events, and checks the invariants if there are any.
    async fn look(&self) {
        // Values of commands that were not applied reveal faults of the actions too.
        if let Some(fault) = self.fixture.inspector.take().into_iter().next() {
            return self.fail("stored values are read back as they were left", fault);
        }
        let after = self.committed.borrow().last_position();
        let query = LogQuery::all().after(after);
        let events = match self.fixture.store.read_log::<EventRecord>(&query).await {
            Ok(page) => page.rows,
            Err(error) => return self.fail("the log can be read", error.to_string()),
        };
        let is_first = after == 0;
        if events.is_empty() && !is_first {
            return;
        }
        if let Err(why) = self.committed.borrow_mut().add(&self.fixture, events) {
            return self.fail("the log folds to states", why);
        }
        for (name, check) in &self.simulation.invariants {
            if let Err(why) = check(&self.committed.borrow()) {
                return self.fail(name, why);
            }
        }
    }

    /// Checks that the stored states equal those folded from the log.
    async fn check_stored_states(&self) {
        const NAME: &str = "the log folds to the stored states";
        let committed = self
            .committed
            .borrow()
            .aggregate_ids()
            .iter()
            .map(|(aggregate_id, folded)| {
                (aggregate_id.clone(), folded.version, folded.state.clone())
            })
            .collect::<Vec<_>>();
        for (aggregate_id, version, state) in committed {
            match self.fixture.store.load(&aggregate_id).await {
                Ok(Some(row)) if row.version == version && row.data.to_value() == state => {}
                stored => {
                    let message =
                        format!("{aggregate_id}: version {version} {state}, stored is {stored:?}");
                    return self.fail(NAME, message);
                }
            }
        }
    }

    /// Records a violation. Only the first one is kept.
    fn fail(&self, invariant: &str, message: String) {
        let fault = Fault { invariant: invariant.to_owned(), message };
        self.fault.borrow_mut().get_or_insert(fault);
    }
}

/// Sends a command, and repeats it under the same id if the store was unavailable or the outcome is
/// unknown or a conflict.
async fn persistent(
    session: &Session,
    command: CommandBundle,
    rng: &mut SeededRng,
) -> Result<Response, Error> {
    let mut answer = session.process_command(command.clone()).await;
    for _ in 0..MAX_RESENDS {
        let code = answer.as_ref().map_or_else(Error::code, |_| "");
        if !matches!(code, "store-unavailable" | "outcome-unknown" | "conflict") {
            break;
        }
        tokio::time::sleep(part_of(Duration::from_millis(5), rng)).await;
        answer = session.process_command(command.clone()).await;
    }
    answer
}

fn part_of(max: Duration, rng: &mut SeededRng) -> Duration {
    let micros = u64::try_from(max.as_micros()).unwrap_or(u64::MAX).max(1);
    Duration::from_micros(rng.below(micros))
}

/// Tells if an error shows a mistake in the actions or in the test, independent of the data.
fn is_fault_of_the_code(error: &Error) -> bool {
    matches!(
        error,
        Error::Panicked { .. }
            | Error::TimedOut { .. }
            | Error::InvalidState { .. }
            | Error::ReentrantInvoke { .. }
            | Error::InvokeDepthExceeded { .. }
            | Error::UnknownCommand { .. }
            | Error::InvalidPayload { .. }
    )
}

/// The clock of a run. It advances with tokio's paused time.
struct RunClock {
    began: Instant,
    fixture: Fixture,
}

impl Clock for RunClock {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.fixture.clock.now() + self.began.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use serde::{Deserialize, Serialize};
    use uuid::Uuid;

    use super::*;
    use crate::command;
    use fluvius_store::{CommitOutcome, ETag, ExpectedVersion, Json, UnitOfWork};

    #[derive(Debug, Clone, Serialize, Deserialize)]
    struct Lamp {
        lit: bool,
    }

    #[fluvius_core::aggregate(resource = "lamp-of-a-run")]
    impl Lamp {
        #[action(evt_key = "lamp-lit")]
        fn light_lamp() -> Result<Self, Infallible> {
            Ok(Self { lit: true })
        }
    }

    #[tokio::test]
    async fn a_state_that_differs_from_the_log_is_a_failure() {
        let light = || command(Uuid::from_u128(1), LightLamp {});
        let simulation =
            Simulation::for_aggregate::<Lamp>().given([light()]).command(move |_, _| light());
        let plan = Plan::draw(Mode::InOrder, 0, &simulation.settings);
        let going = Going::new(&simulation, &plan);
        going.send_all().await;
        assert!(going.fault.borrow().is_none(), "{:?}", going.fault);

        // The same for another aggregate, with a state that its event does not produce.
        let aggregate_id = command(Uuid::from_u128(2), LightLamp {}).aggregate_id;
        let (id, store) = (Uuid::from_u128(3), &going.fixture.store);
        let query = LogQuery::all().limit(1);
        let mut row = store.load(&light().aggregate_id).await.unwrap().unwrap();
        let mut event = store.read_log::<EventRecord>(&query).await.unwrap().rows.remove(0).record;
        let mut command = store
            .read_log::<fluvius_store::CommandRecord>(&query)
            .await
            .unwrap()
            .rows
            .remove(0)
            .record;
        let context = store.context(command.context_id).await.unwrap().unwrap();
        row.aggregate_id = aggregate_id.clone();
        row.etag = ETag::new(1, id);
        row.data = Json::parse(r#"{"lit":false}"#).unwrap();
        (event.id, event.aggregate_id, event.command_id) =
            (Uuid::from_u128(4), aggregate_id.clone(), id);
        (command.id, command.aggregate_id) = (id, aggregate_id.clone());
        let mut unit = UnitOfWork::new(context);
        unit.expected = vec![ExpectedVersion { aggregate_id, version: 0 }].into();
        unit.states = vec![row.into()].into();
        unit.commands = vec![command.into()].into();
        unit.events = vec![event.into()].into();
        let outcomes = store.commit(Arc::from([unit])).await;
        assert!(matches!(outcomes[..], [CommitOutcome::Committed { .. }]), "{outcomes:?}");
        going.end().await;
        let fault = going.fault.borrow().clone();
        assert_eq!(fault.unwrap().invariant, "the log folds to the stored states");
    }
}
