//! The number of rows read for a page of one aggregate's events.

use fluvius_store::{RealmFilter, Store};
use rusqlite::StatementStatus;
use tempfile::TempDir;

use super::*;
use crate::SqliteStore;
use crate::writer::tests::units;

/// Creates a store with one aggregate of this many events, interleaved with those of another.
async fn store(count: u64) -> (TempDir, Connection, SqliteStore, AggregateId) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let context = units::context();
    let aggregate_ids = [units::aggregate_id(), units::aggregate_id()];
    let all: Vec<_> = (0..count)
        .flat_map(|version| {
            aggregate_ids
                .each_ref()
                .map(|aggregate_id| units::unit(&context, aggregate_id, version))
        })
        .collect();
    for batch in all.chunks(500) {
        store.commit(std::sync::Arc::from(batch)).await;
    }
    let connection = crate::connection::open_reader(&file).unwrap();
    let [aggregate_id, _] = aggregate_ids;
    (folder, connection, store, aggregate_id)
}

/// Returns the number of event rows read since the last call. Each statement reads up to one.
fn rows_read(connection: &Connection) -> i32 {
    let statements = [INDEXED, PREVIOUS, EVENT].map(|sql| connection.prepare_cached(sql).unwrap());
    statements.iter().map(|statement| statement.reset_status(StatementStatus::Run)).sum()
}

fn page(
    connection: &Connection,
    aggregate_id: &AggregateId,
    realm: RealmFilter,
    after: u64,
    limit: usize,
) -> Vec<u64> {
    let query = LogQuery::all().realm(realm).after(after).limit(limit);
    let part = of_aggregate(connection, aggregate_id, &query).unwrap();
    part.rows.iter().map(|row| row.record.version).collect()
}

#[tokio::test]
async fn a_page_of_one_aggregate_costs_what_it_returns() {
    let (_folder, connection, store, aggregate_id) = store(2_001).await;
    let all = store.history(&aggregate_id, 1, u64::MAX).await.unwrap();
    assert_eq!(all.len(), 2_001);
    rows_read(&connection);
    for limit in [1_usize, 16, 200] {
        for after in [0_usize, 1, 15, 16, 17, 31, 1_000, 1_999, 2_000] {
            let position = after.checked_sub(1).map_or(0, |at| all[at].position);
            let found = page(&connection, &aggregate_id, RealmFilter::All, position, limit);
            let expected = all[after..].iter().take(limit);
            assert_eq!(found, expected.map(|event| event.record.version).collect::<Vec<_>>());
            // In addition to the rows: 8 steps of a binary search among 126, and two walks between
            // indexed events.
            let read = usize::try_from(rows_read(&connection)).unwrap();
            assert!(read <= limit + 48, "{limit} behind {after}: {read} rows");
        }
    }
    let found = page(&connection, &aggregate_id, RealmFilter::All, u64::MAX, 5);
    assert_eq!((found.len(), rows_read(&connection) <= 48), (0, true));
}

#[tokio::test]
async fn the_first_event_after_every_position_is_found() {
    for count in [1_u64, 15, 16, 17, 33, 100] {
        let (_folder, connection, store, aggregate_id) = store(count).await;
        let all = store.history(&aggregate_id, 1, u64::MAX).await.unwrap();
        for after in 0..=all.last().unwrap().position + 1 {
            let expected = all.iter().find(|event| event.position > after);
            let found = page(&connection, &aggregate_id, RealmFilter::All, after, 1);
            assert_eq!(
                found.first().copied(),
                expected.map(|event| event.record.version),
                "{after}"
            );
        }
    }
}

#[tokio::test]
async fn a_page_of_one_realm_is_found_among_others() {
    let (_folder, connection, _store, aggregate_id) = store(300).await;
    let realm = |name: Option<&str>| RealmFilter::Only(name.map(str::to_owned));
    assert_eq!(page(&connection, &aggregate_id, realm(Some("north")), 0, 2).len(), 64);
    assert!(page(&connection, &aggregate_id, realm(None), 0, 2).is_empty());
}
