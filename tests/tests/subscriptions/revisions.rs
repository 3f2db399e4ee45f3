//! Two revisions of a program at once, and events that cannot be decoded.

use std::convert::Infallible;

use fluvius_core::subscriptions::{Start, Undecodable, WorkStatus};
use fluvius_core::{Domain, DomainContext, DomainRuntime, Store};
use uuid::Uuid;

use crate::content::Content;
use crate::counter::{Counter, CounterDomain, Seen, count, wait_for};

/// The next revision of the domain: with one more event.
mod newer {
    use std::convert::Infallible;

    use fluvius_core::{Domain, aggregate};
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct Counter {
        pub count: u64,
    }

    #[aggregate(resource = "counter")]
    impl Counter {
        #[action(evt_key = "counter-started")]
        pub fn start_counter() -> Result<Self, Infallible> {
            Ok(Self { count: 0 })
        }

        #[action(evt_key = "counted")]
        pub fn count_more(&mut self, by: u64) -> Result<(), Infallible> {
            self.count += by;
            Ok(())
        }

        #[action(evt_key = "counter-cleared")]
        pub fn clear_counter(&mut self) -> Result<(), Infallible> {
            self.count = 0;
            Ok(())
        }
    }

    #[derive(Debug, Domain)]
    #[domain(aggregates(Counter), namespace = "counting")]
    pub struct CounterDomain;
}

/// A program whose `counted` has another shape, without an upcast.
mod broken {
    use std::convert::Infallible;

    use fluvius_core::{Domain, aggregate};
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct Counter {
        pub count: u64,
    }

    #[aggregate(resource = "counter")]
    impl Counter {
        #[action(evt_key = "counter-started")]
        pub fn start_counter() -> Result<Self, Infallible> {
            Ok(Self { count: 0 })
        }

        #[action(evt_key = "counted")]
        pub fn count_more(&mut self, by: String) -> Result<(), Infallible> {
            self.count += u64::try_from(by.len()).unwrap_or(0);
            Ok(())
        }
    }

    #[derive(Debug, Domain)]
    #[domain(aggregates(Counter), namespace = "counting")]
    pub struct CounterDomain;
}

async fn old(store: impl Store) -> DomainRuntime {
    CounterDomain::runtime(store).await.unwrap()
}

async fn new(store: impl Store) -> DomainRuntime {
    newer::CounterDomain::runtime(store).await.unwrap()
}

async fn note_old(domain: &DomainRuntime, seen: &Seen) {
    let seen = seen.clone();
    let subscribe = domain.subscribe("typed").partitions(2).events_of::<Counter>();
    let run = subscribe.start_at(Start::Beginning).run(move |delivery| {
        seen.note(delivery.record());
        std::future::ready(Ok::<(), Infallible>(()))
    });
    run.await.unwrap();
}

async fn note_new(domain: &DomainRuntime, seen: &Seen) {
    let seen = seen.clone();
    let subscribe = domain.subscribe("typed").partitions(2).events_of::<newer::Counter>();
    let run = subscribe.start_at(Start::Beginning).run(move |delivery| {
        seen.note(delivery.record());
        std::future::ready(Ok::<(), Infallible>(()))
    });
    run.await.unwrap();
}

#[tokio::test]
async fn unknown_event_is_left_to_a_newer_program() {
    Content::on_each(async |content| {
        let first = old(content.open().await).await;
        let ids = count(&first, 4, 1).await;
        let (old_seen, new_seen) = (Seen::default(), Seen::default());
        note_old(&first, &old_seen).await;
        old_seen.reaches(8).await;

        let second = new(content.open().await).await;
        let session = second.session(DomainContext::create("test"));
        for id in &ids[..2] {
            session.send(*id, newer::ClearCounter {}).await.unwrap();
        }
        let status = wait_for(&first, |status| {
            let blocked = |found: &&fluvius_core::subscriptions::PartitionStatus| {
                found.status == WorkStatus::ProgramTooOld
            };
            status.partitions.iter().any(|found| blocked(&found))
        });
        let status = status.await;
        let trouble = status.partitions.iter().find_map(|found| found.trouble.as_ref()).unwrap();
        assert!(trouble.error.contains("`counter-cleared`"), "{trouble:?}");
        assert!(trouble.error.contains("needs a newer program"), "{trouble:?}");
        assert_eq!(old_seen.len(), 8, "nothing is skipped, nothing is parked");
        assert!(status.parked.is_empty());
        assert!(!first.health().await.unwrap().stopped.is_empty());

        note_new(&second, &new_seen).await;
        new_seen.reaches(2).await;
        // The newer program works on both partitions, so that they do not move to and fro.
        crate::counter::count_on(&first, &ids, 1).await;
        wait_for(&second, |status| {
            status
                .partitions
                .iter()
                .all(|found| found.status == WorkStatus::Running && found.lag == 0)
        })
        .await;
        first.shutdown().await;
        second.shutdown().await;
        assert_eq!(old_seen.len() + new_seen.len(), 14);
        assert_eq!(new_seen.versions()[&Uuid::from_u128(1)][..1], [3]);
    })
    .await;
}

