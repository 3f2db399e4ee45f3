//! Where `#[aggregate]`, `#[action]` and `#[arg]` do not belong.

use fluvius::{action, aggregate};
use serde::{Deserialize, Serialize};

// P20: on the struct, a trait impl, a function.
#[derive(Clone, Serialize, Deserialize)]
#[aggregate(resource = "bank-account")]
pub struct Account;

pub trait Actions {
    fn act(&self);
}

#[aggregate]
impl Actions for Account {
    fn act(&self) {}
}

#[aggregate]
pub fn open() {}

// P21: without a block, by path as well; the method is kept.
impl Account {
    #[action(evt_key = "money-deposited")]
    pub fn deposit_money(&mut self, #[arg(secret)] pin: String) {
        drop(pin);
    }

    #[fluvius::action]
    pub fn read_balance(&self) -> u8 {
        1
    }
}

// P22: a generic impl.
#[derive(Clone, Serialize, Deserialize)]
pub struct Wallet<T>(T);

#[aggregate]
impl<T: Clone> Wallet<T> {
    #[action(evt_key = "wallet-emptied")]
    pub fn empty(&mut self) -> Result<(), std::convert::Infallible> {
        Ok(())
    }
}

// P22: one of several types needs a name.
#[aggregate]
impl Wallet<u8> {
    #[action]
    pub fn count(&self) -> Result<u8, std::convert::Infallible> {
        Ok(self.0)
    }
}

// P23: a type that borrows.
pub struct View<'a>(&'a str);

#[aggregate]
impl<'a> View<'a> {
    #[action]
    pub fn see(&self) -> Result<String, std::convert::Infallible> {
        Ok(self.0.to_owned())
    }
}

// P21, P29, P47: inside of a block.
#[derive(Clone, Serialize, Deserialize)]
pub struct Ledger;

macro_rules! more {
    ($($tokens:tt)*) => {};
}

#[aggregate(resource = "ledger")]
impl Ledger {
    #[acton(evt_key = "entry-added")]
    pub fn add_entry(&mut self) -> Result<(), std::convert::Infallible> {
        Ok(())
    }

    #[cfg_attr(all(), action)]
    pub fn read(&self) -> Result<u8, std::convert::Infallible> {
        Ok(1)
    }

    #[action]
    #[action]
    pub fn read_twice(&self) -> Result<u8, std::convert::Infallible> {
        Ok(1)
    }

    #[action]
    pub const LIMIT: u8 = 1;

    more! { #[action] pub fn hidden(&self) {} }

    pub fn plain(&self, #[arg(secret)] pin: String) {
        drop(pin);
    }
}

// An aggregate without an action.
#[derive(Clone, Serialize, Deserialize)]
pub struct Idle;

#[aggregate]
impl Idle {}

// The methods are still there.
fn main() {
    let mut account = Account;
    account.deposit_money(String::new());
    account.read_balance();
    let _ = Ledger.read_twice();
}
