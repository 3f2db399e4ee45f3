//! A domain of accounts, its senders, and the rows that they leave.

use std::convert::Infallible;

use fluvius_casbin::{CasbinPolicy, CasbinPolicyBuilder};
use fluvius_core::uuid::Uuid;
use fluvius_core::{
    Authorization, Domain, DomainContext, DomainRuntime, MemoryStore, Policy, ReadKind,
    ReadRequest, aggregate,
};
use serde::{Deserialize, Serialize};

/// An account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    balance: u64,
}

#[aggregate(resource = "account")]
impl Account {
    /// Open an account.
    #[action(evt_key = "account-opened")]
    pub fn open_account() -> Result<Self, Infallible> {
        Ok(Self { balance: 0 })
    }

    /// Deposit money.
    #[action(evt_key = "money-deposited")]
    pub fn deposit_money(&mut self, amount: u64) -> Result<(), Infallible> {
        self.balance = self.balance.saturating_add(amount);
        Ok(())
    }
}

/// Domain of a bank.
#[derive(Domain)]
#[domain(aggregates(Account))]
pub struct BankDomain;

pub const fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub fn rules(text: &str) -> CasbinPolicyBuilder {
    CasbinPolicy::from_text::<BankDomain>(text)
}

pub async fn policy(text: &str) -> CasbinPolicy {
    rules(text).build().await.unwrap()
}

pub async fn bank(policy: CasbinPolicy) -> DomainRuntime {
    BankDomain::builder(MemoryStore::new()).policy(policy).build().await.unwrap()
}

/// Returns the context of a sender with a role in the realm `north`.
pub fn north(role: &str) -> DomainContext {
    DomainContext::create("test").with_realm("north").with_role(role)
}

/// Returns code and message of each activity.
pub async fn activities(domain: &DomainRuntime) -> Vec<(String, String)> {
    let rows = domain.log().activities().await.unwrap().rows;
    let row = |row: fluvius_core::LogEntry<fluvius_core::ActivityRecord>| {
        (row.record.code.unwrap().into_owned(), row.record.message.into_owned())
    };
    rows.into_iter().map(row).collect()
}

/// Returns the verdict on a read of the state of an account, and its reason.
pub async fn reads(policy: &CasbinPolicy, context: &DomainContext, number: u128) -> (bool, String) {
    let request = ReadRequest::new(ReadKind::State).resource("account").id(id(number));
    verdict(policy.may_read(&request, context).await)
}

pub fn verdict(authorization: Authorization) -> (bool, String) {
    match authorization {
        Authorization::AllowBecause(reason) => (true, reason),
        Authorization::Deny(reason) => (false, reason),
        other => panic!("{other:?} has no reason"),
    }
}
