//! The bank workload: its commands, and the trait that each system under test implements.

use std::future::Future;

use rust_decimal::Decimal;
use uuid::Uuid;

/// The opening balance of each account.
pub const OPENING: i64 = 1_000_000;

/// One command of the workload.
#[derive(Clone, Copy, Debug)]
pub enum BankCommand {
    /// Opens the account with an amount. Openings are not measured.
    Open(Decimal),
    /// Adds an amount to the balance.
    Deposit(Decimal),
    /// Subtracts an amount, if the balance covers it.
    Withdraw(Decimal),
}

/// The reason for which a command was not applied.
#[derive(Debug)]
pub enum BankError {
    /// An optimistic conflict, or a busy store. The driver retries, and the latency includes the
    /// retries.
    Conflict,
    /// The business rule rejected the command.
    Rejected,
    /// Any other error. The case is reported as failed.
    Other(String),
}

impl BankError {
    /// Returns an error of kind `Other` with the text of `error`.
    pub fn other(error: impl std::fmt::Display) -> Self {
        Self::Other(error.to_string())
    }
}

/// A system under test.
pub trait Bank: Send + Sync + 'static {
    /// Runs a command and waits until the system acknowledges it.
    ///
    /// # Errors
    /// The reason for which the command was not applied.
    fn run(
        &self,
        id: Uuid,
        command: BankCommand,
    ) -> impl Future<Output = Result<(), BankError>> + Send;

    /// Returns the balance of an account, or `None` if the system has no cheap way to read it.
    /// After a round, the driver uses it to detect lost commands that were acknowledged.
    fn balance(&self, id: Uuid) -> impl Future<Output = Option<Decimal>> + Send {
        let _ = id;
        async { None }
    }

    /// Returns the batches committed so far, or `None` if the system does not count them. The
    /// report has the mean batch of a round beside its rate.
    fn batches(&self) -> Option<Batches> {
        None
    }
}

/// The number of committed batches, and the number of units in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batches {
    /// The number of batches.
    pub batches: u64,
    /// The number of units. Each command is one unit.
    pub units: u64,
}

impl Batches {
    /// Returns the difference from an earlier count.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            batches: self.batches.saturating_sub(earlier.batches),
            units: self.units.saturating_sub(earlier.units),
        }
    }

    /// Returns the mean number of units per batch, or `None` without a batch.
    pub fn mean(self) -> Option<f64> {
        (self.batches > 0).then(|| self.units as f64 / self.batches as f64)
    }
}

/// Returns the identifier of an account. The index of the first account is 0.
pub fn account_id(index: usize) -> Uuid {
    Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000_u128 + index as u128)
}
