//! The number of batches in a transaction.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;

use fluvius_store::{Json, UnitOfWork};
use tokio::sync::oneshot;

use super::units::{aggregate_id, context, json, unit};
use crate::SqliteOptions;
use crate::database_path::DatabasePath;
use crate::writer::thread::JobQueue;
use crate::writer::{Commit, Job};

/// Returns the number of batches committed together, of ten with one unit each.
fn gathered(max_batch_bytes: usize, change: impl Fn(&mut UnitOfWork)) -> usize {
    let (sender, jobs) = mpsc::channel();
    let commit = || {
        let mut unit = unit(&context(), &aggregate_id(), 0);
        change(&mut unit);
        Commit { batch: Arc::from([unit]), answer: oneshot::channel().0 }
    };
    for _ in 0..9 {
        sender.send(Job::Commit(commit())).unwrap();
    }
    let has_in_doubt = Arc::new(AtomicBool::new(false));
    let mut queue = JobQueue { jobs, put_back: None, has_in_doubt };
    let database =
        DatabasePath::new(None, SqliteOptions { max_batch_bytes, ..SqliteOptions::default() });
    queue.gather(Job::Commit(commit()), &database).commits.len()
}

fn long() -> Json {
    json(&format!("{:?}", "x".repeat(10_000)))
}

#[test]
fn all_texts_of_a_unit_count_towards_the_group_limit() {
    assert_eq!(gathered(25_000, |_| {}), 10);
    let changes: [fn(&mut UnitOfWork); 8] = [
        |unit| Arc::make_mut(&mut unit.states[0]).data = long(),
        |unit| Arc::make_mut(&mut unit.commands[0]).payload = long(),
        |unit| Arc::make_mut(&mut unit.commands[0]).response = Some(long()),
        |unit| Arc::make_mut(&mut unit.events[0]).args = long(),
        |unit| Arc::make_mut(&mut unit.events[0]).data = Some(long()),
        |unit| {
            Arc::make_mut(&mut unit.events[0]).delta = fluvius_store::StateDelta::snapshot(&long())
        },
        |unit| Arc::make_mut(&mut unit.messages[0]).data = long(),
        |unit| Arc::make_mut(&mut unit.activities[0]).data = Some(long()),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        assert_eq!(gathered(25_000, change), 3, "{index}");
    }
}
