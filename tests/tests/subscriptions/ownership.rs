//! Several processes under one name: shares, takeovers, and planned moves.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use fluvius_core::DomainRuntime;
use fluvius_core::subscriptions::{Start, SubscriptionStatus};
use futures_util::StreamExt;
use uuid::Uuid;

use crate::content::Content;
use crate::counter::{Seen, count, count_on, domain, note_all, wait_for};

/// Returns the number of partitions of each owner.
fn owners(status: &SubscriptionStatus) -> BTreeMap<Option<Uuid>, usize> {
    let mut owners = BTreeMap::new();
    for partition in &status.partitions {
        *owners.entry(partition.owner).or_default() += 1;
    }
    owners
}

fn is_shared_by(processes: usize) -> impl Fn(&SubscriptionStatus) -> bool {
    move |status| {
        let owners = owners(status);
        owners.len() == processes
            && owners.keys().all(Option::is_some)
            && owners.values().max().zip(owners.values().min()).is_some_and(|(a, b)| a - b <= 1)
    }
}

async fn note_on(domain: &DomainRuntime, seen: &Seen) {
    let seen = seen.clone();
    let subscribe = domain.subscribe("notes").partitions(8).start_at(Start::Beginning);
    let noted = subscribe.run(move |delivery| {
        seen.note(delivery.record());
        std::future::ready(Ok::<(), Infallible>(()))
    });
    noted.await.unwrap();
}

#[tokio::test]
async fn processes_share_the_partitions_evenly() {
    Content::on_each(async |content| {
        let first = domain(content.open().await).await;
        let ids = count(&first, 16, 2).await;
        let seen = Seen::default();
        note_on(&first, &seen).await;
        wait_for(&first, is_shared_by(1)).await;

        let second = domain(content.open().await).await;
        note_on(&second, &seen).await;
        let begun = Instant::now();
        wait_for(&first, is_shared_by(2)).await;
        // The bound is 5 s on an idle machine.
        assert!(begun.elapsed() < Duration::from_secs(20));
        count_on(&second, &ids, 3).await;
        seen.reaches(16 * 6).await;

        // A planned end gives the partitions back at once.
        first.shutdown().await;
        wait_for(&second, is_shared_by(1)).await;
        count_on(&second, &ids, 1).await;
        seen.reaches(16 * 7).await;
        second.shutdown().await;
        seen.check_all_in_order(&ids, 7);
        assert_eq!(seen.len(), 16 * 7, "planned moves repeat nothing");
    })
    .await;
}

#[test]
fn partitions_of_an_ended_process_are_taken_over() {
    for content in Content::each() {
        let (ids, seen) = (&(1..=8).map(Uuid::from_u128).collect::<Vec<_>>(), Seen::default());
        let runtime = || {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(2).enable_all().build().unwrap()
        };
        let first = runtime();
        let ended = first.block_on(async {
            let domain = domain(content.open().await).await;
            count(&domain, 8, 5).await;
            note_on(&domain, &seen).await;
            seen.reaches(8 * 6).await;
            wait_for(&domain, is_shared_by(1)).await
        });
        // Ends its tasks without a shutdown, as a crash does.
        first.shutdown_timeout(Duration::from_secs(5));
        let second = runtime();
        second.block_on(async {
            let domain = domain(content.open().await).await;
            count_on(&domain, ids, 1).await;
            let begun = Instant::now();
            note_on(&domain, &seen).await;
            let taken = wait_for(&domain, |status| {
                is_shared_by(1)(status) && owners(status) != owners(&ended)
            });
            taken.await;
            assert!(begun.elapsed() < Duration::from_secs(10));
            seen.reaches(8 * 7).await;
            wait_for(&domain, |status| status.partitions.iter().all(|found| found.lag == 0)).await;
            domain.shutdown().await;
        });
        seen.check_all_in_order(ids, 7);
    }
}

#[tokio::test]
async fn more_processes_than_partitions_are_idle() {
    let content = Content::each().remove(0);
    let mut domains = Vec::new();
    let seen = Seen::default();
    for _ in 0..3 {
        let domain = domain(content.open().await).await;
        let noted = seen.clone();
        let subscribe = domain.subscribe("notes").partitions(2).start_at(Start::Beginning);
        let run = subscribe.run(move |delivery| {
            noted.note(delivery.record());
            std::future::ready(Ok::<(), Infallible>(()))
        });
        run.await.unwrap();
        domains.push(domain);
    }
    wait_for(&domains[0], is_shared_by(2)).await;
    let ids = count(&domains[0], 8, 3).await;
    seen.reaches(8 * 4).await;
    for domain in domains {
        domain.shutdown().await;
    }
    seen.check_all_in_order(&ids, 4);
}

#[tokio::test]
async fn delivery_knows_that_its_partition_is_lost() {
    let content = Content::each().remove(0);
    let domain = domain(content.open().await).await;
    count(&domain, 1, 1).await;
    let subscribe = domain.subscribe("slow").partitions(1).start_at(Start::Beginning);
    let mut deliveries = subscribe.connect().await.unwrap();
    let first = deliveries.next().await.unwrap();
    assert!(!first.is_lost());
    let context = fluvius_core::DomainContext::create("operator");
    domain.subscriptions().reset(&context, "slow", Start::Beginning).await.unwrap();
    let again = deliveries.next().await.unwrap();
    assert!(first.is_lost() && !again.is_lost());
    assert_eq!(again.record().position, first.record().position);
    // A late answer changes nothing.
    first.ack();
    again.ack();
    let second = deliveries.next().await.unwrap();
    assert_eq!(second.record().record.version, 2);
    second.ack();
    deliveries.stop().await;
    domain.shutdown().await;
}

#[tokio::test]
async fn stop_waits_for_deliveries_in_flight() {
    Content::on_each(async |content| {
        let domain = domain(content.open().await).await;
        count(&domain, 1, 0).await;
        let seen = Seen::default();
        let noted = seen.clone();
        let subscribe = domain.subscribe("slow").start_at(Start::Beginning);
        let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
        let run = subscribe.run(move |delivery| {
            let (noted, begun) = (noted.clone(), begun.clone());
            async move {
                begun.send(()).unwrap();
                tokio::time::sleep(Duration::from_millis(500)).await;
                noted.note(delivery.record());
                Ok::<(), Infallible>(())
            }
        });
        let subscription = run.await.unwrap();
        begins.recv().await.unwrap();
        subscription.stop().await;
        assert_eq!(seen.len(), 1);
        note_all_under(&domain, "slow", &seen).await;
        count(&domain, 1, 1).await;
        seen.reaches(2).await;
        domain.shutdown().await;
        assert_eq!(seen.versions()[&Uuid::from_u128(1)], [1, 2]);
    })
    .await;
}

async fn note_all_under(domain: &DomainRuntime, name: &str, seen: &Seen) {
    crate::counter::note(domain.subscribe(name), seen).await;
}

#[tokio::test]
async fn row_of_a_process_is_deleted_with_its_last_subscription() {
    Content::on_each(async |content| {
        let store = content.open().await;
        let domain = domain(store.clone()).await;
        count(&domain, 1, 1).await;
        let seen = Seen::default();
        let subscription = note_all(&domain, &seen).await;
        seen.reaches(2).await;
        subscription.stop().await;
        let rows = || async {
            use fluvius_core::Store;
            let query = fluvius_core::work::WorkQuery::new(Default::default(), ["process"]);
            store.work(&query).await.unwrap().rows
        };
        let begun = Instant::now();
        while !rows().await.is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(10), "the last subscription has left");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        domain.shutdown().await;
    })
    .await;
}
