//! A domain whose rules do what the command says, for tests of what a rule may do.

use fluvius_core::{
    ActionContext, Activity, Aggregate, AggregateId, ContextError, Domain, Rejection,
    SimpleRejection, aggregate,
};
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::fixture::{self, Fixture};
use crate::gate;

/// A number, and now and then something that cannot be kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    pub value: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unstorable: Option<UnstorableValue>,
}

/// Why a probe refuses.
#[derive(Debug, thiserror::Error, Rejection)]
pub enum ProbeError {
    #[error(transparent)]
    #[rejection(transparent)]
    SimpleRejection(#[from] SimpleRejection),
    #[error(transparent)]
    #[rejection(transparent)]
    Context(#[from] ContextError),
}

/// One thing that a rule does.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    Add(i64),
    /// Runs steps on another probe, and gives up where that fails.
    Invoke(Uuid, Vec<Step>),
    /// Runs steps on another probe, and goes on.
    Try(Uuid, Vec<Step>),
    /// Runs steps on an aggregate of another resource, and goes on.
    TryOn(AggregateId, Vec<Step>),
    /// Begins to run steps on another probe, and drops that when the gate opens.
    Drop(Uuid, Vec<Step>, String),
    /// Runs steps on another probe within the time of `run-quickly`, and goes on.
    TryQuickly(Uuid, Vec<Step>),
    /// Runs steps on another probe if it is at a version, and goes on.
    TryAt(Uuid, u64, Vec<Step>),
    /// Runs steps by the action that requires a version, without one, and goes on.
    TryBlindly(Uuid, Vec<Step>),
    Start(Uuid, i64),
    Close(Uuid),
    Fetch(Uuid),
    FetchOn(AggregateId),
    Find(Uuid),
    NewId,
    Now,
    Aggregate,
    CommandId,
    Message(String, String),
    Activity(String),
    /// Tells the test what was outputs so far, in this attempt.
    Report(String),
    Wait(String),
    Reject(String),
    Panic(String),
    SetUnstorable(Unstorable),
    /// Sends a message that cannot be kept.
    SendUnstorable(Unstorable),
}

/// What cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Unstorable {
    Nan,
    Infinite,
    Nul,
    MapKey,
    U128,
    SerializeError,
    SerializePanic,
}

/// A value that serializes as what cannot be kept.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct UnstorableValue(pub Unstorable);

/// What the panics of rules say: it must be found nowhere.
pub const PANIC_TEXT: &str = "panic-text-7f3a";

impl Serialize for UnstorableValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Unstorable::Nan => f64::NAN.serialize(serializer),
            Unstorable::Infinite => f64::INFINITY.serialize(serializer),
            Unstorable::Nul => "a\0b".serialize(serializer),
            Unstorable::MapKey => {
                std::collections::BTreeMap::from([((1, 2), 3)]).serialize(serializer)
            }
            Unstorable::U128 => u128::MAX.serialize(serializer),
            Unstorable::SerializeError => Err(serde::ser::Error::custom("will not be written")),
            Unstorable::SerializePanic => panic!("{PANIC_TEXT}"),
        }
    }
}

#[aggregate(resource = "probe")]
impl Probe {
    /// Start a probe.
    #[action(evt_key = "probe-started")]
    pub fn start_probe(#[arg(default)] value: i64) -> Result<Self, SimpleRejection> {
        if value < 0 {
            return Err(SimpleRejection::new("below-zero", "a probe starts at zero or above"));
        }
        Ok(Self { value, unstorable: None })
    }

    /// Start a probe with a state that cannot be kept.
    #[action(evt_key = "unstorable-probe-started")]
    pub fn start_unstorable(value: Unstorable) -> Result<Self, SimpleRejection> {
        Ok(Self { value: 0, unstorable: Some(UnstorableValue(value)) })
    }

    /// Do some steps.
    #[action(evt_key = "ran")]
    pub async fn run(
        &mut self,
        cx: &mut ActionContext,
        steps: Vec<Step>,
    ) -> Result<Vec<String>, ProbeError> {
        let mut outputs = Vec::new();
        for step in steps {
            self.step(cx, step, &mut outputs).await?;
        }
        Ok(outputs)
    }

    /// Do some steps, quickly.
    #[action(evt_key = "ran-quickly", timeout = "20ms")]
    pub async fn run_quickly(
        &mut self,
        cx: &mut ActionContext,
        steps: Vec<Step>,
    ) -> Result<Vec<String>, ProbeError> {
        self.run(cx, steps).await
    }

    /// Do some steps, on the version that the sender knows.
    #[action(evt_key = "ran-expected", if_match = "required")]
    pub async fn run_expected(
        &mut self,
        cx: &mut ActionContext,
        steps: Vec<Step>,
    ) -> Result<Vec<String>, ProbeError> {
        self.run(cx, steps).await
    }

    /// Panic at once, without waiting for anything.
    #[action(evt_key = "panicked-at-once")]
    pub fn panic_at_once(&mut self) -> Result<(), SimpleRejection> {
        self.value += 1;
        panic!("{PANIC_TEXT}")
    }

