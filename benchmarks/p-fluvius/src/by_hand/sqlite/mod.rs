//! The program by hand on SQLite. One thread takes all waiting commands into one transaction, reads
//! the accounts in it, and applies the rule. It writes the same rows as `fluvius-sqlite`.
//!
//! | file | contents |
//! |---|---|
//! | `schema` | the file: the store's own schema, the settings of its writer, the shared names |
//! | `statements` | the prepared statements |
//! | `writer` | the writer thread |

mod schema;
mod statements;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::mpsc;

use bench_common::{Bank, BankCommand, BankError, Uuid};
use rust_decimal::Decimal;
use tokio::sync::oneshot;

use super::command::{Account, CommitOutcome, Job, job};

pub(crate) use schema::{Settings, open};
pub(crate) use writer::Writer;

/// A bank with one thread that writes all commands.
pub(crate) struct ByHand {
    jobs: mpsc::Sender<Job>,
    path: PathBuf,
}

impl ByHand {
    /// Creates a file, and opens the bank in it.
    pub(crate) fn open(path: &Path, settings: Settings) -> rusqlite::Result<Self> {
        let connection = schema::open(path, settings)?;
        let (jobs, waiting) = mpsc::channel();
        std::thread::spawn(move || writer::run(&connection, &waiting));
        Ok(Self { jobs, path: path.to_owned() })
    }
}

impl Bank for ByHand {
    async fn run(&self, account: Uuid, command: BankCommand) -> Result<(), BankError> {
        let (done, answer) = oneshot::channel();
        self.jobs.send(job(account, command, Some(done))?).map_err(BankError::other)?;
        match answer.await.map_err(BankError::other)? {
            CommitOutcome::Applied => Ok(()),
            CommitOutcome::Rejected => Err(BankError::Rejected),
            fate => Err(BankError::other(format!("{fate:?}"))),
        }
    }

    async fn balance(&self, account: Uuid) -> Option<Decimal> {
        let connection = rusqlite::Connection::open(&self.path).ok()?;
        let sql = "SELECT data FROM state JOIN aggregate ON number = aggregate WHERE identifier = \
            ?1";
        let data: String = connection.query_row(sql, (account,), |row| row.get(0)).ok()?;
        Some(serde_json::from_str::<Account>(&data).ok()?.balance)
    }
}
