//! A reader that holds on to an old state while others write.

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

/// For ten seconds with `FLUVIUS_SQLITE_READER_SECONDS=10`.
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
            "{what}: {} commits in {time:?}, 99 of 100 within {:?}, at the most {:?}; the log has \
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
    let mut held = run("while it is held", time).await;
    // A machine that is busy with other things takes longer.
    let begun = Instant::now();
    while held <= 2 * MAX_LOG_BYTES && begun.elapsed() < Duration::from_secs(60) {
        held = run("while it is held", time).await;
    }
    assert!(held > 2 * MAX_LOG_BYTES, "the reader held nothing: {held} bytes");
    assert_eq!(count(), seen);
    reader.execute_batch("COMMIT").unwrap();

    let begun = Instant::now();
    let mut bytes = held;
    while bytes > 4 * MAX_LOG_BYTES && begun.elapsed() < Duration::from_secs(30) {
        bytes = run("after", Duration::from_millis(500)).await;
    }
    assert!(bytes <= 4 * MAX_LOG_BYTES, "the log still has {bytes} bytes");
}
