//! The bank: accounts that are opened, filled and emptied.

use std::future::Future;

use rust_decimal::Decimal;
use uuid::Uuid;

/// What is on each account at the start.
pub const OPENING: i64 = 1_000_000;

/// One command of the workload.
#[derive(Clone, Copy, Debug)]
pub enum BankCommand {
    /// Opens the account with an amount; not part of what is measured.
    Open(Decimal),
    /// Adds an amount.
    Deposit(Decimal),
    /// Takes an amount, if there is enough.
    Withdraw(Decimal),
}

/// Why a command was not applied.
#[derive(Debug)]
pub enum BankError {
    /// An optimistic conflict, or a busy store: the driver tries again, inside the latency.
    Conflict,
    /// The rule said no.
    Rejected,
    /// Anything else: the case is reported as failed.
    Other(String),
}

impl BankError {
    /// A failure, by its text.
    pub fn other(error: impl std::fmt::Display) -> Self {
        Self::Other(error.to_string())
    }
}

/// A system under test.
pub trait Bank: Send + Sync + 'static {
    /// Runs a command and waits until the system acknowledges it.
    ///
    /// # Errors
    /// Why it was not applied.
    fn run(
        &self,
        id: Uuid,
        command: BankCommand,
    ) -> impl Future<Output = Result<(), BankError>> + Send;

    /// The balance read back after a round, to see that no acknowledged command was lost; `None`
    /// where the system has no cheap way to tell.
    fn balance(&self, id: Uuid) -> impl Future<Output = Option<Decimal>> + Send {
        let _ = id;
        async { None }
    }

    /// What it has committed so far, where it counts that: the mean of a round is told beside its
    /// rate.
    fn batches(&self) -> Option<Batches> {
        None
    }
}

/// How many batches were committed, and how many units they had together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Batches {
    /// The batches.
    pub batches: u64,
    /// Their units; a command is one.
    pub units: u64,
}

impl Batches {
    /// What came since an earlier count.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            batches: self.batches.saturating_sub(earlier.batches),
            units: self.units.saturating_sub(earlier.units),
        }
    }

    /// Units a batch; `None` without a batch.
    pub fn mean(self) -> Option<f64> {
        (self.batches > 0).then(|| self.units as f64 / self.batches as f64)
    }
}

/// The identifier of an account, from 0.
pub fn account_id(index: usize) -> Uuid {
    Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000_u128 + index as u128)
}
