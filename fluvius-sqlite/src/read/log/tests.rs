//! Query plans of pages, and pages of several parts.

use fluvius_store::Store;
use tempfile::TempDir;

use super::*;
use crate::SqliteStore;
use crate::writer::tests::units;

/// Creates a store with one aggregate of this many events.
async fn store(count: u64) -> (TempDir, SqliteStore, AggregateId) {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    let (context, aggregate_id) = (units::context(), units::aggregate_id());
    let all: Vec<_> =
        (0..count).map(|version| units::unit(&context, &aggregate_id, version)).collect();
    for batch in all.chunks(500) {
        store.commit(std::sync::Arc::from(batch)).await;
    }
    (folder, store, aggregate_id)
}

#[tokio::test]
async fn a_page_is_read_by_position_without_sorting() {
    let (folder, _store, _) = store(1).await;
    let connection = crate::connection::open_reader(&folder.path().join("store.db")).unwrap();
    let plan = |sql: &str| -> Vec<String> {
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let count = explain.parameter_count();
        let params = vec![rusqlite::types::Null; count];
        let lines = explain.query_map(rusqlite::params_from_iter(params), |row| row.get(3));
        lines.unwrap().map(Result::unwrap).collect()
    };
    fn statements<T>(log: &Log<T>) -> [&'static str; 4] {
        let Log { ascending, descending, .. } = log;
        [ascending.window, ascending.rows, descending.window, descending.rows]
    }
    let all = [
        statements(&COMMANDS),
        statements(&EVENTS),
        statements(&MESSAGES),
        statements(&ACTIVITIES),
    ];
    for sql in all.as_flattened() {
        let plan = plan(sql);
        let by_position = "USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)";
        let by_covering = "(position>? AND position<?)";
        let first = plan.iter().find(|line| line.starts_with("SEARCH")).unwrap();
        assert!(first.contains(by_position) || first.contains(by_covering), "{sql}: {plan:#?}");
        assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "{sql}: {plan:#?}");
        let scans = plan.iter().filter(|line| line.starts_with("SCAN"));
        let of_tables: Vec<&String> = scans
            .filter(|line| !line.contains("json_each") && !line.contains("(subquery"))
            .collect();
        assert!(of_tables.is_empty(), "{sql}: {plan:#?}");
    }
}

#[tokio::test]
async fn descending_pages_span_several_transactions() {
    let count = u64::try_from(ROWS_AT_ONCE).unwrap() + 300;
    let (_folder, store, aggregate_id) = store(count).await;
    let positions = async |query: LogQuery| -> Vec<u64> {
        let page = store.log(LogKind::Events, &query).await.unwrap();
        page.rows.iter().map(|row| row.position).collect()
    };
    let all = positions(LogQuery::all()).await;
    assert_eq!(all.len() as u64, count);
    for query in [
        LogQuery::all(),
        LogQuery::all().domain("purses".to_owned()),
        LogQuery::all().aggregate_id(aggregate_id.clone()),
    ] {
        let expected = positions(query.clone()).await;
        let mut found = positions(query.clone().descending(true)).await;
        found.reverse();
        assert_eq!(found, expected, "{query:?}");
        let middle = all[all.len() / 2];
        let mut found = positions(query.clone().descending(true).before(middle)).await;
        found.reverse();
        let expected: Vec<u64> =
            expected.into_iter().filter(|position| *position < middle).collect();
        assert_eq!(found, expected, "{query:?}");
    }
    // No row has the key, so the scan limit ends the page, in the second transaction.
    let query = LogQuery::all().keys(["no-such-event"]).descending(true).scan_limit(2_100);
    let page = store.log(LogKind::Events, &query).await.unwrap();
    assert!(page.rows.is_empty() && !page.is_last());
    assert_eq!(page.scanned_to.position(), all[all.len() - 2_100]);
    let query = query.resume(page.scanned_to).limit(1);
    let page = store.log(LogKind::Events, &query).await.unwrap();
    assert!(page.is_last() && page.scanned_to == ResumeToken::START);
}
