//! The bodies and the audit records of the plain services.

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use crate::system::Fault;

/// The body of an opening.
#[derive(Debug, Deserialize)]
pub(crate) struct Opening {
    pub(crate) account_number: String,
    pub(crate) owner_name: String,
    pub(crate) initial_deposit: Decimal,
}

/// The body of a deposit.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Arguments {
    pub(crate) amount: Decimal,
}

/// The state of an account.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Account {
    pub(crate) account_number: String,
    pub(crate) owner_name: String,
    pub(crate) balance: Decimal,
}

/// An account with its version.
#[derive(Debug, Serialize)]
pub(crate) struct Stored {
    pub(crate) identifier: Uuid,
    pub(crate) version: i64,
    pub(crate) data: Account,
}

/// A deposit that is being applied.
#[derive(Debug)]
pub(crate) struct Deposit {
    pub(crate) command_id: Uuid,
    pub(crate) account_id: Uuid,
    pub(crate) version: i64,
    pub(crate) data: Account,
    pub(crate) at: DateTime<Utc>,
    arguments: Arguments,
}

/// The command of an audit row.
#[derive(Serialize)]
struct Command<'a> {
    command: &'static str,
    key: Uuid,
    arguments: &'a Arguments,
}

/// The event of an audit row.
#[derive(Serialize)]
struct Event<'a> {
    event: &'static str,
    arguments: &'a Arguments,
    balance: Decimal,
}

/// The answer, with the fields of fluvius-server's.
#[derive(Serialize)]
struct Answer<'a> {
    command_id: Uuid,
    command: &'static str,
    resource: &'static str,
    identifier: Uuid,
    version: i64,
    etag: String,
    event: &'static str,
    position: i64,
    #[serde(serialize_with = "time")]
    occurred_at: DateTime<Utc>,
    data: &'a Account,
}

const COMMAND: &str = "deposit-money";
const EVENT: &str = "money-deposited";

impl Deposit {
    /// Applies a deposit to the stored account.
    ///
    /// # Errors
    /// A balance that is no decimal, or too large.
    pub(crate) fn apply(
        account_id: Uuid,
        (mut data, version): (Account, i64),
        amount: Decimal,
    ) -> Result<Self, Fault> {
        data.balance = data.balance.checked_add(amount).ok_or("the balance would be too large")?;
        Ok(Self {
            command_id: Uuid::now_v7(),
            account_id,
            version: version + 1,
            data,
            at: Utc::now(),
            arguments: Arguments { amount },
        })
    }

    /// Returns the command of the audit row as text.
    pub(crate) fn command(&self, key: Uuid) -> Result<String, Fault> {
        let command = Command { command: COMMAND, key, arguments: &self.arguments };
        Ok(serde_json::to_string(&command)?)
    }

    /// Returns the event of the audit row as text.
    pub(crate) fn event(&self) -> Result<String, Fault> {
        let event = Event { event: EVENT, arguments: &self.arguments, balance: self.data.balance };
        Ok(serde_json::to_string(&event)?)
    }

    /// Returns the text of the answer.
    pub(crate) fn answer(&self, position: i64) -> Result<String, Fault> {
        let answer = Answer {
            command_id: self.command_id,
            command: COMMAND,
            resource: "bank-account",
            identifier: self.account_id,
            version: self.version,
            etag: format!("v{}-{}", self.version, self.command_id.simple()),
            event: EVENT,
            position,
            occurred_at: self.at,
            data: &self.data,
        };
        Ok(serde_json::to_string(&answer)?)
    }
}

fn time<S: Serializer>(time: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    time.to_rfc3339_opts(SecondsFormat::Micros, true).serialize(to)
}
