//! A duplicate of a command in flight joins the first.

use serde_json::json;
use uuid::Uuid;

use fluvius_core::{AggregateId, DomainContext};

use fluvius_tests::purse::{DoubleAtGate, PutIn, coins, gate_of, purses};

#[tokio::test]
async fn a_duplicate_in_flight_is_one_command() {
    let (domain, session, ids) = purses(1).await;
    let gate = gate_of(ids[0]);
    let id = Uuid::from_u128(1);
    let send = || {
        let session = session.clone();
        let to = ids[0];
        tokio::spawn(async move { session.send(to, DoubleAtGate {}).with_id(id).await })
    };
    let first = send();
    gate.arrival().await;
    let second = send();
    tokio::task::yield_now().await;
    gate.open(1);
    let (first, second) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
    assert_eq!(first, second);
    assert!(!first.replayed && !second.replayed, "nothing was read back from the log");
    let later = session.send(ids[0], DoubleAtGate {}).with_id(id);
    gate.open(1);
    let later = later.await.unwrap();
    assert_eq!(first, later);
    assert!(later.replayed);
    assert_eq!(coins(&domain, ids[0]).await, 200);
    assert_eq!(domain.log().commands().await.unwrap().rows.len(), 2);
}

#[tokio::test]
async fn another_command_with_an_id_in_flight_is_rejected() {
    let (domain, session, ids) = purses(2).await;
    let gate = gate_of(ids[0]);
    let id = Uuid::from_u128(1);
    let first = tokio::spawn({
        let (session, to) = (session.clone(), ids[0]);
        async move { session.send(to, DoubleAtGate {}).with_id(id).await }
    });
    gate.arrival().await;
    let mut second = Box::pin(session.send(ids[1], PutIn { coins: 1 }).with_id(id).into_future());
    assert!(futures_util::poll!(&mut second).is_pending());
    gate.open(1);
    first.await.unwrap().unwrap();
    assert_eq!(second.await.unwrap_err().code(), "command-id-reused");
    assert_eq!(coins(&domain, ids[1]).await, 100);
}

#[tokio::test]
async fn a_duplicate_of_another_sender_does_not_join() {
    let (domain, session, ids) = purses(1).await;
    let others = [
        DomainContext::create("other").with_user(Uuid::from_u128(9)),
        DomainContext::create("other").with_realm("other"),
    ];
    for (number, other) in (1..).zip(others) {
        let gate = gate_of(ids[0]);
        let id = Uuid::from_u128(number);
        let first = tokio::spawn({
            let (session, to) = (session.clone(), ids[0]);
            async move { session.send(to, DoubleAtGate {}).with_id(id).await }
        });
        gate.arrival().await;
        let other = domain.session(other);
        let mut second = Box::pin(other.send(ids[0], DoubleAtGate {}).with_id(id).into_future());
        assert!(futures_util::poll!(&mut second).is_pending());
        gate.open(1);
        // The other command runs the action as well: its id is found as a duplicate only then.
        gate.open(1);
        first.await.unwrap().unwrap();
        assert_eq!(second.await.unwrap_err().code(), "command-id-reused");
    }
    assert_eq!(coins(&domain, ids[0]).await, 400);
}

#[tokio::test]
async fn a_duplicate_group_in_flight_is_one_group() {
    let (domain, session, ids) = purses(2).await;
    let on = |id| session.aggregate(AggregateId::new("purse", id));
    let gate = gate_of(ids[0]);
    let group = vec![
        on(ids[0]).create_command("double-at-gate", json!({})).unwrap(),
        on(ids[1]).create_command("put-in", json!({ "coins": 1 })).unwrap(),
    ];
    let send = || {
        let (session, group) = (session.clone(), group.clone());
        tokio::spawn(async move { session.process_atomic(group).await })
    };
    let first = send();
    gate.arrival().await;
    let second = send();
    tokio::task::yield_now().await;
    gate.open(1);
    assert_eq!(first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
    assert_eq!((coins(&domain, ids[0]).await, coins(&domain, ids[1]).await), (200, 101));
}
