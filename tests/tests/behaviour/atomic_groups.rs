//! Atomic groups: one unit of work, stored completely or not at all.

use std::time::Duration;

use fluvius_core::{
    CommandBundle, CommandStatus, Domain, DomainContext, Error, Session, SimpleRejection,
};
use serde_json::{Value, json};

use fluvius_tests::faulty_store::{CommitStep, ScriptedStore};
use fluvius_tests::fixture::{self, Fixture, id};
use fluvius_tests::probe::{ProbingDomain, StartProbe, Step, Unstorable, probe, probes};
use fluvius_tests::store_snapshot::StoreSnapshot;

fn steps(steps: &[Step]) -> Value {
    json!({ "steps": steps })
}

fn run(fixture: &Fixture, number: u128, these: &[Step]) -> CommandBundle {
    fixture.command(&probe(number), "run", steps(these))
}

/// Checks a rejected group: the index and code of the rejected command, and that only rows are
/// added.
async fn check_group_rejected(
    fixture: &Fixture,
    group: &[CommandBundle],
    index: usize,
    code: &str,
) {
    let before = fixture.snapshot().await;
    let error = fixture.session.process_atomic(group.to_vec()).await.unwrap_err();
    let Error::GroupRejected { rejected, source } = &error else { panic!("{error:?}") };
    assert_eq!(*rejected, group[index].id);
    assert_eq!(source.code(), code);
    let mut after = fixture.snapshot().await;
    let rows = after.commands.split_off(before.commands.len());
    assert_eq!(before, after);
    assert_eq!(rows.len(), group.len());
    for (at, (row, command)) in rows.iter().zip(group).enumerate() {
        let expected = if at == index { code } else { "group-rejected" };
        assert_eq!((row.record.id, row.record.code.as_deref()), (command.id, Some(expected)));
        assert_eq!(
            (row.record.status, &row.record.aggregate_id),
            (CommandStatus::Rejected, &command.aggregate_id)
        );
    }
}

/// Checks that a group ends in a fault and leaves nothing.
async fn check_group_fault(fixture: &Fixture, group: &[CommandBundle], code: &str) -> Error {
    let before = fixture.snapshot().await;
    let error = fixture.session.process_atomic(group.to_vec()).await.unwrap_err();
    assert_eq!(error.code(), code);
    assert_eq!(before, fixture.snapshot().await);
    error
}

#[tokio::test]
async fn each_command_sees_the_results_of_those_before_it() {
    let fixture = probes(2).await;
    let group = [
        fixture.command(&probe(9), "start-probe", json!({ "value": 5 })),
        run(&fixture, 9, &[Step::Add(1)]),
        run(&fixture, 1, &[Step::Fetch(id(9)), Step::Invoke(id(9), vec![Step::Add(10)])]),
        fixture.command(&probe(9), "ask-value", json!({})),
        fixture.command(&probe(9), "end-probe", json!({})),
        run(&fixture, 2, &[Step::Find(id(9))]),
    ];
    let ids: Vec<_> = group.iter().map(|command| command.id).collect();
    let responses = fixture.session.process_atomic(group).await.unwrap();
    let listed: Vec<_> = responses
        .iter()
        .map(|response| (response.command_id, response.version, response.data.to_value()))
        .collect();
    let expected = [
        (ids[0], 1, json!({ "value": 5 })),
        (ids[1], 2, json!([])),
        (ids[2], 2, json!(["(6, 2)"])),
        (ids[3], 3, json!(16)),
        (ids[4], 4, json!({ "value": 16 })),
        (ids[5], 2, json!(["None"])),
    ];
    assert_eq!(listed, expected);
    let log = fixture.snapshot().await;
    let versions: Vec<_> = log.events[2..]
        .iter()
        .map(|event| (event.record.aggregate_id.id.as_u128(), event.record.version))
        .collect();
    assert_eq!(versions, [(9, 1), (9, 2), (1, 2), (9, 3), (9, 4), (2, 2)]);
    assert_eq!(fixture.session.process_atomic([]).await.unwrap(), []);
}

#[tokio::test]
async fn a_group_is_one_unit_with_initial_versions() {
    let store = ScriptedStore::default();
    let domain = ProbingDomain::runtime(store.clone()).await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    session.send(id(1), StartProbe { value: 0 }).await.unwrap();
    store.units();
    let one = |number| fixture::command(&session, &probe(number), "run", steps(&[Step::Add(1)]));
    let start = fixture::command(&session, &probe(2), "start-probe", json!({}));
    session.process_atomic([one(1), start, one(1), one(2)]).await.unwrap();
    let [unit] = &store.units()[..] else { panic!() };
    let expected: Vec<_> =
        unit.expected.iter().map(|of| (of.aggregate_id.id.as_u128(), of.version)).collect();
    assert_eq!(expected, [(1, 1), (2, 0)]);
    let states: Vec<_> =
        unit.states.iter().map(|row| (row.aggregate_id.id.as_u128(), row.version)).collect();
    assert_eq!(states, [(1, 3), (2, 2)]);
    assert_eq!((unit.commands.len(), unit.events.len()), (4, 4));
}

