//! The bank as a mutex over a map. It also encodes each event as JSON.

use std::collections::HashMap;
use std::sync::Mutex;

use bench_common::{Bank, BankCommand, BankError, Plan, Uuid, matrix, wants_store};
use rust_decimal::Decimal;

use crate::records::event_record;

pub(crate) async fn run(plan: &Plan) {
    if !wants_store("memory") {
        return;
    }
    matrix("raw-mutex-hashmap", "memory", "-", plan, |_, _| async { MapBank::default() }).await;
}

#[derive(Default)]
struct MapBank(Mutex<HashMap<Uuid, Account>>);

#[derive(Default)]
struct Account {
    balance: Decimal,
    version: u64,
    events: Vec<String>,
}

impl Bank for MapBank {
    async fn run(&self, id: Uuid, command: BankCommand) -> Result<(), BankError> {
        let mut accounts = self.0.lock().unwrap();
        let account = accounts.entry(id).or_default();
        let mut event = event_record();
        match command {
            BankCommand::Open(amount) | BankCommand::Deposit(amount) => {
                account.balance += amount;
                event.amount = amount;
            }
            BankCommand::Withdraw(amount) if account.balance >= amount => {
                account.balance -= amount;
                event.amount = amount;
            }
            BankCommand::Withdraw(_) => return Err(BankError::Rejected),
        }
        account.version += 1;
        event.version = account.version;
        event.balance = account.balance;
        account.events.push(serde_json::to_string(&event).unwrap());
        Ok(())
    }

    async fn balance(&self, id: Uuid) -> Option<Decimal> {
        self.0.lock().unwrap().get(&id).map(|account| account.balance)
    }
}
