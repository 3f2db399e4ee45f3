//! The plain service over a map: the cost of HTTP, with almost no store.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rust_decimal::Decimal;
use uuid::Uuid;

use super::Accounts;
use super::records::{Account, Deposit, Opening};
use crate::system::Fault;

/// The accounts in maps under a mutex.
#[derive(Default)]
pub(crate) struct InMemory(Mutex<Maps>);

#[derive(Default)]
struct Maps {
    accounts: HashMap<Uuid, (Account, i64)>,
    answers: HashMap<Uuid, String>,
    audit: Vec<(String, String)>,
}

impl Accounts for InMemory {
    async fn open(&self, id: Uuid, opening: Opening) -> Result<(), Fault> {
        let Opening { account_number, owner_name, initial_deposit } = opening;
        let account = Account { account_number, owner_name, balance: initial_deposit };
        let mut maps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        maps.accounts.insert(id, (account, 1));
        Ok(())
    }

    async fn deposit(&self, id: Uuid, key: Uuid, amount: Decimal) -> Result<Option<String>, Fault> {
        let mut maps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = maps.answers.get(&key) {
            return Ok(Some(answer.clone()));
        }
        let Some(account) = maps.accounts.get(&id).cloned() else { return Ok(None) };
        let deposit = Deposit::apply(id, account, amount)?;
        maps.audit.push((deposit.command(key)?, deposit.event()?));
        let answer = deposit.answer(i64::try_from(maps.audit.len())?)?;
        maps.answers.insert(key, answer.clone());
        maps.accounts.insert(id, (deposit.data, deposit.version));
        Ok(Some(answer))
    }

    async fn read(&self, id: Uuid) -> Result<Option<(Account, i64)>, Fault> {
        let maps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(maps.accounts.get(&id).cloned())
    }
}
