//! What a domain lists and what a rejection holds.

use fluvius::{Domain, Rejection};

pub struct NoAggregate;

#[derive(Domain)]
#[domain(aggregates(NoAggregate))]
pub struct BankDomain;

/// It is no error yet.
#[derive(Debug, Rejection)]
pub enum AccountError {
    InsufficientFunds,
}

#[derive(Debug, thiserror::Error)]
#[error("plain")]
pub struct Plain;

#[derive(Debug, thiserror::Error, Rejection)]
pub enum OuterError {
    #[error(transparent)]
    #[rejection(transparent)]
    Inner(#[from] Plain),
}

fn main() {}
