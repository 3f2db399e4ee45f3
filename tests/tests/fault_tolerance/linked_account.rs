//! Linked accounts: an action reads one aggregate and writes another, so a write skew breaks the
//! constraint.

use banking_domain::Account;
use fluvius_core::{ActionContext, ContextError, Domain, Rejection, aggregate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An account that may be overdrawn while the sum with its partner is not negative.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkedAccount {
    pub balance: i64,
    pub partner: Uuid,
}

#[derive(Debug, thiserror::Error, Rejection)]
pub enum LinkedAccountError {
    #[error("both linked accounts together have too little money")]
    JointlyOverdrawn,
    #[error(transparent)]
    #[rejection(transparent)]
    Context(#[from] ContextError),
}

#[aggregate(resource = "linked-account")]
impl LinkedAccount {
    /// Open an account.
    #[action(evt_key = "linked-account-opened")]
    pub fn open_linked_account(balance: i64, partner: Uuid) -> Result<Self, LinkedAccountError> {
        Ok(Self { balance, partner })
    }

    /// Credit money.
    #[action(evt_key = "linked-account-credited")]
    pub fn credit_linked_account(&mut self, amount: i64) -> Result<(), LinkedAccountError> {
        self.balance += amount;
        Ok(())
    }

    /// Debit money, up to the sum of both accounts.
    #[action(evt_key = "linked-account-debited")]
    pub async fn debit_linked_account(
        &mut self,
        cx: &mut ActionContext,
        amount: i64,
    ) -> Result<(), LinkedAccountError> {
        let partner = cx.fetch::<Self>(self.partner).await?;
        if self.balance + partner.balance < amount {
            return Err(LinkedAccountError::JointlyOverdrawn);
        }
        self.balance -= amount;
        Ok(())
    }
}

/// Domain of the bank with linked accounts.
#[derive(Debug, Clone, Copy, Domain)]
#[domain(aggregates(Account, LinkedAccount), revision = 1, title = "Bank under check")]
pub struct LinkedBankDomain;
