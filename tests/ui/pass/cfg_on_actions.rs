//! P28, P29: `#[cfg]` applies to everything that is generated for an action.
#![deny(warnings)]

use std::convert::Infallible;

use fluvius::{Aggregate, aggregate};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
pub struct Account;

#[aggregate]
impl Account {
    #[cfg(all())]
    #[action(evt_key = "money-deposited")]
    pub fn deposit_money(&mut self, #[arg(secret)] pin: String) -> Result<(), Infallible> {
        drop(pin);
        Ok(())
    }

    #[cfg(any())]
    #[action(evt_key = "money-deposited")]
    pub fn deposit_money(
        &mut self,
        #[arg(default = Missing::VALUE)] pin: Missing,
    ) -> Result<Missing, Infallible> {
        Ok(pin)
    }

    #[cfg(any())]
    #[cfg(all())]
    #[deprecated]
    #[action]
    pub fn read(&self) -> Result<u8, Infallible> {
        Ok(1)
    }

    // A foreign attribute may be under `cfg_attr`.
    #[cfg_attr(all(), inline)]
    #[action]
    pub fn count(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

// The macro processes a `cfg` below the attribute, and the compiler one above it.
#[derive(Clone)]
pub struct Ledger;

#[cfg(any())]
#[aggregate]
impl Ledger {
    #[action]
    pub fn read_pages(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

#[aggregate]
#[cfg(any())]
impl Ledger {
    #[action]
    pub fn read_lines(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

fn main() {
    let keys: Vec<&str> = Account::ACTIONS.iter().map(|action| action.key).collect();
    assert_eq!(keys, ["deposit-money", "count"]);
    assert_eq!(Account::EVENTS.len(), 1);
    match AccountCommand::Count(Count {}) {
        AccountCommand::DepositMoney(_) => unreachable!(),
        AccountCommand::Count(_) => {}
    }
}
