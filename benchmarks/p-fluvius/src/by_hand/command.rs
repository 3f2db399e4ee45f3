//! The parts that need no store: a command as the client makes it, the account, and the rule.

use std::time::{SystemTime, UNIX_EPOCH};

use bench_common::{BankCommand, BankError, Uuid};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

/// The maximum number of commands in one transaction, as in the store.
pub(super) const MAX_BATCH_UNITS: usize = 1024;

/// The interval, in versions, at which the log has the whole state.
const SNAPSHOT_INTERVAL: i64 = 64;

/// The state of an account.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    account_number: String,
    owner_name: String,
    pub(super) balance: Decimal,
}

/// The payload of the command that opens an account. Its keys are sorted.
#[derive(Serialize)]
struct Opening {
    account_number: &'static str,
    initial_deposit: Decimal,
    owner_name: &'static str,
}

/// The arguments of the event that opens an account, in the order of the action's parameters.
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

/// A command in the writer's queue.
pub(crate) struct Job {
    pub(super) id: Uuid,
    pub(super) account: Uuid,
    pub(super) command: BankCommand,
    pub(super) payload: String,
    pub(super) payload_hash: [u8; 32],
    /// The event's arguments, if they differ from the payload.
    pub(super) args: Option<String>,
    pub(super) received_at: i64,
    pub(super) done: Option<oneshot::Sender<CommitOutcome>>,
}

/// The outcome of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CommitOutcome {
    Applied,
    Rejected,
    /// The command's identifier is already in the log.
    Duplicate,
    /// The transaction failed; none of it is stored.
    Failed(String),
}

/// Creates the job of a command, before anything is read.
pub(crate) fn job(
    account: Uuid,
    command: BankCommand,
    done: Option<oneshot::Sender<CommitOutcome>>,
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
    let received_at = SystemTime::now().duration_since(UNIX_EPOCH).map_err(BankError::other)?;
    Ok(Job {
        id: Uuid::now_v7(),
        account,
        command,
        payload_hash: *blake3::hash(payload.as_bytes()).as_bytes(),
        payload,
        args,
        received_at: i64::try_from(received_at.as_micros()).map_err(BankError::other)?,
        done,
    })
}

pub(super) fn json(value: &impl Serialize) -> Result<String, BankError> {
    serde_json::to_string(value).map_err(BankError::other)
}

/// The reason for which a command was rejected, as it is stored.
pub(super) struct Refused {
    pub(super) code: &'static str,
    pub(super) response: &'static str,
}

/// Applies the rule, and returns the account after the command.
pub(super) fn decide(command: BankCommand, stored: Option<&Account>) -> Result<Account, Refused> {
    let balance = |change: Decimal| match stored {
        None => Err(Refused { code: "not-found", response: r#"{"not-found":{}}"# }),
        Some(stored) if stored.balance + change < Decimal::ZERO => Err(Refused {
            code: "insufficient-funds",
            response: r#"{"rejected":{"message":"Insufficient funds"}}"#,
        }),
        Some(stored) => Ok(Account { balance: stored.balance + change, ..stored.clone() }),
    };
    match command {
        BankCommand::Open(balance) => match stored {
            Some(_) => {
                Err(Refused { code: "already-exists", response: r#"{"already-exists":{}}"# })
            }
            None => Ok(Account {
                account_number: ACCOUNT_NUMBER.into(),
                owner_name: OWNER_NAME.into(),
                balance,
            }),
        },
        BankCommand::Deposit(amount) => balance(amount),
        BankCommand::Withdraw(amount) => balance(-amount),
    }
}

/// Returns the stored change of the state by an event that follows `version` others.
pub(super) fn change(version: i64, account: &Account, data: &str) -> String {
    match version % SNAPSHOT_INTERVAL {
        0 => format!(r#"{{"snapshot":{data}}}"#),
        _ => format!(r#"[{{"op":"replace","path":"/balance","value":"{}"}}]"#, account.balance),
    }
}
