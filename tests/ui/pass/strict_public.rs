//! P13, P32, P33 for public items: each of them is documented.
#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, warnings, missing_debug_implementations)]

use std::convert::Infallible;

use fluvius::{Aggregate, aggregate};
use serde::{Deserialize, Serialize};

/// An account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account;

#[aggregate]
impl Account {
    // P32: no docs on the action or its parameters.
    #[action(evt_key = "money-deposited")]
    #[allow(missing_docs)]
    pub fn deposit_money(&mut self, amount: u8, r#type: Option<u8>) -> Result<u8, Infallible> {
        let _ = r#type;
        Ok(amount)
    }
}

fn main() {
    let action = Account::ACTIONS[0];
    assert_eq!(action.key, "deposit-money");
    assert_eq!(action.location.line, 19);
    assert!(action.location.file.ends_with("strict_public.rs"));
    // P38, P41.
    assert_eq!(action.fields[1].name, "type");
    assert!(action.fields[1].optional);
    assert_eq!(action.fields[1].type_name, "Option<u8>");
}
