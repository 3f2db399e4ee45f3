//! The stored file of revision 1 has the content that revision 1 writes.

use fluvius_core::Versioned;
use fluvius_core::verify::verify;
use fluvius_core::{Domain, EventRecord, LogEntry, LogQuery, StateRecord, Store};

use crate::revision_1::{Account, EvolvingDomain};
use crate::revision_1_store::{ADA, File, GRACE, JOHN, aggregate_id, memory};

#[tokio::test]
async fn the_file_has_the_content_of_revision_1() {
    let file = File::copied();
    let (kept, now) = (file.open().await, memory().await);
    assert_eq!(states(&kept).await, states(&now).await);
    assert_eq!(events(&kept).await, events(&now).await);
    assert!(verify(&kept).await.unwrap().is_sound());
    // Deltas of Ada's aggregate are patches, which apply to the states that revision 1 wrote.
    let patches =
        events(&kept).await.iter().filter(|event| !event.record.delta.is_snapshot()).count();
    assert_eq!(patches, 7);
}

#[tokio::test]
async fn revision_1_reads_its_own_file() {
    let file = File::copied();
    let domain = EvolvingDomain::runtime(file.open().await).await.unwrap();
    let ada = domain.statemgr().fetch::<Account>(ADA).await.unwrap();
    assert_eq!((ada.owner.as_str(), ada.cents, Versioned::version(&ada)), ("Ada", 8_503, 7));
}

async fn states(store: &impl Store) -> Vec<StateRecord> {
    let rows = store.snapshot(&[ADA, GRACE, JOHN].map(aggregate_id)).await.unwrap();
    rows.into_iter().flatten().collect()
}

async fn events(store: &impl Store) -> Vec<LogEntry<EventRecord>> {
    let all = LogQuery::all();
    store.read_log::<EventRecord>(&all).await.unwrap().rows
}
