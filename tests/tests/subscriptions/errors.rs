//! Subscriptions that cannot be connected.

use std::convert::Infallible;
use std::future::ready;

use fluvius_core::subscriptions::{Start, Subscribe};
use fluvius_core::work::Capabilities;
use fluvius_core::{DomainContext, Error, MemoryStore, Store, delegate_store};

use crate::content::Content;
use crate::counter::{Seen, count, domain, note_all};

async fn error_of(subscribe: Subscribe) -> Error {
    subscribe.run(|_| ready(Ok::<(), Infallible>(()))).await.unwrap_err()
}

#[tokio::test]
async fn invalid_settings_are_rejected() {
    let domain = domain(MemoryStore::new()).await;
    let long = "a".repeat(101);
    for (subscribe, problem) in [
        (domain.subscribe("Mailer").start_at(Start::Now), "kebab case"),
        (domain.subscribe(&long).start_at(Start::Now), "kebab case"),
        (domain.subscribe("mailer"), "start_at(Start::Now)"),
        (domain.subscribe("mailer").start_at(Start::Now).partitions(0), "from 1 to 1024"),
        (domain.subscribe("mailer").start_at(Start::Now).partitions(1_025), "from 1 to 1024"),
    ] {
        let error = error_of(subscribe).await;
        assert_eq!(error.code(), "invalid-subscription");
        assert!(error.to_string().contains(problem), "{error}");
    }
    let ahead = domain.subscribe("mailer").start_at(Start::After(17.into()));
    assert_eq!(error_of(ahead).await.code(), "invalid-position");
    assert!(domain.subscriptions().list().await.unwrap().is_empty());
    domain.shutdown().await;
    let late = domain.subscribe("mailer").start_at(Start::Now);
    assert_eq!(error_of(late).await.code(), "shutting-down");
}

#[tokio::test]
async fn number_of_partitions_is_fixed() {
    Content::on_each(async |content| {
        let domain = domain(content.open().await).await;
        let seen = Seen::default();
        note_all(&domain, &seen).await;
        let other = domain.subscribe("notes").partitions(5).start_at(Start::Now);
        let error = error_of(other).await.to_string();
        assert!(error.contains("has 4 partitions, and the program wants 5"), "{error}");
        let twice = domain.subscribe("notes").start_at(Start::Now);
        let error = error_of(twice).await.to_string();
        assert!(error.contains("this runtime serves it already"), "{error}");
        domain.shutdown().await;
    })
    .await;
}

#[tokio::test]
async fn acts_on_nothing_are_rejected() {
    let domain = domain(MemoryStore::new()).await;
    count(&domain, 1, 1).await;
    let operator = DomainContext::create("operator");
    let subscriptions = domain.subscriptions();
    let missing = subscriptions.reset(&operator, "mailer", Start::Now).await.unwrap_err();
    assert!(missing.to_string().contains("there is none of this name"), "{missing}");
    let subscription = note_all(&domain, &Seen::default()).await;
    subscription.stop().await;
    for (result, problem) in [
        (subscriptions.retry(&operator, "notes", 1).await, "nothing is parked or stopped"),
        (subscriptions.discard(&operator, "notes", 1, "x").await, "nothing is parked"),
        (subscriptions.skip(&operator, "notes", 1, "x").await, "no event is at position 1"),
        (subscriptions.repartition(&operator, "notes", 0).await, "from 1 to 1024"),
    ] {
        let error = result.unwrap_err();
        assert_eq!(error.code(), "invalid-subscription");
        assert!(error.to_string().contains(problem), "{error}");
    }
    let unstorable = DomainContext::create("a\0b");
    let error = subscriptions.remove(&unstorable, "notes").await.unwrap_err();
    assert_eq!(error.code(), "invalid-payload");
    domain.shutdown().await;
}

/// A store with the required methods only.
#[derive(Debug, Clone)]
struct Plain(MemoryStore);

impl Store for Plain {
    fn capabilities(&self) -> Capabilities {
        Capabilities::none()
    }

    delegate_store! { self => self.0; except capabilities }
}

#[tokio::test]
async fn store_without_work_rows_is_named() {
    let domain = domain(Plain(MemoryStore::new())).await;
    let error = error_of(domain.subscribe("mailer").start_at(Start::Now)).await;
    assert_eq!(error.code(), "store-unsupported");
    assert!(error.to_string().contains("does not support subscriptions"), "{error}");
    assert!(domain.health().await.unwrap().is_ready());
    domain.shutdown().await;
}
