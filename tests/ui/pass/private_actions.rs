//! Actions that are not public, and names that other modules have too.
#![deny(warnings, missing_docs, private_bounds, private_interfaces, unreachable_pub)]

use std::convert::Infallible;

use fluvius::{Aggregate, aggregate};
use serde::{Deserialize, Serialize};

/// Its actions are private to the module.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Account {
    owner: String,
}

#[aggregate]
impl Account {
    #[action(evt_key = "account-opened")]
    fn open(owner: String) -> Result<Self, Infallible> {
        Ok(Self { owner })
    }
}

/// Glob imports of the items that the blocks around this module generate.
pub mod inner {
    use super::*;

    /// Its actions are visible in the crate.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub(crate) struct Loan;

    #[aggregate]
    impl Loan {
        #[action(evt_key = "loan-opened")]
        pub(crate) fn open() -> Result<Self, Infallible> {
            Ok(Self)
        }
    }

    /// Another type of the same name.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    struct Account;

    #[aggregate]
    impl Account {
        // The parameter has the type of the command itself. `self::` selects the generated type.
        #[action(evt_key = "account-moved")]
        fn move_account(
            &mut self,
            before: Option<Box<self::MoveAccount>>,
        ) -> Result<(), Infallible> {
            drop(before);
            Ok(())
        }
    }

    pub(crate) const KEYS: [&str; 2] = [Loan::ACTIONS[0].key, Account::ACTIONS[0].key];
}

fn main() {
    #[derive(Debug, Clone, Serialize, Deserialize)]
    struct Account;

    #[aggregate]
    impl Account {
        #[action(evt_key = "account-opened")]
        fn open() -> Result<Self, Infallible> {
            Ok(Self)
        }
    }

    assert_eq!(inner::KEYS, ["open", "move-account"]);
    assert_eq!(serde_json::to_string(&Open {}).unwrap(), "{}");
    assert_eq!(Account::ACTIONS[0].key, self::Account::ACTIONS[0].key);
    let opened = AccountEvent::AccountOpened(AccountOpened {});
    assert!(matches!(opened, AccountEvent::AccountOpened(_)));
}
