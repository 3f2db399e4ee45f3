//! Shutdown: accepted commands end, others get `shutting-down`.

use tower::{Service, ServiceExt};

use fluvius_tests::purse::{DoubleAtGate, PutIn, coins, gate_of, purses};

#[tokio::test]
async fn an_unused_permit_does_not_block_shutdown() {
    let (domain, session, ids) = purses(1).await;
    let mut ready = session.command_processor();
    ready.ready().await.unwrap();
    domain.shutdown().await;
    let on = session.aggregate(fluvius_core::AggregateId::new("purse", ids[0]));
    let put_in = on.create_command("put-in", serde_json::json!({ "coins": 1 })).unwrap();
    assert_eq!(ready.call(put_in).await.unwrap_err().code(), "shutting-down");
}

#[tokio::test]
async fn accepted_commands_end_and_others_are_rejected() {
    let (domain, session, ids) = purses(2).await;
    let gate = gate_of(ids[0]);
    let first = tokio::spawn({
        let (session, to) = (session.clone(), ids[0]);
        async move { session.send(to, DoubleAtGate {}).await }
    });
    gate.arrival().await;
    let mut waits_for_its_turn = Box::pin(session.send(ids[0], PutIn { coins: 3 }).into_future());
    assert!(futures_util::poll!(&mut waits_for_its_turn).is_pending());

    let mut shutdown = Box::pin(domain.shutdown());
    assert!(futures_util::poll!(&mut shutdown).is_pending());
    let late = session.send(ids[1], PutIn { coins: 1 }).await.unwrap_err();
    assert_eq!(late.code(), "shutting-down");

    gate.open(1);
    shutdown.await;
    first.await.unwrap().unwrap();
    waits_for_its_turn.await.unwrap();
    assert_eq!(coins(&domain, ids[0]).await, 203);
    assert_eq!(coins(&domain, ids[1]).await, 100);
    assert_eq!(session.send(ids[1], PutIn { coins: 1 }).await.unwrap_err().code(), "shutting-down");
}
