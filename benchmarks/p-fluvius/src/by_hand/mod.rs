//! Our schema by hand: a plain program that writes the rows of `fluvius-sqlite`, without fluvius.
//!
//! The client makes of a command what needs no state (identifier, payload, hash) and hands it to
//! the one thread that writes. That takes what is waiting into one transaction, reads the accounts
//! in it, runs the rule, and writes the rows that the store would write.
//!
//! | file | what it holds |
//! |---|---|
//! | `schema` | the file: the store's own schema, the settings of its writer, the names |
//! | `statements` | the statements, prepared once |
//! | `writer` | the thread that writes, and the rule |

mod schema;
mod statements;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{SystemTime, UNIX_EPOCH};

use bench_common::{Bank, BankCommand, BankError, Uuid};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

pub(crate) use schema::{Settings, open};
pub(crate) use writer::{Fate, Job, Writer};

/// The state of an account.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    account_number: String,
    owner_name: String,
    balance: Decimal,
}

/// The payload of the command that opens an account: its keys are sorted.
#[derive(Serialize)]
struct Opening {
    account_number: &'static str,
    initial_deposit: Decimal,
    owner_name: &'static str,
}

/// The same as the event's arguments: in the order in which the action has them.
#[derive(Serialize)]
struct Opened {
    account_number: &'static str,
    owner_name: &'static str,
    initial_deposit: Decimal,
}

/// The payload of a deposit or a withdrawal.
#[derive(Serialize)]
struct Amount {
    amount: Decimal,
}

const ACCOUNT_NUMBER: &str = "0123456789";
const OWNER_NAME: &str = "Ada Lovelace";

/// A bank whose commands are written by one thread.
pub(crate) struct ByHand {
    jobs: mpsc::Sender<Job>,
    path: PathBuf,
}

impl ByHand {
    /// Opens the bank in a file, which is made.
    pub(crate) fn open(path: &Path, settings: Settings) -> rusqlite::Result<Self> {
        let connection = schema::open(path, settings)?;
        let (jobs, waiting) = mpsc::channel();
        std::thread::spawn(move || writer::run(&connection, &waiting));
        Ok(Self { jobs, path: path.to_owned() })
    }
}

/// What a command is before anything is read.
pub(crate) fn job(
    account: Uuid,
    command: BankCommand,
    done: Option<oneshot::Sender<Fate>>,
) -> Result<Job, BankError> {
    let (account_number, owner_name) = (ACCOUNT_NUMBER, OWNER_NAME);
    let (payload, args) = match command {
        BankCommand::Open(initial_deposit) => {
            let payload = Opening { account_number, initial_deposit, owner_name };
            let args = Opened { account_number, owner_name, initial_deposit };
            (json(&payload)?, Some(json(&args)?))
        }
        BankCommand::Deposit(amount) | BankCommand::Withdraw(amount) => {
            (json(&Amount { amount })?, None)
        }
    };
    let received = SystemTime::now().duration_since(UNIX_EPOCH).map_err(BankError::other)?;
    Ok(Job {
        id: Uuid::now_v7(),
        account,
        command,
        payload_hash: *blake3::hash(payload.as_bytes()).as_bytes(),
        payload,
        args,
        received: i64::try_from(received.as_micros()).map_err(BankError::other)?,
        done,
    })
}

fn json(value: &impl Serialize) -> Result<String, BankError> {
    serde_json::to_string(value).map_err(BankError::other)
}

impl Bank for ByHand {
    async fn run(&self, account: Uuid, command: BankCommand) -> Result<(), BankError> {
        let (done, answer) = oneshot::channel();
        self.jobs.send(job(account, command, Some(done))?).map_err(BankError::other)?;
        match answer.await.map_err(BankError::other)? {
            Fate::Applied => Ok(()),
            Fate::Rejected => Err(BankError::Rejected),
            fate => Err(BankError::other(format!("{fate:?}"))),
        }
    }

    async fn balance(&self, account: Uuid) -> Option<Decimal> {
        let connection = rusqlite::Connection::open(&self.path).ok()?;
        let sql = "SELECT data FROM state JOIN root ON number = root WHERE identifier = ?1";
        let data: String = connection.query_row(sql, (account,), |row| row.get(0)).ok()?;
        Some(serde_json::from_str::<Account>(&data).ok()?.balance)
    }
}
