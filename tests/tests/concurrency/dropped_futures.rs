//! A caller that drops its future leaves all of its command or nothing.

use std::pin::Pin;
use std::time::Duration;

use fluvius_core::{Domain, MemoryStore};
use fluvius_testing::{Faults, FaultyStore};
use uuid::Uuid;

use fluvius_tests::purse::{Give, PurseDomain, coins, make};

/// Polls a future up to `polls` times, then drops it. Returns true if it has ended.
async fn poll_and_drop<F: Future + ?Sized>(mut future: Pin<Box<F>>, polls: usize) -> bool {
    for _ in 0..polls {
        if futures_util::poll!(&mut future).is_ready() {
            return true;
        }
        tokio::task::yield_now().await;
        tokio::time::advance(Duration::from_micros(100)).await;
    }
    false
}

#[tokio::test(start_paused = true)]
async fn a_dropped_command_leaves_nothing_or_all() {
    let mut ended = false;
    let mut polls = 0;
    let (mut left_nothing, mut left_all) = (0, 0);
    while !ended {
        let faults = Faults { max_delay: Duration::from_micros(300), ..Faults::default() };
        let store = FaultyStore::new(MemoryStore::new(), 7, Faults::default());
        let domain = PurseDomain::builder(store.clone()).cache_capacity(0).build().await.unwrap();
        let (session, ids) = make(&domain, 2).await;
        store.set_faults(faults);

        let command = Give { coins: 10, to: ids[1] };
        let id = Uuid::from_u128(42);
        let sent = session.send(ids[0], command.clone()).with_id(id).into_future();
        ended = poll_and_drop(Box::pin(sent), polls).await;
        polls += 1;

        domain.shutdown().await;
        let left = (coins(&domain, ids[0]).await, coins(&domain, ids[1]).await);
        match left {
            (100, 100) => left_nothing += 1,
            (90, 110) => left_all += 1,
            half => panic!("after {polls} polls half of the transfer is stored: {half:?}"),
        }

        // The same id resolves the command, in a runtime without knowledge of the first one.
        let domain = PurseDomain::runtime(store).await.unwrap();
        let session = domain.session(fluvius_core::DomainContext::create("test"));
        session.send(ids[0], command).with_id(id).await.unwrap();
        assert_eq!((coins(&domain, ids[0]).await, coins(&domain, ids[1]).await), (90, 110));
        assert_eq!(
            domain.log().for_aggregate(aggregate_id(ids[0])).events().await.unwrap().rows.len(),
            2
        );
    }
    assert!(left_nothing >= 1, "a command dropped before it is accepted leaves nothing");
    assert!(left_all >= 3, "a command dropped later continues: {left_all} of {polls}");
}

fn aggregate_id(id: Uuid) -> fluvius_core::AggregateId {
    fluvius_core::AggregateId::new("purse", id)
}
