//! Clock times outside the calendar range of the stores: each store returns the time of the
//! response.

use fluvius_core::Versioned;
use fluvius_core::chrono::{DateTime, Utc};
use fluvius_core::query::{Column, Cursor, Field};
use fluvius_core::{Domain, DomainContext, MemoryStore, SimpleRejection, Store, aggregate};
use fluvius_postgres::PostgresStore;
use fluvius_sqlite::SqliteStore;
use fluvius_testing::FixedClock;
use fluvius_testing::servers::TestServer;
use serde::{Deserialize, Serialize};

use fluvius_tests::fixture::id;

/// A note with a due time, as text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Note {
    pub due: String,
}

#[aggregate(resource = "note")]
impl Note {
    /// Write a note.
    #[action(evt_key = "note-written")]
    pub fn write_note(due: String) -> Result<Self, SimpleRejection> {
        Ok(Self { due })
    }
}

#[derive(Domain)]
#[domain(aggregates(Note))]
pub struct NoteDomain;

/// Clock times, each with the stored time; and texts at the edges.
const TIMES: &[(&str, &str, &str)] = &[
    ("-0044-03-15T12:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59"),
    ("2016-12-31T23:59:60.25Z", "2016-12-31T23:59:59.999999Z", "2016-12-31T23:59:60Z"),
    ("2017-01-01T00:00:00.123456789Z", "2017-01-01T00:00:00.123456Z", "0001-01-01T00:00:00Z"),
    ("+12026-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-23:59"),
];

async fn check(store: impl Store + Clone) {
    let clock = FixedClock::at(DateTime::UNIX_EPOCH);
    let domain = NoteDomain::builder(store).clock(clock.clone()).build().await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    let time_of = |text: &str| -> DateTime<Utc> { text.parse().unwrap() };
    for (number, (now, _, due)) in (1..).zip(TIMES) {
        clock.set(time_of(now));
        session.send(id(number), WriteNote { due: (*due).to_owned() }).await.unwrap();
    }
    let kept: Vec<_> = TIMES.iter().map(|(_, kept, _)| time_of(kept)).collect();
    for (number, kept) in (1..).zip(&kept) {
        let note = session.statemgr().fetch::<Note>(id(number)).await.unwrap();
        assert_eq!(
            (Versioned::record(&note).created_at, Versioned::record(&note).updated_at),
            (*kept, *kept)
        );
        assert!(session.statemgr().find_at::<Note>(id(number), *kept).await.unwrap().is_some());
    }
    let received_at = domain.log().commands().await.unwrap().rows;
    assert_eq!(received_at.iter().map(|row| row.record.received_at).collect::<Vec<_>>(), kept);
    let occurred_at = domain.log().events().await.unwrap().rows;
    assert_eq!(occurred_at.iter().map(|row| row.record.occurred_at).collect::<Vec<_>>(), kept);

    // Page by page, with cursors, in both orders.
    for key in [Field::column(Column::CreatedAt), Field::time("due")] {
        for key in [key.clone().ascending(), key.descending()] {
            let mut found = Vec::new();
            let mut after: Option<Cursor> = None;
            loop {
                let mut query = session.statemgr().query::<Note>().sort(key.clone()).limit(1);
                if let Some(after) = after.take() {
                    query = query.after(after.to_string().parse().unwrap());
                }
                let page = query.page().await.unwrap();
                found.extend(page.rows.iter().map(|row| Versioned::record(row).aggregate_id.id));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            found.sort_unstable();
            assert_eq!(found, [1, 2, 3, 4].map(id));
        }
    }
}

#[tokio::test]
async fn memory_preserves_extreme_clock_times() {
    check(MemoryStore::new()).await;
}

#[tokio::test]
async fn sqlite_preserves_extreme_clock_times() {
    check(SqliteStore::in_memory().await.unwrap()).await;
}

#[tokio::test]
async fn postgres_preserves_extreme_clock_times() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    check(PostgresStore::options().schema(schema.name()).open(schema.url()).await.unwrap()).await;
}
