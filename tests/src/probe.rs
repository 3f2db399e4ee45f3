//! A domain whose actions run the steps of the command.

use fluvius_core::Versioned;
use fluvius_core::{
    ActionContext, Activity, Aggregate, AggregateId, ContextError, Domain, Rejection,
    SimpleRejection, aggregate,
};
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::fixture::{self, Fixture};
use crate::gate;

/// A number, and optionally a value that no store can keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    pub value: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unstorable: Option<UnstorableValue>,
}

/// Reasons to reject a command on a probe.
#[derive(Debug, thiserror::Error, Rejection)]
pub enum ProbeError {
    #[error(transparent)]
    #[rejection(transparent)]
    SimpleRejection(#[from] SimpleRejection),
    #[error(transparent)]
    #[rejection(transparent)]
    Context(#[from] ContextError),
}

/// A step of an action.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    Add(i64),
    /// Runs steps on another probe; an error ends the action.
    Invoke(Uuid, Vec<Step>),
    /// Runs steps on another probe, and continues after an error.
    Try(Uuid, Vec<Step>),
    /// Runs steps on an aggregate of another resource, and continues after an error.
    TryOn(AggregateId, Vec<Step>),
    /// Starts steps on another probe, and drops the future when the gate opens.
    Drop(Uuid, Vec<Step>, String),
    /// Runs steps on another probe with the timeout of `run-quickly`, and continues after an error.
    TryQuickly(Uuid, Vec<Step>),
    /// Runs steps on another probe with an expected version, and continues after an error.
    TryAt(Uuid, u64, Vec<Step>),
    /// Runs the action that requires a precondition, without one, and continues after an error.
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
    /// Reports the outputs so far to the test, in this attempt.
    Report(String),
    Wait(String),
    Reject(String),
    Panic(String),
    SetUnstorable(Unstorable),
    /// Sends a message that no store can keep.
    SendUnstorable(Unstorable),
}

/// Kinds of values that no store can keep.
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

/// A value that serializes as one that no store can keep.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct UnstorableValue(pub Unstorable);

/// Text of the panics of actions. It must not appear anywhere.
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

    /// Start a probe with a state that no store can keep.
    #[action(evt_key = "unstorable-probe-started")]
    pub fn start_unstorable(value: Unstorable) -> Result<Self, SimpleRejection> {
        Ok(Self { value: 0, unstorable: Some(UnstorableValue(value)) })
    }

    /// Run steps.
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

    /// Run steps within a short timeout.
    #[action(evt_key = "ran-quickly", timeout = "20ms")]
    pub async fn run_quickly(
        &mut self,
        cx: &mut ActionContext,
        steps: Vec<Step>,
    ) -> Result<Vec<String>, ProbeError> {
        self.run(cx, steps).await
    }

    /// Run steps on the version that the sender expects.
    #[action(evt_key = "ran-expected", if_match = "required")]
    pub async fn run_expected(
        &mut self,
        cx: &mut ActionContext,
        steps: Vec<Step>,
    ) -> Result<Vec<String>, ProbeError> {
        self.run(cx, steps).await
    }

    /// Panic at once, before the first await.
    #[action(evt_key = "panicked-at-once")]
    pub fn panic_at_once(&mut self) -> Result<(), SimpleRejection> {
        self.value += 1;
        panic!("{PANIC_TEXT}")
    }

    /// Return a value that no store can keep.
    #[action]
    pub fn return_unstorable(&self, value: Unstorable) -> Result<UnstorableValue, SimpleRejection> {
        Ok(UnstorableValue(value))
    }

    /// Return the value, after some steps.
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

    /// Return the whole state.
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
                outputs.push(outcome(found.map(|probe| (probe.value, Versioned::version(&probe)))));
            }
            Step::FetchOn(aggregate_id) => {
                let found = cx.fetch::<Self>(aggregate_id).await;
                outputs.push(outcome(found.map(|probe| (probe.value, Versioned::version(&probe)))));
            }
            Step::Find(id) => {
                let found = cx.find::<Self>(id).await;
                outputs.push(outcome(
                    found.map(|probe| probe.map(|probe| Versioned::version(&probe))),
                ));
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
                let message = format!("rejected as {code}");
                // An action's code is a constant; here it is data of the test.
                let rejection = SimpleRejection::new(code.leak(), "").with_message(message);
                return Err(rejection.into());
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

/// Builds a fixture with `count` probes at zero.
pub async fn probes(count: u128) -> Fixture {
    let fixture = Fixture::new::<ProbingDomain>().await;
    for number in 1..=count {
        fixture.session.send(fixture::id(number), StartProbe { value: 0 }).await.unwrap();
    }
    fixture
}
