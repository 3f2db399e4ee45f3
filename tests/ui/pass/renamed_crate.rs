//! P49: fluvius-core under another path.
#![deny(warnings)]

mod facade {
    pub use fluvius as framework;
}

use std::convert::Infallible;

use facade::framework::{Aggregate, Domain, Rejection};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
pub struct Account;

#[derive(Debug, thiserror::Error, Rejection)]
#[rejection(crate = "crate::facade::framework")]
#[error("refused")]
pub struct Refusal;

#[facade::framework::aggregate(crate = "crate::facade::framework")]
impl Account {
    #[action(evt_key = "pin-set")]
    pub fn set_pin(&mut self, #[arg(secret)] pin: String) -> Result<u8, Refusal> {
        drop(pin);
        Ok(1)
    }

    #[facade::framework::action]
    pub fn read(&self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[derive(Domain)]
#[domain(aggregates(Account), crate = "crate::facade::framework")]
pub struct BankDomain;

fn main() {
    assert_eq!(Account::ACTIONS.len(), 2);
    assert_eq!(BankDomain::METADATA.namespace, "bank");
    assert_eq!(Rejection::code(&Refusal), "refusal");
}
