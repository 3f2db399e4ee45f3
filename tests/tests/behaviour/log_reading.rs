//! Log reads: of one aggregate or of all, page by page.

use fluvius_core::LogReader;
use serde_json::json;

use fluvius_tests::fixture::{Fixture, id};
use fluvius_tests::probe::{Run, Step, probe, probes};

/// A fixture whose first probe has an event, a message and an activity for each of many commands.
async fn busy(count: usize) -> Fixture {
    let fixture = probes(2).await;
    for number in 0..count {
        let steps = vec![
            Step::Message("note".to_owned(), number.to_string()),
            Step::Activity(number.to_string()),
        ];
        fixture.session.send(id(1), Run { steps }).await.unwrap();
    }
    fixture
}

/// Reads all pages of the event log. Returns the number of rows of each, and all positions.
async fn pages(mut log: LogReader) -> (Vec<usize>, Vec<u64>) {
    let (mut sizes, mut positions) = (Vec::new(), Vec::new());
    loop {
        let page = log.events().await.unwrap();
        sizes.push(page.rows.len());
        positions.extend(page.rows.iter().map(|row| row.position));
        match page.next {
            Some(next) => log = log.after(next),
            None => return (sizes, positions),
        }
    }
}

#[tokio::test]
async fn a_log_is_read_page_by_page() {
    let fixture = busy(8).await;
    let all = pages(fixture.domain.log()).await;
    assert_eq!(all.0, [10]);
    assert!(all.1.is_sorted_by(|a, b| a < b));
    for (limit, sizes) in [
        (1, vec![1; 10]),
        (3, vec![3, 3, 3, 1]),
        (5, vec![5, 5]),
        (10, vec![10]),
        (11, vec![10]),
        (usize::MAX, vec![10]),
        (0, vec![1; 10]),
    ] {
        let read = pages(fixture.domain.log().limit(limit)).await;
        assert_eq!(read, (sizes, all.1.clone()), "limit {limit}");
    }
    let end = fixture.domain.log().commands().await.unwrap().scanned_to.position();
    let (sizes, _) = pages(fixture.domain.log().after(end)).await;
    assert_eq!(sizes, [0]);
    let error = fixture.domain.log().after(end + 1).events().await.unwrap_err();
    assert_eq!(error.code(), "invalid-position");
}

#[tokio::test]
async fn pages_skip_no_row_at_adjacent_positions() {
    let fixture = probes(4).await;
    let steps = (2..=4).map(|number| Step::Invoke(id(number), vec![])).collect();
    fixture.session.send(id(1), Run { steps }).await.unwrap();
    let (_, all) = pages(fixture.domain.log()).await;
    assert!(all[4..].windows(2).all(|pair| pair[0] + 1 == pair[1]), "{all:?}");
    for limit in 1..=8 {
        assert_eq!(pages(fixture.domain.log().limit(limit)).await.1, all, "limit {limit}");
    }
}

#[tokio::test]
async fn a_page_has_a_thousand_rows_by_default() {
    let fixture = busy(1_001).await;
    let (sizes, positions) = pages(fixture.domain.log()).await;
    assert_eq!((sizes, positions.len()), (vec![1_000, 3], 1_003));
}

#[tokio::test]
async fn a_log_is_read_per_aggregate() {
    let fixture = busy(3).await;
    let log = fixture.domain.log();
    let of = |number| fixture.domain.log().for_aggregate(probe(number));
    assert_eq!(pages(of(1).limit(2)).await.0, [2, 2]);
    assert_eq!(pages(of(2)).await.0, [1]);
    assert_eq!(pages(of(9)).await.0, [0]);
    let versions: Vec<_> =
        of(1).events().await.unwrap().rows.iter().map(|row| row.record.version).collect();
    assert_eq!(versions, [1, 2, 3, 4]);
    assert_eq!(of(1).commands().await.unwrap().rows.len(), 4);
    assert_eq!(of(2).commands().await.unwrap().rows.len(), 1);
    assert_eq!(log.messages().await.unwrap().rows.len(), 3);
    assert_eq!(of(1).messages().await.unwrap().rows.len(), 3);
    assert_eq!(of(2).messages().await.unwrap().rows.len(), 0);
    assert_eq!(of(1).activities().await.unwrap().rows.len(), 3);
    assert_eq!(of(2).activities().await.unwrap().rows.len(), 0);
    let page = log.commands().await.unwrap();
    assert_eq!((page.rows.len(), page.next), (5, None));
}

#[tokio::test]
async fn every_log_continues_after_a_position() {
    let fixture = busy(4).await;
    let log = fixture.domain.log().limit(2);
    let first = log.messages().await.unwrap();
    let next = log.clone().after(first.next.unwrap()).messages().await.unwrap();
    let listed: Vec<_> =
        first.rows.iter().chain(&next.rows).map(|row| row.record.data.to_value()).collect();
    assert_eq!(listed, [json!("0"), json!("1"), json!("2"), json!("3")]);
    assert_eq!(next.next, None);
    let first = log.activities().await.unwrap();
    let next = log.clone().after(first.next.unwrap()).activities().await.unwrap();
    let listed: Vec<_> =
        first.rows.iter().chain(&next.rows).map(|row| row.record.message.to_string()).collect();
    assert_eq!(listed, ["0", "1", "2", "3"]);
    let first = log.commands().await.unwrap();
    let next = log.clone().after(first.next.unwrap()).commands().await.unwrap();
    assert!(first.rows[1].position < next.rows[0].position);
    assert_eq!((next.rows.len(), next.next.is_some()), (2, true));
}

#[tokio::test]
async fn rows_written_meanwhile_are_after_the_last_position() {
    let fixture = busy(1).await;
    let page = fixture.domain.log().events().await.unwrap();
    assert_eq!(page.next, None);
    let last = page.rows.last().unwrap().position;
    fixture.session.send(id(2), Run { steps: vec![] }).await.unwrap();
    let page = fixture.domain.log().after(last).events().await.unwrap();
    assert_eq!(page.rows.len(), 1);
    assert_eq!(page.rows[0].record.aggregate_id, probe(2));
}

#[tokio::test]
async fn a_row_serializes_with_its_position() {
    let fixture = busy(1).await;
    let rows = fixture.domain.log().for_aggregate(probe(1)).events().await.unwrap().rows;
    let row = serde_json::to_value(&rows[1]).unwrap();
    assert_eq!(row["position"], json!(rows[1].position));
    assert_eq!(row["resource"], json!("probe"));
    assert_eq!(row["identifier"], json!(id(1)));
    assert_eq!((&row["version"], &row["event"]), (&json!(2), &json!("ran")));
    assert_eq!(row["delta"], json!([]));
    let rows = fixture.domain.log().for_aggregate(probe(1)).commands().await.unwrap().rows;
    let row = serde_json::to_value(&rows[1]).unwrap();
    assert_eq!((&row["status"], &row["command"]), (&json!("applied"), &json!("run")));
    assert!(row["payload"]["steps"].is_array());
}
