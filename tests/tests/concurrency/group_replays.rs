//! Replays of atomic groups: the work is linear in the size of the group.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fluvius_core::{AggregateId, Domain, DomainContext, MemoryStore};
use serde_json::json;
use uuid::Uuid;

use fluvius_tests::faulty_store::{HookedStore, StoreCall};
use fluvius_tests::purse::{MakePurse, PurseDomain};

const COMMANDS: usize = 1_000;

#[tokio::test]
async fn a_group_on_one_aggregate_is_replayed_in_few_reads() {
    let rows_read = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&rows_read);
    let store = HookedStore::new(MemoryStore::new(), move |call| {
        if let StoreCall::Rows(rows) = call {
            counted.fetch_add(rows.max(1), Ordering::Relaxed);
        }
    });
    let domain = PurseDomain::runtime(store).await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    let id = Uuid::from_u128(1);
    session.send(id, MakePurse { coins: 0 }).await.unwrap();
    let on = session.aggregate(AggregateId::new("purse", id));
    let group: Vec<_> = (0..COMMANDS)
        .map(|_| on.create_command("put-in", json!({ "coins": 1 })).unwrap())
        .collect();
    let first = session.process_atomic(group.clone()).await.unwrap();
    rows_read.store(0, Ordering::Relaxed);
    let again = session.process_atomic(group).await.unwrap();
    assert_eq!(first, again);
    let rows = rows_read.load(Ordering::Relaxed);
    assert!(rows < 3 * COMMANDS, "{rows} rows were read for {COMMANDS} commands");
}

#[tokio::test]
async fn single_commands_are_replayed_as_a_group() {
    let domain = PurseDomain::runtime(MemoryStore::new()).await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    let id = Uuid::from_u128(1);
    session.send(id, MakePurse { coins: 0 }).await.unwrap();
    let on = session.aggregate(AggregateId::new("purse", id));
    let mut commands = Vec::new();
    let mut answers = Vec::new();
    for coins in 1..=40 {
        let command = on.create_command("put-in", json!({ "coins": coins })).unwrap();
        answers.push(session.process_command(command.clone()).await.unwrap());
        commands.push(command);
    }
    // The later ones first, so that the log is read backwards too.
    commands.reverse();
    answers.reverse();
    assert_eq!(session.process_atomic(commands).await.unwrap(), answers);
}