#[tokio::test]
async fn one_rejection_rejects_the_group() {
    let fixture = probes(3).await;
    let good = |number| run(&fixture, number, &[Step::Add(1), Step::Invoke(id(3), vec![])]);
    let no = |number| run(&fixture, number, &[Step::Reject("no".to_owned())]);
    check_group_rejected(&fixture, &[no(1), good(2)], 0, "no").await;
    check_group_rejected(&fixture, &[good(1), no(2), good(2)], 1, "no").await;
    check_group_rejected(&fixture, &[good(1), good(8)], 1, "not-found").await;
    let start = fixture.command(&probe(2), "start-probe", json!({}));
    check_group_rejected(&fixture, &[good(1), start], 1, "already-exists").await;
    check_group_rejected(&fixture, &[no(1)], 0, "no").await;
}

#[tokio::test]
async fn a_fault_in_a_group_leaves_nothing() {
    let fixture = probes(2).await;
    let good = run(&fixture, 1, &[Step::Add(1)]);
    for (faulty, code) in [
        (run(&fixture, 2, &[Step::Panic(String::new())]), "panicked"),
        (run(&fixture, 2, &[Step::SetUnstorable(Unstorable::Nan)]), "invalid-state"),
        (run(&fixture, 2, &[Step::Try(id(2), vec![])]), "reentrant-invoke"),
        (fixture.command(&probe(2), "run", json!({ "steps": 7 })), "invalid-payload"),
        (fixture.command(&probe(2), "nothing", json!({})), "unknown-command"),
        (
            fixture.command(&fluvius_tests::ticket::ticket(2), "run", steps(&[])),
            "resource-not-allowed",
        ),
    ] {
        check_group_fault(&fixture, &[good.clone(), faulty], code).await;
    }
    fixture.session.process_command(good).await.unwrap();
}

#[tokio::test]
async fn a_rejected_group_is_replayed() {
    let fixture = probes(2).await;
    let group = [
        run(&fixture, 1, &[Step::Add(1)]),
        run(&fixture, 2, &[Step::Reject("no".to_owned())]),
        run(&fixture, 1, &[Step::Add(1)]),
    ];
    check_group_rejected(&fixture, &group, 1, "no").await;
    let before = fixture.snapshot().await;
    let again = fixture.session.process_atomic(group.clone()).await.unwrap_err();
    let text = format!("command {} of the group was rejected: rejected as no", group[1].id);
    fixture::check_error(&again, "group-rejected", &text);
    // A command of the group, sent alone, gets its own answer.
    let alone = fixture.session.process_command(group[0].clone()).await.unwrap_err();
    fixture::check_error(&alone, "group-rejected", &text);
    let alone = fixture.session.process_command(group[1].clone()).await.unwrap_err();
    assert_eq!(alone.code(), "no");
    assert_eq!(before, fixture.snapshot().await);
}

#[tokio::test]
async fn an_applied_group_is_replayed() {
    let fixture = probes(2).await;
    let group = [
        run(&fixture, 1, &[Step::Add(1)]),
        fixture.command(&probe(1), "ask-state", json!({})),
        fixture.command(&probe(1), "ask-value", json!({})),
        run(&fixture, 2, &[Step::Invoke(id(1), vec![Step::Add(5)])]),
        fixture.command(&probe(1), "ask-state", json!({})),
        fixture.command(&probe(2), "end-probe", json!({})),
        run(&fixture, 1, &[Step::Add(1)]),
    ];
    let first = fixture.session.process_atomic(group.clone()).await.unwrap();
    let listed: Vec<_> =
        first.iter().map(|answer| (answer.version, answer.data.to_value())).collect();
    assert_eq!(
        listed[1],
        (2, json!({ "value": 1 })),
        "a read-only action sees the commands before it"
    );
    assert_eq!(listed[4], (3, json!({ "value": 6 })));
    fixture.apply(&probe(1), "run", steps(&[Step::Add(100)])).await;
    let before = fixture.snapshot().await;
    let again = fixture.session.process_atomic(group.clone()).await.unwrap();
    assert_eq!(first, again);
    for (command, answer) in group.into_iter().zip(&first) {
        let mut alone = fixture.session.process_command(command).await.unwrap();
        // Of a read-only command without its group, only its own rows are known.
        if answer.event.is_none() {
            assert!(alone.position < answer.position);
            alone.position = answer.position;
        }
        assert_eq!(alone, *answer);
    }
    assert_eq!(before, fixture.snapshot().await);
}