#[tokio::test]
async fn operator_may_skip_an_unknown_event() {
    Content::on_each(async |content| {
        let first = old(content.open().await).await;
        let ids = count(&first, 1, 1).await;
        let seen = Seen::default();
        note_old(&first, &seen).await;
        let second = new(content.open().await).await;
        let session = second.session(DomainContext::create("test"));
        session.send(ids[0], newer::ClearCounter {}).await.unwrap();
        let status = wait_for(&first, |status| {
            status.partitions.iter().any(|found| found.status == WorkStatus::ProgramTooOld)
        });
        let status = status.await;
        let trouble = status.partitions.iter().find_map(|found| found.trouble.as_ref()).unwrap();
        let operator = DomainContext::create("operator");
        let skip = first.subscriptions();
        skip.skip(&operator, "typed", trouble.position, "it is of no use").await.unwrap();
        crate::counter::count_on(&first, &ids, 1).await;
        seen.reaches(3).await;
        first.shutdown().await;
        second.shutdown().await;
        assert_eq!(seen.versions()[&ids[0]], [1, 2, 4]);
    })
    .await;
}

async fn broken_domain(store: impl Store) -> DomainRuntime {
    broken::CounterDomain::runtime(store).await.unwrap()
}

#[tokio::test]
async fn undecodable_event_stops_its_partition() {
    Content::on_each(async |content| {
        let first = old(content.open().await).await;
        count(&first, 1, 2).await;
        first.shutdown().await;
        let domain = broken_domain(content.open().await).await;
        let seen = Seen::default();
        let noted = seen.clone();
        let subscribe = domain.subscribe("typed").partitions(2).events_of::<broken::Counter>();
        let run = subscribe.start_at(Start::Beginning).run(move |delivery| {
            noted.note(delivery.record());
            std::future::ready(Ok::<(), Infallible>(()))
        });
        run.await.unwrap();
        let stopped = |position: u64| {
            wait_for(&domain, move |status| {
                status.partitions.iter().any(|found| {
                    found.status == WorkStatus::Stopped
                        && found.trouble.as_ref().is_some_and(|found| found.position > position)
                })
            })
        };
        let status = stopped(0).await;
        let trouble = status.partitions.iter().find_map(|found| found.trouble.clone()).unwrap();
        assert!(trouble.error.contains("string"), "{trouble:?}");
        // An operator skips the first, and the second stops the partition again.
        let operator = DomainContext::create("operator");
        let subscriptions = domain.subscriptions();
        subscriptions.skip(&operator, "typed", trouble.position, "lost").await.unwrap();
        let second = stopped(trouble.position).await;
        let second = second.partitions.iter().find_map(|found| found.trouble.clone()).unwrap();
        subscriptions.retry(&operator, "typed", second.position).await.unwrap();
        stopped(trouble.position).await;
        domain.shutdown().await;
        assert_eq!(seen.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn undecodable_event_is_parked_or_delivered_raw() {
    let content = Content::each().remove(0);
    let first = old(content.open().await).await;
    count(&first, 1, 2).await;
    first.shutdown().await;
    let domain = broken_domain(content.open().await).await;
    let subscribe = domain.subscribe("parking").events_of::<broken::Counter>();
    let run = subscribe.undecodable(Undecodable::Park).start_at(Start::Beginning);
    run.run(|_| std::future::ready(Ok::<(), Infallible>(()))).await.unwrap();
    let status = wait_for(&domain, |status| status.parked.len() == 1).await;
    assert!(status.parked[0].error.contains("string"), "{status:#?}");

    let (seen, failed) = (Seen::default(), Seen::default());
    let (noted, noted_failed) = (seen.clone(), failed.clone());
    let subscribe = domain.subscribe("raw").events_of::<broken::Counter>().raw();
    let run = subscribe.start_at(Start::Beginning).run(move |delivery| {
        match delivery.event() {
            Ok(_) => noted.note(delivery.record()),
            Err(_) => noted_failed.note(delivery.record()),
        }
        std::future::ready(Ok::<(), Infallible>(()))
    });
    run.await.unwrap();
    failed.reaches(2).await;
    domain.shutdown().await;
    assert_eq!(seen.len(), 1);
}
