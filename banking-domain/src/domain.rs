//! The domain: the list of its aggregate types.

use fluvius::Domain;

use crate::Account;

/// Domain for managing bank account transactions.
#[derive(Debug, Clone, Copy, Domain)]
#[domain(
    aggregates(Account),
    revision = 1,
    tags("banking", "transactions", "finance"),
    title = "Banking Transaction Domain"
)]
pub struct TransactionManagerDomain;
