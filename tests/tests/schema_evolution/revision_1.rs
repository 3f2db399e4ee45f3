//! The aggregate type at revision 1: whole cents, and one name for the owner.

use std::convert::Infallible;

use fluvius_core::{Domain, SimpleRejection, aggregate};
use serde::{Deserialize, Serialize};

/// An account. The remark is long, so that other changes are stored as patches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub owner: String,
    pub cents: i64,
    pub remark: String,
}

/// Data of a withdrawal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    pub cents_left: i64,
}

#[aggregate(resource = "account")]
impl Account {
    #[action(evt_key = "account-opened")]
    pub fn open(owner: String, cents: i64, remark: String) -> Result<Self, Infallible> {
        Ok(Self { owner, cents, remark })
    }

    #[action(evt_key = "deposited")]
    pub fn deposit(&mut self, cents: i64) -> Result<(), Infallible> {
        self.cents += cents;
        Ok(())
    }

    #[action(evt_key = "withdrawn")]
    pub fn withdraw(&mut self, cents: i64) -> Result<Receipt, SimpleRejection> {
        if cents > self.cents {
            return Err(SimpleRejection::new("insufficient-funds", "Insufficient funds"));
        }
        self.cents -= cents;
        Ok(Receipt { cents_left: self.cents })
    }

    #[action(evt_key = "noted")]
    pub fn note(&self, text: String) -> Result<(), Infallible> {
        let _ = text;
        Ok(())
    }

    #[action]
    pub fn look(&self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action]
    pub fn count_letters(&self) -> Result<usize, Infallible> {
        Ok(self.owner.len())
    }

    #[action(evt_key = "account-closed")]
    pub fn close(self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, Domain)]
#[domain(aggregates(Account), namespace = "evolving", revision = 1)]
pub struct EvolvingDomain;
