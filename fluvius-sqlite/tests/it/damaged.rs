//! Damage of a file that opening the store does not detect.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fluvius_core::ActivityRecord;
use fluvius_core::verify::verify;
use fluvius_core::{AggregateId, CommandRecord, EventRecord, MessageRecord, Store, StoreError};
use fluvius_sqlite::SqliteStore;
use fluvius_testing::SeededRng;
use tempfile::TempDir;

use crate::units::{aggregate_id, all, commit, context, logs, unit};

const PAGE_BYTES: usize = 4096;

/// Waits until a dropped store has moved its log into the file.
pub(crate) async fn is_closed(file: &Path) {
    let begun = Instant::now();
    while file.with_extension("db-wal").exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the store is not closed");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Returns the offsets of the table pages that contain a text.
fn leaves_with(bytes: &[u8], text: &str) -> Vec<usize> {
    const LEAF_OF_A_TABLE: u8 = 13;
    let has_text = |page: &[u8]| page.windows(text.len()).any(|part| part == text.as_bytes());
    let pages = bytes.chunks(PAGE_BYTES).enumerate();
    let pages = pages.filter(|(_, page)| page[0] == LEAF_OF_A_TABLE && has_text(page));
    pages.map(|(number, _)| number * PAGE_BYTES).collect()
}

/// Creates a closed file with long logs of one aggregate.
async fn closed(folder: &TempDir, versions: u64) -> (PathBuf, AggregateId) {
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let (context, aggregate_id) = (context(), aggregate_id());
    for version in 0..versions {
        commit(&store, unit(&context, &aggregate_id, version)).await;
    }
    drop(store);
    is_closed(&file).await;
    (file, aggregate_id)
}

/// Checks that reading the logs, of all aggregates and of one, ends and reports the damage.
async fn check_reported(file: &Path, aggregate_id: &AggregateId) {
    let store = SqliteStore::open(file).await.unwrap();
    let of_aggregate = all().aggregate_id(Some(aggregate_id.clone()));
    let read = async {
        for query in [&all(), &of_aggregate] {
            store.read_log::<CommandRecord>(query).await?;
            store.read_log::<EventRecord>(query).await?;
            store.read_log::<MessageRecord>(query).await?;
            store.read_log::<ActivityRecord>(query).await?;
        }
        Ok::<(), StoreError>(())
    };
    let read = tokio::time::timeout(Duration::from_secs(60), read).await;
    let error = read.expect("the reading of a log does not end").unwrap_err();
    assert!(!error.is_retryable() && error.to_string().contains("damaged"), "{error}");
    drop(store);
    is_closed(file).await;
}

/// Texts in the rows of the logs.
const TEXTS: [&str; 3] = ["gave coins", r#"{"snapshot":"#, r#"{"coins":7}"#];

/// Two pages are swapped.
#[tokio::test]
async fn a_log_out_of_order_is_detected() {
    let folder = TempDir::new().unwrap();
    let (file, aggregate_id) = closed(&folder, 200).await;
    let whole = std::fs::read(&file).unwrap();
    for text in TEXTS {
        let leaves = leaves_with(&whole, text);
        let (one, other) = (leaves[0], leaves[leaves.len() - 1]);
        let mut bytes = whole.clone();
        let (before, after) = bytes.split_at_mut(other);
        before[one..one + PAGE_BYTES].swap_with_slice(&mut after[..PAGE_BYTES]);
        std::fs::write(&file, bytes).unwrap();
        check_reported(&file, &aggregate_id).await;
    }
}

/// Half of each page was never written. Its rows have position 0, so the next part of a read would
/// begin at the same position.
#[tokio::test]
async fn reading_a_torn_log_ends() {
    let folder = TempDir::new().unwrap();
    let (file, aggregate_id) = closed(&folder, 200).await;
    let whole = std::fs::read(&file).unwrap();
    for text in TEXTS {
        let leaves = leaves_with(&whole, text);
        let mut bytes = whole.clone();
        for leaf in leaves {
            bytes[leaf + PAGE_BYTES / 2..leaf + PAGE_BYTES].fill(0);
        }
        std::fs::write(&file, bytes).unwrap();
        check_reported(&file, &aggregate_id).await;
    }
}

/// Numbers of wrong bytes by the check that detected them.
#[derive(Debug, Default)]
struct Detected {
    opening: usize,
    backup: usize,
    verify: usize,
    /// Undetected, with equal or with different logs.
    none_same: usize,
    none_other: usize,
}

/// SQLite has no checksums of pages: a wrong byte in the text of a log may stay undetected. A
/// wrong byte in a state does not.
#[tokio::test]
async fn an_undetected_wrong_byte_changes_no_state() {
    let number = |name: &str, usual| {
        std::env::var(name).ok().map_or(usual, |number| number.parse().unwrap())
    };
    let (seed, count) = (number("FLUVIUS_SEED", 17), number("FLUVIUS_SQLITE_WRONG_BYTES", 40));
    println!("FLUVIUS_SEED={seed} FLUVIUS_SQLITE_WRONG_BYTES={count}");
    let mut random = SeededRng::new(seed);
    let folder = TempDir::new().unwrap();
    let (file, aggregate_id) = closed(&folder, 40).await;
    let whole = std::fs::read(&file).unwrap();
    let store = SqliteStore::open(&file).await.unwrap();
    let (state, before) = (store.load(&aggregate_id).await.unwrap(), logs(&store).await);
    drop(store);
    is_closed(&file).await;
    let mut detected = Detected::default();
    for _ in 0..count {
        let at = usize::try_from(random.below(u64::try_from(whole.len()).unwrap())).unwrap();
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << random.below(8);
        std::fs::write(&file, &bytes).unwrap();
        let Ok(store) = SqliteStore::open(&file).await else {
            detected.opening += 1;
            assert!(std::fs::read(&file).unwrap() == bytes, "byte {at}: the file was changed");
            continue;
        };
        let copy = folder.path().join("copy.db");
        let is_checked = store.backup_to(&copy).await.is_err();
        let _ = std::fs::remove_file(&copy);
        if is_checked {
            detected.backup += 1;
        } else if !verify(&store).await.is_ok_and(|found| found.is_sound()) {
            detected.verify += 1;
        } else {
            assert_eq!(store.load(&aggregate_id).await.unwrap(), state, "byte {at}");
            let is_same = logs(&store).await == before;
            detected.none_same += usize::from(is_same);
            detected.none_other += usize::from(!is_same);
        }
        drop(store);
        is_closed(&file).await;
    }
    println!("{detected:?}");
    assert!(detected.opening > 0 && detected.backup + detected.verify > 0, "{detected:?}");
}
