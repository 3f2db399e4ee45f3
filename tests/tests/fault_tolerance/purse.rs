//! The purses of a couple, whose rule reads one aggregate and writes another: what a write skew breaks.

use banking_domain::Account;
use fluvius_core::{ActionContext, ContextError, Domain, Rejection, aggregate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A purse. It may be overdrawn as long as it and that of the partner are not, together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Purse {
    pub balance: i64,
    pub partner: Uuid,
}

#[derive(Debug, thiserror::Error, Rejection)]
pub enum PurseError {
    #[error("both purses together have not so much")]
    NotCovered,
    #[error(transparent)]
    #[rejection(transparent)]
    Context(#[from] ContextError),
}

#[aggregate(resource = "purse")]
impl Purse {
    /// Begin with what is in it.
    #[action(evt_key = "purse-begun")]
    pub fn begin_purse(balance: i64, partner: Uuid) -> Result<Self, PurseError> {
        Ok(Self { balance, partner })
    }

    /// Put money in.
    #[action(evt_key = "purse-filled")]
    pub fn fill_purse(&mut self, amount: i64) -> Result<(), PurseError> {
        self.balance += amount;
        Ok(())
    }

    /// Take money out, if both purses together have it.
    #[action(evt_key = "purse-drawn")]
    pub async fn draw_purse(
        &mut self,
        cx: &mut ActionContext,
        amount: i64,
    ) -> Result<(), PurseError> {
        let partner = cx.fetch::<Self>(self.partner).await?;
        if self.balance + partner.balance < amount {
            return Err(PurseError::NotCovered);
        }
        self.balance -= amount;
        Ok(())
    }
}

/// The bank of the checkers.
#[derive(Debug, Clone, Copy, Domain)]
#[domain(aggregates(Account, Purse), revision = 1, title = "Bank under check")]
pub struct CheckedBankDomain;
