//! First mistakes of a newcomer: one error for each, at its token, with the fix.

use std::convert::Infallible;

use fluvius::{ActionContext, DomainContext, Session, aggregate};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    pub balance: i64,
}

#[aggregate]
impl Account {
    #[action(evt_key = "account-opened")]
    pub fn open_account() -> Result<Self, Infallible> {
        Ok(Self { balance: 0 })
    }

    #[action(evt_key = "account-closed")]
    pub fn close(self) -> Result<(), Infallible> {
        Ok(())
    }
}

// A second block of the type.
#[aggregate]
impl Account {
    #[action(evt_key = "money-deposited")]
    pub fn deposit(&mut self, amount: i64) -> Result<(), Infallible> {
        self.balance += amount;
        Ok(())
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Loan;

// A second command `Close` of the module.
#[aggregate]
impl Loan {
    #[action(evt_key = "loan-closed")]
    pub fn close(self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action]
    pub fn find_account(&self) -> Option<u8> {
        None
    }

    #[action(evt_key = "loan-counted")]
    pub fn count_loan(&mut self) -> u64 {
        1
    }

    #[action(evt_key = "loan-named")]
    pub fn name_loan(&mut self) -> Result<&'static str, Infallible> {
        Ok("a loan")
    }

    #[action(evt_key = "loan-signed")]
    pub fn sign_loan(&mut self, cx: &DomainContext) -> Result<(), Infallible> {
        let _ = cx;
        Ok(())
    }

    #[action(evt_key = "loan-sent")]
    pub async fn send_loan(&mut self, session: &Session) -> Result<(), Infallible> {
        let _ = session;
        Ok(())
    }

    #[action(evt_key = "loan-shared")]
    pub fn share_loan(&mut self, cx: &mut own::ActionContext, with: &ActionContext) -> Result<(), Infallible> {
        let _ = (cx, with);
        Ok(())
    }

    #[action(evt_key = "loan-lent")]
    pub fn lend_loan(&mut self, cx: &mut own::ActionContext) -> Result<(), Infallible> {
        let _ = cx;
        Ok(())
    }

    #[action(evt_key = "loan-moved")]
    pub fn move_loan(&mut self, #[arg(rename = "to")] from: u8, to: u8) -> Result<(), Infallible> {
        let _ = (from, to);
        Ok(())
    }

    #[action(evt_key = "loan-put")]
    pub fn put_loan(&mut self, #[arg(alias = "to", alias = "to")] from: u8) -> Result<(), Infallible> {
        let _ = from;
        Ok(())
    }
}

mod own {
    pub struct ActionContext;
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Letter<'a> {
    pub text: &'a str,
}

#[aggregate]
impl Letter<'_> {
    #[action]
    pub fn read_letter(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Parcel;

// Nothing reads what revision 1 has written.
#[aggregate(revision = 2)]
impl Parcel {
    #[action]
    pub fn read_parcel(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

fn main() {}