    /// Return what cannot be kept.
    #[action]
    pub fn return_unstorable(&self, value: Unstorable) -> Result<UnstorableValue, SimpleRejection> {
        Ok(UnstorableValue(value))
    }

    /// Ask for the value, with steps on the way.
    #[action]
    pub async fn ask_value(
        &self,
        cx: &mut ActionContext,
        #[arg(default)] steps: Vec<Step>,
    ) -> Result<i64, ProbeError> {
        let mut copy = self.clone();
        copy.run(cx, steps).await?;
        Ok(self.value)
    }

    /// Ask for the whole state.
    #[action]
    pub fn ask_state(&self) -> Result<(), SimpleRejection> {
        Ok(())
    }

    /// End the probe.
    #[action(evt_key = "probe-ended")]
    pub fn end_probe(self) -> Result<(), SimpleRejection> {
        Ok(())
    }

    async fn step(
        &mut self,
        cx: &mut ActionContext,
        step: Step,
        outputs: &mut Vec<String>,
    ) -> Result<(), ProbeError> {
        match step {
            Step::Add(by) => self.value += by,
            Step::Invoke(on, steps) => outputs.extend(cx.invoke(on, Run { steps }).await?),
            Step::Try(on, steps) => outputs.push(outcome(cx.invoke(on, Run { steps }).await)),
            Step::TryOn(aggregate_id, steps) => {
                outputs.push(outcome(cx.invoke(aggregate_id, Run { steps }).await))
            }
            Step::Drop(on, steps, until) => {
                let gate = gate::gate(&until);
                let invoked = cx.invoke(on, Run { steps }).into_future();
                tokio::select! {
                    biased;
                    _ = invoked => outputs.push("done".to_owned()),
                    () = gate.pass() => outputs.push("dropped".to_owned()),
                }
            }
            Step::TryQuickly(on, steps) => {
                outputs.push(outcome(cx.invoke(on, RunQuickly { steps }).await));
            }
            Step::TryAt(on, version, steps) => {
                let invoked = cx.invoke(on, RunExpected { steps }).if_match(version);
                outputs.push(outcome(invoked.await));
            }
            Step::TryBlindly(on, steps) => {
                outputs.push(outcome(cx.invoke(on, RunExpected { steps }).await));
            }
            Step::Start(on, value) => {
                let started = cx.invoke(on, StartProbe { value }).await;
                outputs.push(outcome(started.map(|probe| probe.value)));
            }
            Step::Close(on) => {
                let ended = cx.invoke(on, EndProbe {}).await;
                outputs.push(outcome(ended.map(|probe| probe.value)));
            }
            Step::Fetch(id) => {
                let found = cx.fetch::<Self>(id).await;
                outputs.push(outcome(found.map(|probe| (probe.value, probe.version()))));
            }
            Step::FetchOn(aggregate_id) => {
                let found = cx.fetch::<Self>(aggregate_id).await;
                outputs.push(outcome(found.map(|probe| (probe.value, probe.version()))));
            }
            Step::Find(id) => {
                let found = cx.find::<Self>(id).await;
                outputs.push(outcome(found.map(|probe| probe.map(|probe| probe.version()))));
            }
            Step::NewId => outputs.push(cx.new_id().to_string()),
            Step::Now => outputs.push(cx.now().to_rfc3339()),
            Step::Aggregate => outputs.push(cx.aggregate_id().to_string()),
            Step::CommandId => outputs.push(cx.command_id().to_string()),
            Step::Message(key, data) => cx.message(key, &data),
            Step::Activity(text) => cx.activity(Activity::new(text)),
            Step::Report(name) => gate::report(&name, outputs.join(" ")),
            Step::Wait(name) => gate::gate(&name).pass().await,
            Step::Reject(code) => {
                let message = format!("refused as {code}");
                // A code is part of the program; here it is part of the test's data.
                let refused = SimpleRejection::new(code.leak(), "").with_message(message);
                return Err(refused.into());
            }
            Step::Panic(text) => panic!("{PANIC_TEXT} {text}"),
            Step::SetUnstorable(value) => self.unstorable = Some(UnstorableValue(value)),
            Step::SendUnstorable(value) => cx.message("value", &UnstorableValue(value)),
        }
        Ok(())
    }
}

fn outcome<T: std::fmt::Debug>(result: Result<T, ContextError>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.code().to_owned(),
    }
}

/// Domain for probing.
#[derive(Domain)]
#[domain(aggregates(Probe))]
pub struct ProbingDomain;

pub fn probe(number: u128) -> AggregateId {
    Probe::aggregate_id(fixture::id(number))
}

/// A fixture with this many probes, all at zero.
pub async fn probes(count: u128) -> Fixture {
    let fixture = Fixture::new::<ProbingDomain>().await;
    for number in 1..=count {
        fixture.session.send(fixture::id(number), StartProbe { value: 0 }).await.unwrap();
    }
    fixture
}
