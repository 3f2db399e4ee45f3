//! The rows that a plain program writes for one command.

use bench_common::{Uuid, account_id};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A command as it is received: the harness's command payload.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub(crate) struct DepositCommand {
    pub(crate) command_id: Uuid,
    pub(crate) aggroot_id: Uuid,
    pub(crate) command: String,
    pub(crate) actor: Uuid,
    pub(crate) amount: Decimal,
    pub(crate) note: String,
}

/// The arguments alone: the payload of a command to fluvius by key.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub(crate) struct DepositArguments {
    pub(crate) amount: Decimal,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub(crate) struct EventRecord {
    pub(crate) event_id: Uuid,
    pub(crate) command_id: Uuid,
    pub(crate) aggroot_id: Uuid,
    pub(crate) event: String,
    pub(crate) version: u64,
    pub(crate) at_ms: i64,
    pub(crate) amount: Decimal,
    pub(crate) balance: Decimal,
}

pub(crate) fn deposit_command() -> DepositCommand {
    DepositCommand {
        command_id: Uuid::new_v4(),
        aggroot_id: account_id(7),
        command: "deposit-money".into(),
        actor: Uuid::new_v4(),
        amount: Decimal::new(1050, 2),
        note: "salary".into(),
    }
}

pub(crate) fn event_record() -> EventRecord {
    EventRecord {
        event_id: Uuid::new_v4(),
        command_id: Uuid::new_v4(),
        aggroot_id: account_id(7),
        event: "money-deposited".into(),
        version: 42,
        at_ms: 1_700_000_000_000,
        amount: Decimal::new(1050, 2),
        balance: Decimal::new(100_001_050, 2),
    }
}
