//! A file that is damaged where nobody looks at the opening.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fluvius_core::{LogQuery, Store, StoreError};
use fluvius_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::units::{all, commit, context, root, unit};

const PAGE_BYTES: usize = 4096;

/// Waits until a store that was dropped has taken its log into the file.
pub(crate) async fn is_closed(file: &Path) {
    let begun = Instant::now();
    while file.with_extension("db-wal").exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the store is not closed");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The pages of rows in which a text stands.
fn leaves_with(bytes: &[u8], text: &str) -> Vec<usize> {
    const LEAF_OF_A_TABLE: u8 = 13;
    let has_text = |page: &[u8]| page.windows(text.len()).any(|part| part == text.as_bytes());
    let pages = bytes.chunks(PAGE_BYTES).enumerate();
    let pages = pages.filter(|(_, page)| page[0] == LEAF_OF_A_TABLE && has_text(page));
    pages.map(|(number, _)| number * PAGE_BYTES).collect()
}

/// A closed file with long logs of one root.
async fn closed(folder: &TempDir) -> (PathBuf, fluvius_core::AggregateRoot) {
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let (context, root) = (context(), root());
    for version in 0..200 {
        commit(&store, unit(&context, &root, version)).await;
    }
    drop(store);
    is_closed(&file).await;
    (file, root)
}

/// The logs are read to their end, whole and of one root, and say that the file is damaged.
async fn check_told(file: &Path, root: &fluvius_core::AggregateRoot) {
    let store = SqliteStore::open(file).await.unwrap();
    let of_root = LogQuery { root: Some(root.clone()), ..all() };
    let read = async {
        for query in [&all(), &of_root] {
            store.commands(query).await?;
            store.events(query).await?;
            store.messages(query).await?;
            store.activities(query).await?;
        }
        Ok::<(), StoreError>(())
    };
    let read = tokio::time::timeout(Duration::from_secs(60), read).await;
    let error = read.expect("the reading of a log does not end").unwrap_err();
    assert!(!error.can_retry() && error.to_string().contains("damaged"), "{error}");
    drop(store);
    is_closed(file).await;
}

/// A text of the rows of each log.
const TEXTS: [&str; 3] = ["gave coins", r#"{"whole":"#, r#"{"coins":7}"#];

/// Two pages that have changed places.
#[tokio::test]
async fn a_log_out_of_order_is_told() {
    let folder = TempDir::new().unwrap();
    let (file, root) = closed(&folder).await;
    let whole = std::fs::read(&file).unwrap();
    for text in TEXTS {
        let leaves = leaves_with(&whole, text);
        let (one, other) = (leaves[0], leaves[leaves.len() - 1]);
        let mut bytes = whole.clone();
        let (before, after) = bytes.split_at_mut(other);
        before[one..one + PAGE_BYTES].swap_with_slice(&mut after[..PAGE_BYTES]);
        std::fs::write(&file, bytes).unwrap();
        check_told(&file, &root).await;
    }
}

/// Pages of which a part was never written: their rows have position 0, and no next part would
/// lead further.
#[tokio::test]
async fn the_reading_of_a_torn_log_ends() {
    let folder = TempDir::new().unwrap();
    let (file, root) = closed(&folder).await;
    let whole = std::fs::read(&file).unwrap();
    for text in TEXTS {
        let leaves = leaves_with(&whole, text);
        let mut bytes = whole.clone();
        for leaf in leaves {
            bytes[leaf + PAGE_BYTES / 2..leaf + PAGE_BYTES].fill(0);
        }
        std::fs::write(&file, bytes).unwrap();
        check_told(&file, &root).await;
    }
}
