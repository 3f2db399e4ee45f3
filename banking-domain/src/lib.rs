//! A bank: accounts that are opened, filled, emptied, joined by transfers, and closed.
//!
//! The rules are plain methods of [`Account`]; everything around them is derived.

mod account;
mod domain;

pub use account::*;
pub use domain::TransactionManagerDomain;
