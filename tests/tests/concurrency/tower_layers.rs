//! The processor under tower's layers: timeout, concurrency limit, load shedding.

use std::time::Duration;

use fluvius_core::AggregateId;
use serde_json::json;
use tower::{Service, ServiceBuilder, ServiceExt};

use fluvius_tests::purse::{coins, gate_of, purses};

#[tokio::test(start_paused = true)]
async fn a_timeout_layer_does_not_cancel_the_command() {
    let (domain, session, ids) = purses(1).await;
    let gate = gate_of(ids[0]);
    let on = session.aggregate(AggregateId::new("purse", ids[0]));
    let service =
        ServiceBuilder::new().timeout(Duration::from_millis(5)).service(on.command_processor());
    let command = on.create_command("double-at-gate", json!({})).unwrap();
    let error = service.clone().oneshot(command.clone()).await.unwrap_err();
    assert!(error.is::<tower::timeout::error::Elapsed>(), "{error}");
    gate.open(1);
    // The same id gives the answer that the caller did not wait for.
    let answer = service.oneshot(command).await.unwrap();
    assert_eq!(answer.version, 2);
    assert_eq!(coins(&domain, ids[0]).await, 200);
}

#[tokio::test]
async fn load_shedding_rejects_above_the_limit() {
    let (_domain, session, ids) = purses(2).await;
    let gate = gate_of(ids[0]);
    let on = |index: usize| session.aggregate(AggregateId::new("purse", ids[index]));
    let mut service =
        ServiceBuilder::new().load_shed().concurrency_limit(1).service(session.command_processor());
    let gated = on(0).create_command("double-at-gate", json!({})).unwrap();
    let first = tokio::spawn(service.ready().await.unwrap().call(gated));
    gate.arrival().await;

    let next = on(1).create_command("put-in", json!({ "coins": 1 })).unwrap();
    let error = service.ready().await.unwrap().call(next.clone()).await.unwrap_err();
    assert!(error.is::<tower::load_shed::error::Overloaded>(), "{error}");

    gate.open(1);
    first.await.unwrap().unwrap();
    service.ready().await.unwrap().call(next).await.unwrap();
}

#[tokio::test]
async fn a_clone_acquires_its_own_permit() {
    let (_domain, session, ids) = purses(1).await;
    let mut service = session.command_processor();
    service.ready().await.unwrap();
    let on = session.aggregate(AggregateId::new("purse", ids[0]));
    let put_in = || on.create_command("put-in", json!({ "coins": 1 })).unwrap();
    service.clone().ready().await.unwrap().call(put_in()).await.unwrap();
    assert_eq!(service.call(put_in()).await.unwrap().version, 3);
}
