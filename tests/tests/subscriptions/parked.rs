//! Parked deliveries: those that wait for them, and the acts of operators.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use fluvius_core::DomainRuntime;
use fluvius_core::subscriptions::{OnPark, Start, SubscriptionStatus};
use futures_util::StreamExt;
use uuid::Uuid;

use crate::content::Content;
use crate::counter::{Seen, count, count_on, domain, operator, wait_for};

/// Parks the deliveries of these versions, of counter 1, and notes all others.
async fn park(
    domain: &DomainRuntime,
    on_park: OnPark,
    versions: &Arc<Mutex<BTreeSet<u64>>>,
    seen: &Seen,
) {
    let subscribe = domain.subscribe("parking").partitions(2).on_park(on_park);
    let mut deliveries = subscribe.start_at(Start::Beginning).connect().await.unwrap();
    let (versions, seen) = (Arc::clone(versions), seen.clone());
    tokio::spawn(async move {
        while let Some(delivery) = deliveries.next().await {
            let row = &delivery.record().record;
            let is_bad = versions.lock().unwrap().contains(&row.version);
            if row.aggregate_id.id == Uuid::from_u128(1) && is_bad {
                delivery.park("the mail server rejects the address");
            } else {
                seen.note(delivery.record());
                delivery.ack();
            }
        }
    });
}

fn has_caught_up(status: &SubscriptionStatus) -> bool {
    status.partitions.iter().all(|partition| partition.lag == 0)
}

#[tokio::test]
async fn parked_delivery_holds_the_later_ones_of_its_counter() {
    Content::on_each(async |content| {
        let domain = domain(content.open().await).await;
        let ids = count(&domain, 4, 4).await;
        let (bad, seen) = (Arc::new(Mutex::new(BTreeSet::from([2, 4]))), Seen::default());
        park(&domain, OnPark::Hold, &bad, &seen).await;
        seen.reaches(3 * 5 + 1).await;
        let status = wait_for(&domain, |status| status.parked.len() == 1 && has_caught_up(status));
        let parked = status.await.parked.remove(0);
        assert_eq!(parked.error, "the mail server rejects the address");
        assert_eq!(parked.aggregate_id.id, ids[0]);
        assert_eq!(seen.versions()[&ids[0]], [1], "versions 2 to 5 wait");
        assert_eq!(domain.health().await.unwrap().parked, 1);

        // It fails again, at once: the operator has not removed the cause.
        let subscriptions = domain.subscriptions();
        subscriptions.retry(&operator(), "parking", parked.position).await.unwrap();
        wait_for(&domain, |status| {
            status.parked.first().is_some_and(|again| {
                !again.is_retried && again.parked_at >= parked.parked_at && again.attempts == 1
            })
        })
        .await;
        // Version 2 is mended, and version 4 is then parked in its place.
        bad.lock().unwrap().remove(&2);
        subscriptions.retry(&operator(), "parking", parked.position).await.unwrap();
        let moved = wait_for(&domain, |status| {
            status.parked.first().is_some_and(|now| now.position > parked.position)
        });
        let fourth = moved.await.parked.remove(0).position;
        assert_eq!(seen.versions()[&ids[0]], [1, 2, 3]);
        count_on(&domain, &ids, 1).await;
        subscriptions.discard(&operator(), "parking", fourth, "it is stale").await.unwrap();
        wait_for(&domain, |status| status.parked.is_empty() && has_caught_up(status)).await;
        seen.reaches(3 * 6 + 5).await;
        assert_eq!(seen.versions()[&ids[0]], [1, 2, 3, 5, 6]);
        seen.check_all_in_order(&ids[1..], 6);

        let activities = domain.log().keys(["subscription"]).activities().await.unwrap().rows;
        let messages: Vec<&str> = activities.iter().map(|row| &*row.record.message).collect();
        assert_eq!(messages.len(), 3, "{messages:?}");
        assert!(messages[2].ends_with("it is stale"), "{messages:?}");
        domain.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn parked_deliveries_survive_a_restart() {
    Content::on_each(async |content| {
        let first = domain(content.open().await).await;
        let ids = count(&first, 2, 2).await;
        let (bad, seen) = (Arc::new(Mutex::new(BTreeSet::from([2]))), Seen::default());
        park(&first, OnPark::Hold, &bad, &seen).await;
        wait_for(&first, |status| status.parked.len() == 1 && has_caught_up(status)).await;
        first.shutdown().await;

        bad.lock().unwrap().clear();
        let second = domain(content.open().await).await;
        park(&second, OnPark::Hold, &bad, &seen).await;
        count_on(&second, &ids, 2).await;
        let status = wait_for(&second, has_caught_up).await;
        assert_eq!(seen.versions()[&ids[0]], [1]);
        let position = status.parked[0].position;
        second.subscriptions().retry(&operator(), "parking", position).await.unwrap();
        wait_for(&second, |status| status.parked.is_empty()).await;
        seen.reaches(10).await;
        second.shutdown().await;
        seen.check_all_in_order(&ids, 5);
    })
    .await;
}

#[tokio::test]
async fn later_deliveries_go_on_if_wanted() {
    Content::on_each(async |content| {
        let domain = domain(content.open().await).await;
        let ids = count(&domain, 2, 4).await;
        let (bad, seen) = (Arc::new(Mutex::new(BTreeSet::from([2, 4]))), Seen::default());
        park(&domain, OnPark::Continue, &bad, &seen).await;
        let status = wait_for(&domain, |status| status.parked.len() == 2 && has_caught_up(status));
        let parked = status.await.parked;
        assert_eq!(seen.versions()[&ids[0]], [1, 3, 5]);
        bad.lock().unwrap().clear();
        let subscriptions = domain.subscriptions();
        subscriptions.retry(&operator(), "parking", parked[0].position).await.unwrap();
        wait_for(&domain, |status| status.parked.len() == 1).await;
        let discarded = parked[1].position;
        subscriptions.discard(&operator(), "parking", discarded, "never mind").await.unwrap();
        wait_for(&domain, |status| status.parked.is_empty()).await;
        domain.shutdown().await;
        assert_eq!(seen.versions()[&ids[0]], [1, 3, 5, 2]);
    })
    .await;
}
