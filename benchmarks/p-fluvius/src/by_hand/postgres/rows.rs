//! The rows of a batch, one struct per table, in the types of the server.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bench_common::{BankCommand, Uuid};
use postgres_types::ToSql;

use crate::by_hand::command::{Account, Job, Refused};

pub(super) const RESOURCE: &str = "bank-account";
pub(super) const DOMAIN: &str = "transaction-manager";

#[derive(Debug, ToSql)]
#[postgres(name = "resource_state")]
pub(super) struct StateRow {
    resource: &'static str,
    identifier: Uuid,
    version: i64,
    etag: String,
    revision: i64,
    data: String,
    created_at: SystemTime,
    created_by: Option<Uuid>,
    updated_at: SystemTime,
    updated_by: Option<Uuid>,
    closed_at: Option<SystemTime>,
    realm: Option<&'static str>,
}

#[derive(Debug, ToSql)]
#[postgres(name = "command_log")]
pub(super) struct CommandRow<'j> {
    /// The position in the batch, from 1.
    position: i64,
    id: Uuid,
    parent: Option<Uuid>,
    domain: &'static str,
    revision: i64,
    command: &'static str,
    resource: &'static str,
    identifier: Uuid,
    payload: &'j str,
    payload_hash: &'j [u8],
    context_id: Uuid,
    status: &'static str,
    code: Option<&'static str>,
    response: Option<&'static str>,
    received_at: SystemTime,
}

#[derive(Debug, ToSql)]
#[postgres(name = "event_log")]
pub(super) struct EventRow<'j> {
    /// The position in the batch, from 1.
    position: i64,
    id: Uuid,
    domain: &'static str,
    revision: i64,
    event: &'static str,
    resource: &'static str,
    identifier: Uuid,
    version: i64,
    command_id: Uuid,
    args: &'j str,
    data: Option<&'static str>,
    delta: String,
    occurred_at: SystemTime,
}

/// A stored account.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) version: i64,
    pub(super) created_at: SystemTime,
    pub(super) updated_at: SystemTime,
    /// The command that produced this version. It is nil if the version precedes this batch.
    pub(super) command_id: Uuid,
    pub(super) account: Account,
    pub(super) data: String,
}

impl StateRow {
    pub(super) fn of(identifier: Uuid, stored: &Stored) -> Self {
        Self {
            resource: RESOURCE,
            identifier,
            version: stored.version,
            etag: format!("v{}-{}", stored.version, stored.command_id.simple()),
            revision: 1,
            data: stored.data.clone(),
            created_at: stored.created_at,
            created_by: None,
            updated_at: stored.updated_at,
            updated_by: None,
            closed_at: None,
            realm: None,
        }
    }
}

impl<'j> CommandRow<'j> {
    pub(super) fn of(
        job: &'j Job,
        position: i64,
        context_id: Uuid,
        refused: Option<&Refused>,
    ) -> Self {
        Self {
            position,
            id: job.id,
            parent: None,
            domain: DOMAIN,
            revision: 1,
            command: match job.command {
                BankCommand::Open(_) => "open-account",
                BankCommand::Deposit(_) => "deposit-money",
                BankCommand::Withdraw(_) => "withdraw-money",
            },
            resource: RESOURCE,
            identifier: job.account,
            payload: &job.payload,
            payload_hash: &job.payload_hash,
            context_id,
            status: if refused.is_some() { "rejected" } else { "applied" },
            code: refused.map(|refused| refused.code),
            response: refused.map(|refused| refused.response),
            received_at: time(job.received_at),
        }
    }
}

impl<'j> EventRow<'j> {
    pub(super) fn of(job: &'j Job, position: i64, stored: &Stored, delta: String) -> Self {
        Self {
            position,
            id: Uuid::from_u128(job.id.as_u128() ^ 1),
            domain: DOMAIN,
            revision: 1,
            event: match job.command {
                BankCommand::Open(_) => "account-opened",
                BankCommand::Deposit(_) => "money-deposited",
                BankCommand::Withdraw(_) => "money-withdrawn",
            },
            resource: RESOURCE,
            identifier: job.account,
            version: stored.version,
            command_id: job.id,
            args: job.args.as_deref().unwrap_or(&job.payload),
            data: None,
            delta,
            occurred_at: stored.updated_at,
        }
    }
}

/// Returns the time of a number of microseconds since 1970.
pub(super) fn time(micros: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(micros.unsigned_abs())
}
