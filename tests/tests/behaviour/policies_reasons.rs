//! The reasons for which a policy allows requests, in the activity log.

use fluvius_core::{
    Authorization, Domain, DomainContext, MemoryStore, Operation, Policy, PolicyRequest,
    PolicyState, ReadKind, ReadRequest, Session, uuid::Uuid,
};
use serde_json::json;

use fluvius_tests::fixture::{self, id};
use fluvius_tests::probe::{ProbingDomain, Run, StartProbe, Step, probe};
use fluvius_tests::store_snapshot::StoreSnapshot;

/// Allows all, with reasons that name the source of the sender.
#[derive(Clone)]
struct Narrator;

impl Policy for Narrator {
    async fn authorize(&self, request: &PolicyRequest<'_>) -> Authorization {
        match request.context.source() {
            "silent" => Authorization::Allow,
            source => Authorization::allow_because(format!("rule 1 \0 for {source}")),
        }
    }

    async fn authorize_with_state(
        &self,
        request: &PolicyRequest<'_>,
        state: Option<&PolicyState<'_>>,
    ) -> Authorization {
        match (request.context.source(), state) {
            ("strict", Some(_)) => Authorization::deny("with a state"),
            ("desk", Some(state)) => {
                Authorization::allow_because(format!("at {}", state.record().version))
            }
            _ => Authorization::Allow,
        }
    }

    async fn may_read(&self, _: &ReadRequest<'_>, _: &DomainContext) -> Authorization {
        Authorization::allow_because("all read")
    }

    async fn may_operate(&self, operation: Operation, _: &DomainContext) -> Authorization {
        match operation {
            Operation::Export => Authorization::allow_because("rule \0 2"),
            _ => Authorization::Allow,
        }
    }
}

struct Desk {
    store: MemoryStore,
    domain: fluvius_core::DomainRuntime,
    session: Session,
}

async fn desk() -> Desk {
    let store = MemoryStore::new();
    let domain = ProbingDomain::builder(store.clone()).policy(Narrator).build().await.unwrap();
    let silent = domain.session(DomainContext::create("silent"));
    for number in [1, 2] {
        silent.send(id(number), StartProbe { value: 0 }).await.unwrap();
    }
    let session = domain.session(DomainContext::create("desk"));
    Desk { store, domain, session }
}

impl Desk {
    /// Returns code and message of each activity.
    async fn activities(&self) -> Vec<(Option<String>, String)> {
        let rows = StoreSnapshot::of(&self.store).await.activities;
        let row = |row: fluvius_core::LogEntry<fluvius_core::ActivityRecord>| {
            (row.record.code.map(String::from), row.record.message.into_owned())
        };
        rows.into_iter().map(row).collect()
    }
}

fn granted(number: u128, reason: &str) -> (Option<String>, String) {
    let message = format!("`run` on {} is allowed: {reason}", probe(number));
    (Some("permission-granted".to_owned()), message)
}

const RULE: &str = "rule 1 \u{FFFD} for desk";

#[tokio::test]
async fn reasons_are_activities_of_the_unit() {
    let desk = desk().await;
    assert_eq!(desk.activities().await, [], "without a reason there is no row");
    let steps = vec![Step::Add(1), Step::Activity("seen".to_owned())];
    let command_id = Uuid::from_u128(71);
    let run = || desk.session.send(id(1), Run { steps: steps.clone() }).with_id(command_id);
    let answer = run().await.unwrap();
    let [rule, state, own] = &desk.activities().await[..] else { panic!() };
    assert_eq!((rule, state), (&granted(1, RULE), &granted(1, "at 1")));
    assert_eq!(own.1, "seen");

    let log = StoreSnapshot::of(&desk.store).await;
    for row in &log.activities {
        assert_eq!((row.record.command_id, &row.record.aggregate_id), (command_id, &probe(1)));
        assert_eq!(row.record.context_id, desk.session.context_id());
    }
    let data = log.activities[0].record.data.as_ref().unwrap();
    assert_eq!(data.to_value(), json!({ "command": "run" }));
    assert_eq!(answer.position, log.activities[2].position);

    // A replay adds no row, and has the position of the same last row.
    let replay = run().await.unwrap();
    assert_eq!((replay.replayed, replay.position), (true, answer.position));
    assert_eq!(StoreSnapshot::of(&desk.store).await.activities, log.activities);
}

#[tokio::test]
async fn only_applied_commands_have_reasons() {
    let desk = desk().await;
    let rejected = vec![Step::Add(1), Step::Reject("no".to_owned())];
    desk.session.send(id(1), Run { steps: rejected }).await.unwrap_err();
    let stale = desk.session.send(id(1), Run { steps: vec![] }).if_match(9).await;
    assert_eq!(stale.unwrap_err().code(), "precondition-failed");
    assert_eq!(desk.activities().await, []);

    // A denial with the state leaves its own row only.
    let strict = desk.domain.session(DomainContext::create("strict"));
    let denied = strict.send(id(1), Run { steps: vec![] }).await.unwrap_err();
    assert_eq!(denied.code(), "permission-denied");
    let [(code, _)] = &desk.activities().await[..] else { panic!() };
    assert_eq!(code.as_deref(), Some("permission-denied"));
}

#[tokio::test]
async fn each_command_of_a_group_has_its_reasons() {
    let desk = desk().await;
    let run = |number, steps: &[Step]| {
        fixture::command(&desk.session, &probe(number), "run", json!({ "steps": steps }))
    };
    let invoke = [Step::Invoke(id(2), vec![Step::Add(1)])];
    let group = [run(1, &invoke), run(2, &[Step::Add(1)])];
    let answers = desk.session.process_atomic(group.clone()).await.unwrap();
    let expected = [granted(1, RULE), granted(1, "at 1"), granted(2, RULE), granted(2, "at 2")];
    assert_eq!(desk.activities().await, expected, "the invoked command has none");
    let replayed = desk.session.process_atomic(group).await.unwrap();
    assert_eq!(replayed[1].position, answers[1].position);
}

#[tokio::test]
async fn dry_run_shows_the_reasons() {
    let desk = desk().await;
    let run = fixture::command(&desk.session, &probe(1), "run", json!({ "steps": [] }));
    let shown = desk.session.dry_run([run]).await.unwrap();
    let messages: Vec<&str> = shown.activities.iter().map(|row| row.message.as_ref()).collect();
    assert_eq!(messages, [granted(1, RULE).1, granted(1, "at 1").1]);
    assert_eq!(desk.activities().await, []);
}

#[tokio::test]
async fn operation_has_the_reason_and_a_read_has_none() {
    let desk = desk().await;
    desk.session.may_operate(Operation::Export).await.unwrap();
    desk.session.may_operate(Operation::Verify).await.unwrap();
    desk.session.may_read(&ReadRequest::new(ReadKind::Events)).await.unwrap();
    let messages: Vec<String> =
        desk.activities().await.into_iter().map(|(_, message)| message).collect();
    let export = "operation `export` is allowed: rule \u{FFFD} 2";
    assert_eq!(messages, [export, "operation `verify` is allowed"]);
    // The rows do not belong to a unit that follows or precedes them.
    let answer = desk.session.send(id(1), Run { steps: vec![] }).with_id(id(72)).await.unwrap();
    desk.session.may_operate(Operation::Export).await.unwrap();
    let replay = desk.session.send(id(1), Run { steps: vec![] }).with_id(id(72)).await.unwrap();
    assert_eq!((replay.replayed, replay.position), (true, answer.position));
}
