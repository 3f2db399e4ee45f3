//! A stream of commands is decided in order, without waiting for each to be durable.

use std::time::Duration;

use fluvius_core::{AggregateId, Domain, DomainContext, MemoryStore};
use fluvius_testing::{Faults, FaultyStore};
use futures_util::StreamExt;
use serde_json::json;
use uuid::Uuid;

use fluvius_tests::purse::PurseDomain;

#[tokio::test(start_paused = true)]
async fn each_command_sees_its_predecessor() {
    let store = FaultyStore::new(MemoryStore::new(), 5, Faults::default());
    let domain = PurseDomain::runtime(store.clone()).await.unwrap();
    store.set_faults(Faults { max_delay: Duration::from_millis(3), ..Faults::default() });
    let session = domain.session(DomainContext::create("test"));
    let aggregate_ids: Vec<AggregateId> =
        (0..40).map(|_| AggregateId::new("purse", Uuid::new_v4())).collect();
    let mut commands = Vec::new();
    for (index, aggregate_id) in aggregate_ids.iter().enumerate() {
        let on = session.aggregate(aggregate_id.clone());
        commands.push(on.create_command("make-purse", json!({ "coins": 1 })).unwrap());
        // Each purse passes on the coins that it got from the one before it.
        if let Some(before) = index.checked_sub(1) {
            let give = json!({ "coins": index, "to": aggregate_id.id });
            commands.push(
                session
                    .aggregate(aggregate_ids[before].clone())
                    .create_command("give", give)
                    .unwrap(),
            );
        }
    }
    let keys: Vec<String> = commands.iter().map(|command| command.command.clone()).collect();
    let answers: Vec<_> = session.command_processor().process(commands).collect().await;
    let answered: Vec<String> =
        answers.iter().map(|answer| answer.as_ref().unwrap().command.to_owned()).collect();
    assert_eq!(answered, keys);
    let sizes = store.batch_sizes();
    let units: usize = sizes.iter().sum();
    assert!(units > 2 * sizes.len(), "the units share batches: {sizes:?}");
}

#[tokio::test]
async fn a_rejection_does_not_stop_the_stream() {
    let domain = PurseDomain::runtime(MemoryStore::new()).await.unwrap();
    let mut session = domain.session(DomainContext::create("test"));
    session.set_aggroot("purse", Uuid::new_v4());
    let commands = [
        session.create_command("make-purse", json!({ "coins": 5 })).unwrap(),
        session.create_command("take-out", json!({ "coins": 9 })).unwrap(),
        session.create_command("take-away", json!({ "coins": 9 })).unwrap(),
        session.create_command("take-out", json!({ "coins": 4 })).unwrap(),
    ];
    let answers: Vec<_> = session.command_processor().process(commands).collect().await;
    let codes: Vec<&str> = answers
        .iter()
        .map(|answer| answer.as_ref().map_or_else(fluvius_core::Error::code, |_| "applied"))
        .collect();
    assert_eq!(codes, ["applied", "too-few-coins", "unknown-command", "applied"]);
}
