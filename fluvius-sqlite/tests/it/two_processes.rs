//! Two processes with one file, both at full load.

use std::time::{Duration, Instant};

use fluvius_core::CommandRecord;
use fluvius_core::Store;
use fluvius_sqlite::SqliteStore;
use tempfile::TempDir;

use crate::child::{self, ChildProcess};
use crate::load;
use crate::units::{aggregate_id, all, commit, context, unit};

const CLIENTS: usize = 32;
const TIME: Duration = Duration::from_secs(3);

/// Busy timeout of the late writer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The program of the second process; a no-op in the first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_process() {
    let Some(file) = child::file() else { return };
    let store = SqliteStore::open(file).await.unwrap();
    child::send_line("ready");
    child::receive_line();
    let load = load::run(&store, CLIENTS, TIME).await;
    child::send_line(load.committed);
    child::send_line(load.others.len());
    child::send_line(format!("{:?}, at most {:?}", load.p99(), load.max()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_commits_without_failures() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let mut other = ChildProcess::start("two_processes::the_other_process", &file, |_| {});
    assert_eq!(other.receive(), "ready");
    other.send("go");
    let own = load::run(&store, CLIENTS, TIME).await;
    let others: usize = other.receive().parse().unwrap();
    assert_eq!((own.others.clone(), other.receive().as_str()), (Vec::<String>::new(), "0"));
    let all_commits = own.committed + others;
    println!(
        "{} and {others} commits in {TIME:?}; 99 of 100 within {:?}, at most {:?}, and within \
        {}",
        own.committed,
        own.p99(),
        own.max(),
        other.receive(),
    );
    other.end();
    // Time slices are equal, so a process with less processor time makes fewer commits.
    assert!(3 * own.committed >= all_commits && 3 * others >= all_commits);
    // Both counts are correct, and positions rise over both processes.
    let commands = store.read_log::<CommandRecord>(&all()).await.unwrap().rows;
    assert_eq!(commands.len(), all_commits);
    assert!(commands.is_sorted_by(|one, next| one.position < next.position));
    commit(&store, unit(&context(), &aggregate_id(), 0)).await;
}

/// A busy writer yields to a writer that has no commit yet. The file does not show such a writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_writer_commits_beside_one_at_full_load() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let late = SqliteStore::options().busy_timeout(PATIENCE).open(&file).await.unwrap();
    let at_full_load = tokio::spawn(async move { load::run(&store, CLIENTS, TIME).await });
    let mut waited = Vec::new();
    while !at_full_load.is_finished() {
        // Long enough for the busy writer to forget the late one.
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        let begun = Instant::now();
        commit(&late, unit(&context(), &aggregate_id(), 0)).await;
        waited.push(begun.elapsed());
    }
    println!("the late writer was answered after {waited:?}");
    assert_eq!(at_full_load.await.unwrap().others, Vec::<String>::new());
}