#[tokio::test]
async fn a_long_group_on_one_aggregate_is_replayed() {
    let fixture = probes(1).await;
    let group: Vec<_> = (0..50).map(|_| run(&fixture, 1, &[Step::Add(1)])).collect();
    let first = fixture.session.process_atomic(group.clone()).await.unwrap();
    fixture.session.process_command(run(&fixture, 1, &[Step::Add(100)])).await.unwrap();
    assert_eq!(fixture.session.process_atomic(group).await.unwrap(), first);
}

#[tokio::test]
async fn a_partly_known_group_is_command_id_reused() {
    let fixture = probes(2).await;
    let sent = run(&fixture, 1, &[Step::Add(1)]);
    fixture.session.process_command(sent.clone()).await.unwrap();
    let fresh = run(&fixture, 2, &[Step::Add(1)]);
    for group in [[sent.clone(), fresh.clone()], [fresh.clone(), sent.clone()]] {
        let error = check_group_fault(&fixture, &group, "command-id-reused").await;
        assert!(matches!(error, Error::CommandIdReused { id } if id == sent.id));
    }
    // Also if a command would be rejected or would meet a fault.
    let no = run(&fixture, 2, &[Step::Reject("no".to_owned())]);
    check_group_fault(&fixture, &[sent.clone(), no], "command-id-reused").await;
    let panic = run(&fixture, 2, &[Step::Panic(String::new())]);
    check_group_fault(&fixture, &[sent, panic], "command-id-reused").await;
}

#[tokio::test]
async fn a_group_with_a_duplicate_id_is_rejected() {
    let fixture = probes(2).await;
    let first = run(&fixture, 1, &[Step::Add(1)]);
    let second = run(&fixture, 2, &[Step::Add(1)]).with_id(first.id);
    let error = check_group_fault(&fixture, &[first.clone(), second], "command-id-reused").await;
    assert!(matches!(error, Error::CommandIdReused { id } if id == first.id));
}

#[tokio::test]
async fn preconditions_refer_to_the_state_before_the_group() {
    let fixture = probes(2).await;
    let etag = fixture.domain.statemgr().fetch_record(&probe(1)).await.unwrap().etag;
    let group = [
        run(&fixture, 1, &[Step::Add(1)]).if_match(1),
        run(&fixture, 1, &[Step::Add(1)]).if_match(1),
        run(&fixture, 1, &[Step::Add(1)]).if_match(etag),
        fixture.command(&probe(9), "start-probe", json!({})).if_match(0),
        run(&fixture, 9, &[Step::Add(1)]).if_match(0),
    ];
    let responses = fixture.session.process_atomic(group).await.unwrap();
    assert_eq!(responses.last().unwrap().version, 2);
    let group = [run(&fixture, 1, &[]), run(&fixture, 1, &[]).if_match(5)];
    check_group_rejected(&fixture, &group, 1, "precondition-failed").await;
}

#[tokio::test(start_paused = true)]
async fn a_group_is_retried_as_a_whole_after_a_conflict() {
    let store = ScriptedStore::default();
    let domain = ProbingDomain::runtime(store.clone()).await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    for number in 1..=2 {
        session.send(id(number), StartProbe { value: 0 }).await.unwrap();
    }
    let other = ProbingDomain::runtime(store.inner.clone()).await.unwrap();
    let rival = other.session(DomainContext::create("rival"));
    let theirs = fixture::command(&rival, &probe(2), "run", steps(&[Step::Add(7)]));
    store.script([CommitStep::RunFirst(Box::pin(async move {
        rival.process_command(theirs).await.unwrap();
    }))]);
    let one =
        |number, these: &[Step]| fixture::command(&session, &probe(number), "run", steps(these));
    let group = [one(1, &[Step::Add(1)]), one(2, &[Step::Add(1)]), one(1, &[Step::Fetch(id(2))])];
    let started = tokio::time::Instant::now();
    let responses = session.process_atomic(group).await.unwrap();
    assert_eq!(responses[2].data.to_value(), json!(["(8, 3)"]));
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(StoreSnapshot::of(&store).await.version(&probe(1)), 3);
}

#[tokio::test]
async fn a_veto_rejects_the_whole_group() {
    struct Veto;
    impl fluvius_core::Observer for Veto {
        fn before_commit(&self, unit: &fluvius_core::UnitOfWork) -> Result<(), SimpleRejection> {
            match unit.commands.len() {
                1 => Ok(()),
                _ => Err(SimpleRejection::new("no-groups", "groups are closed")),
            }
        }
    }
    let store = fluvius_core::MemoryStore::new();
    let builder = ProbingDomain::builder(store.clone()).observer(Veto);
    let domain = builder.build().await.unwrap();
    let session: Session = domain.session(DomainContext::create("test"));
    session.send(id(1), StartProbe { value: 0 }).await.unwrap();
    let fixture = Fixture { store, domain, session };
    let group = [run(&fixture, 1, &[Step::Add(1)]), run(&fixture, 1, &[Step::Add(1)])];
    check_group_rejected(&fixture, &group, 0, "no-groups").await;
}
