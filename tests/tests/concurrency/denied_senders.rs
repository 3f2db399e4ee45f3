//! Denied senders: the runtime records denials in the same batches as commands.

use std::time::Duration;

use fluvius_core::{
    Authorization, Domain, DomainContext, DomainRuntime, MemoryStore, Policy, PolicyRequest,
};
use fluvius_testing::{Faults, FaultyStore};
use futures_util::future::join_all;
use futures_util::poll;
use uuid::Uuid;

use fluvius_tests::purse::{MakePurse, PurseDomain, PutIn};

struct NotGuests;

impl Policy for NotGuests {
    async fn authorize(&self, request: &PolicyRequest<'_>) -> Authorization {
        match request.context.source() {
            "guest" => Authorization::deny("guests may not"),
            _ => Authorization::Allow,
        }
    }
}

async fn domain() -> (DomainRuntime, FaultyStore<MemoryStore>) {
    let faults = Faults { max_delay: Duration::from_millis(5), ..Faults::default() };
    let store = FaultyStore::new(MemoryStore::new(), 1, faults);
    let domain = PurseDomain::builder(store.clone()).policy(NotGuests).build().await.unwrap();
    (domain, store)
}

#[tokio::test(start_paused = true)]
async fn denials_share_the_group_commits_of_commands() {
    let (domain, store) = domain().await;
    let (guest, teller) = (
        domain.session(DomainContext::create("guest")),
        domain.session(DomainContext::create("t")),
    );
    let ids: Vec<Uuid> = (1..=64).map(Uuid::from_u128).collect();
    for id in &ids {
        teller.send(*id, MakePurse { coins: 1 }).await.unwrap();
    }
    let before = store.batch_sizes().len();
    let good = join_all(ids.iter().map(|id| teller.send(*id, PutIn { coins: 1 }).into_future()));
    let denied = join_all(ids.iter().map(|id| guest.send(*id, PutIn { coins: 1 }).into_future()));
    let (good, denied) = tokio::join!(good, denied);
    assert!(good.iter().all(Result::is_ok));
    assert!(denied.iter().all(|answer| answer.as_ref().unwrap_err().code() == "permission-denied"));
    assert_eq!(domain.log().activities().await.unwrap().rows.len(), 64);
    let batches = store.batch_sizes().len() - before;
    assert!(batches <= 4, "128 commands in {batches} batches");
}

#[tokio::test(start_paused = true)]
async fn a_denial_is_recorded_after_its_caller_is_dropped() {
    let (domain, _) = domain().await;
    let guest = domain.session(DomainContext::create("guest"));
    for number in 1..=20 {
        let mut sent =
            Box::pin(guest.send(Uuid::from_u128(number), PutIn { coins: 1 }).into_future());
        assert!(poll!(&mut sent).is_pending(), "a denied caller waits for the disk");
    }
    domain.shutdown().await;
    assert_eq!(domain.log().activities().await.unwrap().rows.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn denied_commands_count_as_in_flight() {
    let faults = Faults { max_delay: Duration::from_millis(5), ..Faults::default() };
    let store = FaultyStore::new(MemoryStore::new(), 1, faults);
    let builder = PurseDomain::builder(store.clone()).policy(NotGuests);
    let domain = builder.max_in_flight(std::num::NonZeroU16::MIN).build().await.unwrap();
    let guest = domain.session(DomainContext::create("guest"));
    let mut first = Box::pin(guest.send(Uuid::from_u128(1), PutIn { coins: 1 }).into_future());
    assert!(poll!(&mut first).is_pending());
    let second = guest.fail_fast().send(Uuid::from_u128(2), PutIn { coins: 1 }).await;
    assert_eq!(second.unwrap_err().code(), "overloaded");
    assert_eq!(first.await.unwrap_err().code(), "permission-denied");
}
