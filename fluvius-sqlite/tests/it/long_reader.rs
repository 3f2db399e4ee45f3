//! A reader with a long transaction while others write.

use std::path::Path;
use std::time::{Duration, Instant};

use fluvius_sqlite::SqliteStore;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::load;

const MAX_LOG_BYTES: u64 = 1024 * 1024;

fn log_bytes(file: &Path) -> u64 {
    file.with_extension("db-wal").metadata().map_or(0, |log| log.len())
}

/// The transaction takes one second, or `FLUVIUS_SQLITE_READER_SECONDS`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_short_again_after_a_long_reader() {
    let seconds = std::env::var("FLUVIUS_SQLITE_READER_SECONDS").ok();
    let time = Duration::from_secs(seconds.map_or(1, |seconds| seconds.parse().unwrap()));
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let options = SqliteStore::options().wal_bytes(MAX_LOG_BYTES / 4, MAX_LOG_BYTES);
    let store = options.open(&file).await.unwrap();
    let run = async |what: &str, time: Duration| {
        let load = load::run(&store, 32, time).await;
        let bytes = log_bytes(&file);
        println!(
            "{what}: {} commits in {time:?}, 99 of 100 within {:?}, at most {:?}; the log has \
            {} KiB",
            load.committed,
            load.p99(),
            load.max(),
            bytes / 1024
        );
        assert_eq!(load.others, Vec::<String>::new());
        bytes
    };
    run("before", Duration::from_secs(1)).await;

    let reader = Connection::open(&file).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let count = || -> i64 {
        reader.query_row("SELECT count(*) FROM command", [], |row| row.get(0)).unwrap()
    };
    let seen = count();
    let mut log_length = run("while it reads", time).await;
    // A busy machine takes longer.
    let begun = Instant::now();
    while log_length <= 2 * MAX_LOG_BYTES && begun.elapsed() < Duration::from_secs(60) {
        log_length = run("while it reads", time).await;
    }
    assert!(log_length > 2 * MAX_LOG_BYTES, "the reader kept nothing: {log_length} bytes");
    assert_eq!(count(), seen);
    reader.execute_batch("COMMIT").unwrap();

    let begun = Instant::now();
    let mut bytes = log_length;
    while bytes > 4 * MAX_LOG_BYTES && begun.elapsed() < Duration::from_secs(30) {
        bytes = run("after", Duration::from_millis(500)).await;
    }
    assert!(bytes <= 4 * MAX_LOG_BYTES, "the log still has {bytes} bytes");
}
