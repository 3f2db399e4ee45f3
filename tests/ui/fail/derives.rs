//! `#[derive(Domain)]` and `#[derive(Rejection)]` misused.

use fluvius::{Domain, Rejection};

#[derive(Domain)]
pub struct EmptyDomain;

#[derive(Domain)]
#[domain(agregates(Account), namespace = "My Bank", revision = -1, tags(banking))]
pub struct BankDomain;

#[derive(Domain)]
#[domain(aggregates(Account, Account), crate = "fluvius")]
pub struct GenericDomain<T>(T);

#[derive(Domain)]
#[domain(aggregates())]
pub struct NoAggregates;

#[derive(Rejection)]
#[rejection(code = "account")]
pub enum AccountError {
    #[rejection(code = "NotKebab")]
    NotKebab,
    #[rejection(transparent)]
    Nothing,
    #[rejection(transparent, code = "two")]
    Two(u8, u8),
    #[rejection(cod = "three")]
    Three,
    HTTPError,
    HttpError,
}

/// The statuses of a rejection.
#[derive(Debug, thiserror::Error, Rejection)]
#[error("no")]
pub enum StatusError {
    #[rejection(status = 404)]
    NotThere,
    #[rejection(status = "402")]
    NotPaid,
    #[rejection(code = "gone", status = 410)]
    Gone,
    #[rejection(code = "gone", status = 409)]
    Removed,
    #[rejection(transparent, status = 422)]
    Inner(std::convert::Infallible),
}

#[derive(Rejection)]
pub union Bits {
    small: u8,
    large: u16,
}

fn main() {}
