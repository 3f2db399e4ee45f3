//! SQLite files with a given number of events, written by hand and read by fluvius.

use std::path::{Path, PathBuf};

use bench_common::{BankCommand, Rng, TempDir, account_id, next_command};
use rust_decimal::Decimal;

use crate::by_hand::sqlite::{self, Settings, Writer};
use crate::by_hand::{self, CommitOutcome};

/// The number of commands per transaction.
const BATCH_COUNT: usize = 1000;

/// Returns the path of a file with these numbers of events on accounts 0, 1, ... If the file does
/// not exist, it is made. All programs of a run use the same file.
#[expect(clippy::expect_used, reason = "without its file there is nothing to measure")]
pub(crate) fn file(name: &str, events: &[u64]) -> PathBuf {
    let path = TempDir::base().join(format!("{name}.db"));
    if !path.exists() {
        let begun = path.with_extension("begun");
        // An interrupted program may have left an unfinished file.
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", begun.display()));
        }
        fill(&begun, events).expect("the file is written");
        std::fs::rename(begun, &path).expect("the file is moved");
    }
    path
}

fn fill(path: &Path, events: &[u64]) -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all(TempDir::base())?;
    let connection = sqlite::open(path, Settings::usual("NORMAL"))?;
    let mut writer = Writer::new(&connection)?;
    let mut rng = Rng::new(7);
    let mut batch = Vec::with_capacity(BATCH_COUNT);
    for (account, count) in events.iter().enumerate() {
        for event in 0..*count {
            let command = match event {
                0 => BankCommand::Open(Decimal::from(1_000_000_000)),
                _ => next_command(&mut rng),
            };
            let job = by_hand::job(account_id(account), command, None);
            batch.push(job.map_err(|error| format!("{error:?}"))?);
            if batch.len() == BATCH_COUNT {
                write(&mut writer, &mut batch)?;
            }
        }
    }
    write(&mut writer, &mut batch)
}

fn write(
    writer: &mut Writer<'_>,
    batch: &mut Vec<by_hand::Job>,
) -> Result<(), Box<dyn std::error::Error>> {
    let outcomes = writer.commit(batch);
    batch.clear();
    match outcomes.into_iter().find(|outcome| *outcome != CommitOutcome::Applied) {
        Some(outcome) => Err(format!("{outcome:?}").into()),
        None => Ok(()),
    }
}
