//! The growth of the file by a thousand changes of one field of a large state.

use bench_common::{TempDir, Uuid, report, selected};
use fluvius_core::{Domain, DomainContext, Versioned, aggregate};
use fluvius_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

use crate::sqlite;

const CHANGE_COUNT: u64 = 1_000;

/// The minimum length of the state, in bytes of JSON.
const STATE_BYTES: usize = 20_000;

/// A shelf with a long list of titles and a count of books.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Shelf {
    titles: Vec<String>,
    count: u64,
}

#[aggregate(resource = "shelf")]
impl Shelf {
    /// Sets up the shelf.
    #[action(evt_key = "shelf-set-up")]
    fn set_up_shelf(titles: Vec<String>) -> Result<Self, Infallible> {
        Ok(Self { titles, count: 0 })
    }

    /// Counts one more book.
    #[action(evt_key = "book-counted")]
    fn count_book(&mut self) -> Result<(), Infallible> {
        self.count += 1;
        Ok(())
    }
}

/// The domain of shelves.
#[derive(Debug, Domain)]
#[domain(aggregates(Shelf), revision = 1)]
struct ShelfDomain;

pub(crate) async fn run() {
    if selected("disk/fluvius/sqlite/one_field_of_20_kB") {
        let note = "bytes that each of 1,000 changes of one field of a state of 20 kB adds to the \
            file, command row \
                    and state included";
        report(
            "disk",
            "fluvius/sqlite/one_field_of_20_kB",
            "bytes/command",
            &[measure().await],
            note,
        );
    }
}

/// Returns the number of bytes that a change adds to the file.
#[expect(clippy::expect_used, reason = "a new file takes every domain and command")]
async fn measure() -> f64 {
    let folder = TempDir::new("large");
    let file = folder.0.join("b.db");
    let id = Uuid::from_u128(1);
    let titles: Vec<String> = (0..STATE_BYTES / 50).map(|index| format!("{index:0>60}")).collect();
    let mut before = 0;
    for count in [0, CHANGE_COUNT] {
        let store = SqliteStore::open(&file).await.expect("the store is opened");
        let domain = ShelfDomain::runtime(store).await.expect("the domain is built");
        let session = domain.session(DomainContext::create("benchmark"));
        if count == 0 {
            let set_up = SetUpShelf { titles: titles.clone() };
            session.send(id, set_up).await.expect("the shelf is set up");
        }
        for _ in 0..count {
            session.send(id, CountBook {}).await.expect("a book is counted");
        }
        let length = domain
            .statemgr()
            .fetch::<Shelf>(id)
            .await
            .map(|shelf| Versioned::record(&shelf).data.len());
        assert!(length.is_ok_and(|length| length >= STATE_BYTES), "the state is too short");
        drop((session, domain));
        sqlite::wait_until_closed(&file);
        let bytes = file.metadata().expect("the file is there").len();
        if count == 0 {
            before = bytes;
        } else {
            return (bytes - before) as f64 / count as f64;
        }
    }
    0.0
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn a_change_of_a_large_state_adds_less_than_two_kilobytes() {
        let bytes = super::measure().await;
        assert!((100.0..2_000.0).contains(&bytes), "{bytes}");
    }
}
