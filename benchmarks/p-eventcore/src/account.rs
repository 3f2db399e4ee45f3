//! The account, its events and its command for eventcore.

use bench_common::{BankCommand, Uuid};
use eventcore::{
    CommandError, CommandLogic, CommandStreams, Event, NewEvents, StreamDeclarations, StreamId,
};
use eventcore_types::CommandStateSnapshotId;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum AccountEvent {
    Opened { account_id: StreamId, amount: Decimal },
    Deposited { account_id: StreamId, amount: Decimal },
    Withdrawn { account_id: StreamId, amount: Decimal },
}

impl Event for AccountEvent {
    fn stream_id(&self) -> &StreamId {
        match self {
            Self::Opened { account_id, .. }
            | Self::Deposited { account_id, .. }
            | Self::Withdrawn { account_id, .. } => account_id,
        }
    }

    fn event_type_name() -> &'static str {
        "bank.account"
    }
}

#[derive(Default, Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    open: bool,
    pub(crate) balance: Decimal,
}

pub(crate) fn fold(mut account: Account, event: &AccountEvent) -> Account {
    match event {
        AccountEvent::Opened { amount, .. } => {
            account.open = true;
            account.balance = *amount;
        }
        AccountEvent::Deposited { amount, .. } => account.balance += *amount,
        AccountEvent::Withdrawn { amount, .. } => account.balance -= *amount,
    }
    account
}

#[derive(Clone)]
pub(crate) struct AccountCommand {
    pub(crate) account_id: StreamId,
    pub(crate) command: BankCommand,
    pub(crate) with_snapshots: bool,
}

impl CommandStreams for AccountCommand {
    fn stream_declarations(&self) -> StreamDeclarations {
        StreamDeclarations::try_from_streams(vec![self.account_id.clone()]).unwrap()
    }
}

impl CommandLogic for AccountCommand {
    type Event = AccountEvent;
    type State = Account;

    fn apply(&self, account: Account, event: &AccountEvent) -> Account {
        fold(account, event)
    }

    fn handle(&self, account: Account) -> Result<NewEvents<AccountEvent>, CommandError> {
        let account_id = self.account_id.clone();
        let event = match self.command {
            BankCommand::Open(amount) if !account.open => {
                AccountEvent::Opened { account_id, amount }
            }
            BankCommand::Deposit(amount) => AccountEvent::Deposited { account_id, amount },
            BankCommand::Withdraw(amount) if account.balance >= amount => {
                AccountEvent::Withdrawn { account_id, amount }
            }
            _ => return Err(CommandError::from("insufficient funds")),
        };
        Ok(vec![event].into())
    }

    fn command_state_snapshot_id(&self) -> Option<CommandStateSnapshotId> {
        let id = || CommandStateSnapshotId::try_new(format!("bank::{}", self.account_id)).unwrap();
        self.with_snapshots.then(id)
    }

    fn serialize_command_state_snapshot(
        &self,
        account: &Account,
    ) -> Result<serde_json::Value, CommandError> {
        Ok(serde_json::to_value(account).unwrap())
    }

    fn deserialize_command_state_snapshot(
        &self,
        value: serde_json::Value,
    ) -> Result<Account, CommandError> {
        Ok(serde_json::from_value(value).unwrap())
    }
}

pub(crate) fn stream_id(id: Uuid) -> StreamId {
    StreamId::try_new(id.to_string()).unwrap()
}
