//! Deliveries: catching up and following, answers, attempts, checkpoints.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use fluvius_core::subscriptions::{Delivery, Start};
use futures_util::StreamExt;
use uuid::Uuid;

use crate::content::Content;
use crate::counter::{
    Counter, CounterEvent, Seen, count, count_on, domain, note, note_all, session, wait_for,
    wait_until,
};

#[tokio::test]
async fn every_event_is_delivered_once_and_in_order() {
    Content::on_each(async |content| {
        let domain = domain(content.open().await).await;
        let ids = count(&domain, 10, 20).await;
        let seen = Seen::default();
        let subscription = note_all(&domain, &seen).await;
        // Catching up meets commits that go on.
        count_on(&domain, &ids, 20).await;
        seen.reaches(10 * 41).await;
        subscription.stop().await;
        assert_eq!(seen.len(), 10 * 41);
        seen.check_all_in_order(&ids, 41);
        domain.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn a_restart_continues_at_the_checkpoint() {
    Content::on_each(async |content| {
        let first = domain(content.open().await).await;
        let ids = count(&first, 4, 5).await;
        let seen = Seen::default();
        note_all(&first, &seen).await;
        seen.reaches(24).await;
        first.shutdown().await;

        let second = domain(content.open().await).await;
        count_on(&second, &ids, 2).await;
        note_all(&second, &seen).await;
        seen.reaches(32).await;
        second.shutdown().await;
        assert_eq!(seen.len(), 32, "nothing is repeated after an orderly end");
        seen.check_all_in_order(&ids, 8);
    })
    .await;
}

#[tokio::test]
async fn start_is_used_once() {
    Content::on_each(async |content| {
        let domain = domain(content.open().await).await;
        let ids = count(&domain, 2, 3).await;
        let run = |seen: Seen| {
            domain.subscribe("later").start_at(Start::Now).run(move |delivery| {
                seen.note(delivery.record());
                std::future::ready(Ok::<(), Infallible>(()))
            })
        };
        let seen = Seen::default();
        let subscription = run(seen.clone()).await.unwrap();
        count_on(&domain, &ids, 1).await;
        seen.reaches(2).await;
        subscription.stop().await;
        count_on(&domain, &ids, 1).await;
        let again = run(seen.clone()).await.unwrap();
        seen.reaches(4).await;
        again.stop().await;
        let versions = seen.versions();
        assert!(ids.iter().all(|id| versions[id] == [5, 6]), "{versions:?}");
        domain.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn selections_narrow_the_deliveries() {
    let domain = domain(Content::each().remove(0).open().await).await;
    let ids = count(&domain, 3, 2).await;
    let session = domain.session(fluvius_core::DomainContext::create("north").with_realm("north"));
    let northern = Uuid::from_u128(99);
    session.send(northern, crate::counter::StartCounter {}).await.unwrap();
    let seen = [Seen::default(), Seen::default(), Seen::default()];
    note(domain.subscribe("keys").event_keys(["counted"]), &seen[0]).await;
    note(domain.subscribe("realm").realm(Some("north")), &seen[1]).await;
    note(domain.subscribe("resources").resources(["shop"]), &seen[2]).await;
    seen[0].reaches(6).await;
    seen[1].reaches(1).await;
    domain.shutdown().await;
    assert_eq!(seen.each_ref().map(Seen::len), [6, 1, 0]);
    assert!(ids.iter().all(|id| seen[0].versions()[id] == [2, 3]));
    assert_eq!(seen[1].versions()[&northern], [1]);
}

#[tokio::test]
async fn typed_events_come_with_their_context() {
    Content::on_each(async |content| {
        let domain = domain(content.open().await).await;
        count(&domain, 1, 2).await;
        let typed = domain.subscribe("typed").events_of::<Counter>().start_at(Start::Beginning);
        let mut deliveries = typed.connect().await.unwrap();
        let mut sum = 0;
        for _ in 0..3 {
            let delivery: Delivery<CounterEvent> = deliveries.next().await.unwrap();
            if let CounterEvent::Counted(counted) = delivery.event() {
                sum += counted.by;
            }
            let context = delivery.context().await.unwrap().unwrap();
            assert_eq!(context.actor.user_id, Some(Uuid::from_u128(7)));
            assert_eq!(delivery.attempt(), 1);
            delivery.ack();
        }
        assert_eq!(sum, 3);
        deliveries.stop().await;
        domain.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn failed_and_panicking_handlers_are_repeated() {
    Content::on_each(async |content| {
        let domain = domain(content.open().await).await;
        count(&domain, 1, 1).await;
        let (calls, seen) = (Arc::new(AtomicU32::new(0)), Seen::default());
        let (counted, noted) = (Arc::clone(&calls), seen.clone());
        let subscribe = domain.subscribe("flaky").start_at(Start::Beginning);
        let run = subscribe.run(move |delivery| {
            let call = counted.fetch_add(1, Ordering::Relaxed);
            let noted = noted.clone();
            async move {
                match call {
                    0 => Err("the first attempt fails"),
                    1 => std::panic::panic_any("the second one panics"),
                    _ => {
                        assert!(call > 2 || delivery.attempt() == 3);
                        noted.note(delivery.record());
                        Ok(())
                    }
                }
            }
        });
        run.await.unwrap();
        seen.reaches(2).await;
        domain.shutdown().await;
        assert_eq!(seen.versions()[&Uuid::from_u128(1)], [1, 2], "the order is kept");
    })
    .await;
}

#[tokio::test]
async fn dropped_delivery_comes_again() {
    let domain = domain(Content::each().remove(0).open().await).await;
    count(&domain, 1, 0).await;
    let mut deliveries =
        domain.subscribe("streamed").start_at(Start::Beginning).connect().await.unwrap();
    drop(deliveries.next().await.unwrap());
    let again = deliveries.next().await.unwrap();
    assert_eq!(again.attempt(), 2);
    again.nack(Duration::ZERO);
    assert_eq!(deliveries.next().await.unwrap().attempt(), 3);
    domain.shutdown().await;
    // The shutdown waits 5 s at most for the last one, which was dropped at once.
    assert!(deliveries.next().await.is_none());
}

#[tokio::test]
async fn deliveries_in_flight_are_bounded() {
    let domain = domain(Content::each().remove(0).open().await).await;
    count(&domain, 20, 1).await;
    let connect = |name: &'static str, limit: usize| {
        let subscribe = domain.subscribe(name).partitions(1).max_in_flight(limit);
        subscribe.start_at(Start::Beginning).connect()
    };
    let mut one = connect("one", 1).await.unwrap();
    let first = one.next().await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(300), one.next()).await.is_err());
    first.ack();
    one.next().await.unwrap().ack();

    let mut five = connect("five", 5).await.unwrap();
    let mut unanswered = Vec::new();
    for _ in 0..5 {
        unanswered.push(five.next().await.unwrap());
    }
    assert!(tokio::time::timeout(Duration::from_millis(300), five.next()).await.is_err());
    let last = unanswered.pop().unwrap();
    let through = last.record().position;
    last.ack_through();
    // The answers before it count as given.
    let next = five.next().await.unwrap();
    assert!(next.record().position > through);
    five.stop().await;
    one.stop().await;
    domain.shutdown().await;
}

#[tokio::test]
async fn checkpoint_moves_past_events_of_no_interest() {
    Content::on_each(async |content| {
        let domain = domain(content.open().await).await;
        let seen = Seen::default();
        note(domain.subscribe("nothing").event_keys(["never-emitted"]), &seen).await;
        count(&domain, 3, 3).await;
        let status = wait_for(&domain, |status| {
            status.partitions.iter().all(|partition| partition.lag == 0)
        });
        let status = status.await;
        assert!(status.newest > 0 && !status.is_capped);
        assert!(status.partitions.iter().all(|partition| partition.waiting == 0));
        domain.shutdown().await;
        assert_eq!(seen.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn handler_may_send_commands() {
    let domain = domain(Content::each().remove(0).open().await).await;
    let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let sender = session(&domain);
    sender.send(second, crate::counter::StartCounter {}).await.unwrap();
    let subscribe = domain.subscribe("mirror").event_keys(["counted"]).start_at(Start::Now);
    let run = subscribe.run(move |delivery| {
        let sender = sender.clone();
        async move {
            let row = &delivery.record().record;
            if row.aggregate_id.id == first {
                let command = crate::counter::CountMore { by: 1 };
                // The id of the event makes the command idempotent.
                sender.send(second, command).with_id(row.id).await.map(drop)
            } else {
                Ok(())
            }
        }
    });
    run.await.unwrap();
    count(&domain, 1, 5).await;
    let states = domain.statemgr();
    for _ in 0..1_000 {
        if states.fetch::<Counter>(second).await.unwrap().count == 5 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(states.fetch::<Counter>(second).await.unwrap().count, 5);
    domain.shutdown().await;
}

#[tokio::test]
async fn large_backlog_is_read_in_bounded_parts() {
    let domain = domain(Content::each().remove(0).open().await).await;
    // More than a partition reads ahead, while none is answered.
    count(&domain, 3, 800).await;
    let subscribe = domain.subscribe("slow").partitions(2).start_at(Start::Beginning);
    let mut deliveries = subscribe.connect().await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let seen = Seen::default();
    while seen.len() < 3 * 801 {
        let delivery = deliveries.next().await.unwrap();
        seen.note(delivery.record());
        delivery.ack();
    }
    deliveries.stop().await;
    let ids: Vec<Uuid> = (1..=3).map(Uuid::from_u128).collect();
    seen.check_all_in_order(&ids, 801);
    wait_until(|| seen.len() == 3 * 801, || "repeated".to_owned()).await;
    domain.shutdown().await;
}
