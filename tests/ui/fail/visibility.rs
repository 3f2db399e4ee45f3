//! Actions that are less visible than their aggregate.

use std::convert::Infallible;

use fluvius::aggregate;
use serde::{Deserialize, Serialize};

// P35: the actions of a public type are public.
#[derive(Clone, Serialize, Deserialize)]
pub struct Journal;

#[aggregate]
impl Journal {
    #[action]
    fn read_lines(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Ledger;

#[aggregate]
impl Ledger {
    #[action(evt_key = "ledger-opened")]
    pub(crate) fn open_ledger() -> Result<Self, Infallible> {
        Ok(Self)
    }

    #[action]
    pub(crate) fn read_pages(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

fn main() {}
