//! Names that meet outside of one block.

use std::convert::Infallible;

use fluvius::aggregate;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
pub struct Account;

#[aggregate]
impl Account {
    #[action(evt_key = "account-closed")]
    pub fn close(self) -> Result<(), Infallible> {
        Ok(())
    }
}

// P36: two aggregates in one module with one method name.
#[derive(Clone, Serialize, Deserialize)]
pub struct Ledger;

#[aggregate]
impl Ledger {
    #[action(evt_key = "ledger-closed")]
    pub fn close(self) -> Result<(), Infallible> {
        Ok(())
    }
}

mod more {
    // P46: a second block for one type.
    #[fluvius::aggregate]
    impl super::Account {
        #[action]
        pub fn read(&self) -> Result<u8, std::convert::Infallible> {
            Ok(1)
        }
    }
}

fn main() {}
