//! Calls with what is not a command, no aggregate and no store: one error for each, at the argument.

use std::convert::Infallible;

use fluvius::{ActionContext, ContextError, Domain, MemoryStore, Session, aggregate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    pub balance: i64,
}

#[aggregate]
impl Account {
    #[action(evt_key = "money-deposited")]
    pub fn deposit(&mut self, amount: i64) -> Result<(), Infallible> {
        self.balance += amount;
        Ok(())
    }

    #[action(evt_key = "money-sent")]
    pub async fn forward(&mut self, cx: &mut ActionContext, to: Uuid) -> Result<(), ContextError> {
        cx.invoke(to, "deposit").await?;
        cx.invoke(to.to_string(), Deposit { amount: 1 }).await?;
        Ok(())
    }
}

pub struct Withdraw {
    pub amount: i64,
}

async fn commands(session: &Session, id: Uuid) {
    let _ = session.send(id, Withdraw { amount: 1 }).await;
    let _ = session.send(id, MoneyDeposited { amount: 1 }).await;
    let _ = session.send(id, AccountCommand::Deposit(Deposit { amount: 1 })).await;
    let _ = session.send(id, Withdraw { amount: 1 }).with_id(id).await;
}

async fn aggregate_ids(session: &Session, id: &Uuid) {
    let _ = session.send("account-1", Deposit { amount: 1 }).await;
    let _ = session.send(id, Deposit { amount: 1 }).await;
    let _ = session.send(7, Deposit { amount: 1 }).await;
}

async fn stores() {
    let _ = BankDomain::runtime("bank.db").await;
    let _ = BankDomain::builder("bank.db");
    let _ = BankDomain::runtime(MemoryStore::new()).await;
}

#[derive(Domain)]
#[domain(aggregates(Account))]
pub struct BankDomain;

fn main() {}
