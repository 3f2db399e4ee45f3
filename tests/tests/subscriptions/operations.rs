//! Acts of operators: reset, repartition, remove, resume in another copy.

use fluvius_core::subscriptions::{Start, WorkStatus};
use fluvius_core::{DynStore, ResumeToken};
use tempfile::TempDir;
use uuid::Uuid;

use crate::content::{Content, sqlite};
use crate::counter::{Seen, count, count_on, domain, note, note_all, operator, wait_for};

#[tokio::test]
async fn reset_delivers_again_from_a_place() {
    Content::on_each(async |content| {
        let domain = domain(content.open().await).await;
        let ids = count(&domain, 3, 2).await;
        let seen = Seen::default();
        note_all(&domain, &seen).await;
        seen.reaches(9).await;
        let subscriptions = domain.subscriptions();
        subscriptions.reset(&operator(), "notes", Start::Beginning).await.unwrap();
        seen.reaches(18).await;
        let last = domain.log().descending().limit(3).events().await.unwrap();
        let third_last: ResumeToken = last.rows[2].resume_token();
        subscriptions.reset(&operator(), "notes", Start::After(third_last)).await.unwrap();
        seen.reaches(20).await;
        domain.shutdown().await;
        assert_eq!(seen.len(), 20);
        assert!(ids.iter().all(|id| seen.versions()[id].len() >= 6));
    })
    .await;
}

#[tokio::test]
async fn skipped_event_is_not_delivered() {
    Content::on_each(async |content| {
        let domain = domain(content.open().await).await;
        let ids = count(&domain, 1, 3).await;
        let seen = Seen::default();
        let subscription = note(domain.subscribe("notes").event_keys(["never"]), &seen).await;
        subscription.stop().await;
        let subscriptions = domain.subscriptions();
        subscriptions.reset(&operator(), "notes", Start::Beginning).await.unwrap();
        let events = domain.log().events().await.unwrap().rows;
        let skipped = events[2].position;
        subscriptions.skip(&operator(), "notes", skipped, "it is wrong").await.unwrap();
        note(domain.subscribe("notes"), &seen).await;
        seen.reaches(3).await;
        wait_for(&domain, |status| status.partitions.iter().all(|found| found.lag == 0)).await;
        let error = subscriptions.skip(&operator(), "notes", skipped, "again").await.unwrap_err();
        assert_eq!(error.code(), "invalid-subscription");
        assert!(error.to_string().ends_with("is done already"), "{error}");
        domain.shutdown().await;
        assert_eq!(seen.versions()[&ids[0]], [1, 2, 4]);
    })
    .await;
}

#[tokio::test]
async fn partitions_change_only_while_nobody_works() {
    Content::on_each(async |content| {
        let domain = domain(content.open().await).await;
        let ids = count(&domain, 6, 1).await;
        let seen = Seen::default();
        let subscription = note_all(&domain, &seen).await;
        seen.reaches(12).await;
        wait_for(&domain, |status| status.partitions.iter().all(|found| found.owner.is_some()))
            .await;
        let subscriptions = domain.subscriptions();
        for refused in [
            subscriptions.repartition(&operator(), "notes", 7).await,
            subscriptions.remove(&operator(), "notes").await,
        ] {
            let error = refused.unwrap_err();
            assert!(error.to_string().contains("stop it there first"), "{error}");
        }
        subscription.stop().await;
        subscriptions.repartition(&operator(), "notes", 7).await.unwrap();
        count_on(&domain, &ids, 1).await;
        let again = note(domain.subscribe("notes"), &seen).await;
        seen.reaches(18).await;
        let status = wait_for(&domain, |status| {
            status.partitions.iter().all(|found| found.status == WorkStatus::Running)
        });
        assert_eq!(status.await.partitions.len(), 7);
        again.stop().await;
        subscriptions.remove(&operator(), "notes").await.unwrap();
        assert!(subscriptions.list().await.unwrap().is_empty());
        domain.shutdown().await;
        seen.check_all_in_order(&ids, 3);
    })
    .await;
}

#[tokio::test]
async fn copy_of_a_store_is_paused_until_resumed() {
    let folder = TempDir::new().unwrap();
    let store = sqlite(&folder.path().join("counters.db")).await;
    let first = domain(DynStore::new(store.clone())).await;
    let ids = count(&first, 2, 1).await;
    let seen = Seen::default();
    note_all(&first, &seen).await;
    seen.reaches(4).await;
    wait_for(&first, |status| status.partitions.iter().all(|found| found.lag == 0)).await;
    let copy = folder.path().join("copy.db");
    store.backup_to(&copy).await.unwrap();
    first.shutdown().await;

    let second = domain(DynStore::new(sqlite(&copy).await)).await;
    note_all(&second, &seen).await;
    count_on(&second, &ids, 1).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    let paused = second.subscriptions().list().await.unwrap().remove(0);
    assert!(paused.partitions.iter().all(|found| found.status == WorkStatus::Paused));
    assert!(!second.health().await.unwrap().is_ready());
    assert_eq!(seen.len(), 4);
    second.subscriptions().resume_here(&operator(), "notes").await.unwrap();
    seen.reaches(6).await;
    wait_for(&second, |status| {
        status.partitions.iter().all(|found| found.status == WorkStatus::Running)
    })
    .await;
    assert!(second.health().await.unwrap().is_ready());
    second.shutdown().await;
    assert_eq!(seen.len(), 6);
    assert_eq!(seen.versions()[&Uuid::from_u128(1)], [1, 2, 3]);
}
