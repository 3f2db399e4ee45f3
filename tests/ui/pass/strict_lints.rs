//! P13, P32, P33, P34: generated code causes no warning under the strictest lints of an author.
#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub, warnings, unused, nonstandard_style, future_incompatible)]
#![deny(missing_debug_implementations, missing_copy_implementations, single_use_lifetimes)]
#![deny(trivial_casts, unused_qualifications, unused_lifetimes, unit_bindings)]
#![deny(clippy::all, clippy::pedantic, rustdoc::all)]

use fluvius::{ActionContext, ContextError, Domain, Rejection, aggregate};
use serde::{Deserialize, Serialize};

/// An account.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Account {
    balance: i64,
}

/// Reasons to reject a command on an account.
#[derive(Debug, thiserror::Error, Rejection)]
enum AccountError {
    /// The balance is too low.
    #[error("insufficient funds")]
    InsufficientFunds,
    /// An error of the context.
    #[error(transparent)]
    #[rejection(transparent)]
    Context(#[from] ContextError),
}

#[aggregate(resource = "bank-account")]
#[allow(clippy::missing_errors_doc)]
impl Account {
    /// Open an account.
    #[action(evt_key = "account-opened")]
    fn open(balance: i64) -> Result<Self, AccountError> {
        Ok(Self { balance })
    }

    /// Withdraw.
    #[action(evt_key = "money-withdrawn", if_match = "required", timeout = "500ms")]
    fn withdraw(&mut self, amount: i64, note: Option<String>) -> Result<i64, AccountError> {
        if amount > self.balance || note.is_none() {
            return Err(AccountError::InsufficientFunds);
        }
        self.balance -= amount;
        Ok(self.balance)
    }

    /// Check the PIN, with the deprecated method.
    // P34: the attributes stay on the method; `deprecated` goes to the command too, and its
    // generated uses do not warn.
    #[deprecated(note = "use another way")]
    #[must_use = "the answer is all there is"]
    #[inline]
    #[action(evt_key = "pin-checked")]
    async fn check_pin(
        &self,
        cx: &mut ActionContext,
        #[arg(secret)] pin: String,
        #[arg(default = 4)] length: usize,
        #[arg(alias = "channel", rename = "via")] source: String,
    ) -> Result<bool, AccountError> {
        let _ = (cx.now(), source);
        Ok(std::future::ready(pin.len() == length).await)
    }

    /// Answer.
    #[action]
    fn read(&self) -> Result<i64, std::convert::Infallible> {
        Ok(self.balance)
    }

    /// Close.
    #[action(evt_key = "account-closed", internal)]
    fn close(self) -> Result<(), AccountError> {
        Ok(())
    }
}

/// The bank.
#[derive(Debug, Clone, Copy, Domain)]
#[domain(aggregates(Account))]
struct BankDomain;

fn main() {
    let _ = BankDomain;
}
