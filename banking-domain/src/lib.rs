//! A bank: accounts with deposits, withdrawals and transfers.
//!
//! The actions are plain methods of [`Account`]. The macros derive everything else.

mod account;
mod domain;

pub use account::*;
pub use domain::TransactionManagerDomain;
