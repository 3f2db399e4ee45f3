//! The account as an aggregate of cqrs-es.

use bench_common::BankCommand;
use cqrs_es::event_sink::EventSink;
use cqrs_es::{Aggregate, DomainEvent};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

#[derive(Default, Serialize, Deserialize, Clone, Debug)]
pub(crate) struct Account {
    pub(crate) open: bool,
    pub(crate) balance: Decimal,
}

#[derive(Debug)]
pub(crate) struct AccountCommand(pub(crate) BankCommand);

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) enum AccountEvent {
    Opened { amount: Decimal },
    Deposited { amount: Decimal },
    Withdrawn { amount: Decimal },
}

impl DomainEvent for AccountEvent {
    fn event_type(&self) -> String {
        match self {
            AccountEvent::Opened { .. } => "Opened".into(),
            AccountEvent::Deposited { .. } => "Deposited".into(),
            AccountEvent::Withdrawn { .. } => "Withdrawn".into(),
        }
    }

    fn event_version(&self) -> String {
        "1.0".into()
    }
}

#[derive(Debug)]
pub(crate) struct Insufficient;

impl std::fmt::Display for Insufficient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("insufficient funds")
    }
}

impl std::error::Error for Insufficient {}

impl Aggregate for Account {
    const TYPE: &'static str = "account";
    type Command = AccountCommand;
    type Event = AccountEvent;
    type Error = Insufficient;
    type Services = ();

    async fn handle(
        &mut self,
        command: AccountCommand,
        _: &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Insufficient> {
        let event = match command.0 {
            BankCommand::Open(amount) if !self.open => AccountEvent::Opened { amount },
            BankCommand::Deposit(amount) => AccountEvent::Deposited { amount },
            BankCommand::Withdraw(amount) if self.balance >= amount => {
                AccountEvent::Withdrawn { amount }
            }
            _ => return Err(Insufficient),
        };
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, event: AccountEvent) {
        match event {
            AccountEvent::Opened { amount } => {
                self.open = true;
                self.balance = amount;
            }
            AccountEvent::Deposited { amount } => self.balance += amount,
            AccountEvent::Withdrawn { amount } => self.balance -= amount,
        }
    }
}
