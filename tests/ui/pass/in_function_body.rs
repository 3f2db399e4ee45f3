//! P10: an aggregate inside a function, as in a doctest.
#![deny(warnings)]

use std::convert::Infallible;

use fluvius::{Aggregate, Domain};
use serde::{Deserialize, Serialize};

fn main() {
    #[derive(Debug, Clone, Serialize, Deserialize)]
    struct Account {
        balance: u32,
    }

    #[fluvius::aggregate(resource = "bank-account")]
    impl Account {
        /// Open an account.
        #[action(evt_key = "account-opened")]
        fn open(#[arg(default = Self::START)] balance: u32) -> Result<Self, Infallible> {
            Ok(Self { balance })
        }

        #[action(evt_key = "pin-set")]
        fn set_pin(&mut self, #[arg(secret)] pin: String) -> Result<u32, Infallible> {
            drop(pin);
            Ok(self.balance)
        }

        const START: u32 = 5;
    }

    /// A bank.
    #[derive(Domain)]
    #[domain(aggregates(Account))]
    struct BankDomain;

    assert_eq!(Account::ACTIONS.len(), 2);
    assert_eq!(BankDomain::METADATA.description, "A bank.");
    assert_eq!(serde_json::from_str::<Open>("{}").unwrap().balance, 5);
    let opened = AccountEvent::AccountOpened(AccountOpened { balance: 1 });
    assert!(matches!(opened, AccountEvent::AccountOpened(_)));
}
