//! Copies of the bank with realistic faults.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use fluvius_core::{ActionContext, ContextError, Rejection, aggregate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Reasons to reject a command on an account.
#[derive(Debug, thiserror::Error, Rejection)]
pub enum BankError {
    #[error("not an amount")]
    NotPositive,
    #[error("insufficient funds")]
    InsufficientFunds,
    #[error("there is money on it")]
    NotEmpty,
    #[error(transparent)]
    #[rejection(transparent)]
    Context(#[from] ContextError),
}

fn positive(amount: Decimal) -> Result<(), BankError> {
    if amount > Decimal::ZERO { Ok(()) } else { Err(BankError::NotPositive) }
}

/// Accounts with a nightly job for interest: it reads the balance, and sends the new balance.
pub mod with_interest {
    use super::*;

    /// An account.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct Account {
        pub balance: Decimal,
    }

    #[aggregate(resource = "interest-account")]
    impl Account {
        #[action(evt_key = "account-opened")]
        pub fn open_account(deposit: Decimal) -> Result<Self, BankError> {
            Ok(Self { balance: deposit })
        }

        #[action(evt_key = "money-deposited")]
        pub fn deposit_money(&mut self, amount: Decimal) -> Result<(), BankError> {
            positive(amount)?;
            self.balance += amount;
            Ok(())
        }

        #[action(evt_key = "money-withdrawn")]
        pub fn withdraw_money(&mut self, amount: Decimal) -> Result<(), BankError> {
            positive(amount)?;
            if self.balance < amount {
                return Err(BankError::InsufficientFunds);
            }
            self.balance -= amount;
            Ok(())
        }

        /// Add interest. The fault: the job has computed the new balance from an old read.
        #[action(evt_key = "interest-added")]
        pub fn add_interest(
            &mut self,
            interest: Decimal,
            new_balance: Decimal,
        ) -> Result<(), BankError> {
            positive(interest)?;
            self.balance = new_balance;
            Ok(())
        }

        /// Send money. The new balance of the recipient is computed here, from a read that the
        /// context checks; this is no fault.
        #[action(evt_key = "money-sent")]
        pub async fn send_money(
            &mut self,
            cx: &mut ActionContext,
            amount: Decimal,
            to: Uuid,
        ) -> Result<(), BankError> {
            self.withdraw_money(amount)?;
            let recipient = cx.fetch::<Account>(to).await?;
            let new_balance = recipient.balance + amount;
            cx.invoke(to, TakeMoney { new_balance }).await?;
            Ok(())
        }

        #[action(evt_key = "money-taken", internal)]
        pub fn take_money(&mut self, new_balance: Decimal) -> Result<(), BankError> {
            self.balance = new_balance;
            Ok(())
        }
    }
}

/// Accounts whose actions cache balances, to save a read of the recipient.
pub mod with_cache {
    use super::*;

    static SEEN: LazyLock<Mutex<HashMap<Uuid, Decimal>>> = LazyLock::new(Mutex::default);

    fn remember(cx: &ActionContext, balance: Decimal) {
        SEEN.lock().unwrap().insert(cx.aggregate_id().id, balance);
    }

    /// An account.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct Account {
        pub balance: Decimal,
    }

    #[aggregate(resource = "cached-account")]
    impl Account {
        #[action(evt_key = "account-opened")]
        pub fn open_account(cx: &ActionContext, deposit: Decimal) -> Result<Self, BankError> {
            remember(cx, deposit);
            Ok(Self { balance: deposit })
        }

        #[action(evt_key = "money-deposited")]
        pub fn deposit_money(
            &mut self,
            cx: &ActionContext,
            amount: Decimal,
        ) -> Result<(), BankError> {
            positive(amount)?;
            self.balance += amount;
            remember(cx, self.balance);
            Ok(())
        }

        /// Send money. The fault: the recipient's balance does not come from the context.
        #[action(evt_key = "money-sent")]
        pub async fn send_money(
            &mut self,
            cx: &mut ActionContext,
            amount: Decimal,
            to: Uuid,
        ) -> Result<(), BankError> {
            positive(amount)?;
            if self.balance < amount {
                return Err(BankError::InsufficientFunds);
            }
            let seen = SEEN.lock().unwrap().get(&to).copied().unwrap_or_default();
            cx.invoke(to, TakeMoney { new_balance: seen + amount }).await?;
            self.balance -= amount;
            remember(cx, self.balance);
            Ok(())
        }

        #[action(evt_key = "money-taken", internal)]
        pub fn take_money(
            &mut self,
            cx: &ActionContext,
            new_balance: Decimal,
        ) -> Result<(), BankError> {
            self.balance = new_balance;
            remember(cx, self.balance);
            Ok(())
        }
    }
}

/// Accounts with an action that ignores the balance, and one that panics on an empty account.
pub mod with_overdraft {
    use super::*;

    /// An account.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct Account {
        pub balance: Decimal,
    }

    #[aggregate(resource = "overdrawn-account")]
    impl Account {
        #[action(evt_key = "account-opened")]
        pub fn open_account(deposit: Decimal) -> Result<Self, BankError> {
            Ok(Self { balance: deposit })
        }

        #[action(evt_key = "money-deposited")]
        pub fn deposit_money(&mut self, amount: Decimal) -> Result<(), BankError> {
            positive(amount)?;
            self.balance += amount;
            Ok(())
        }

        #[action(evt_key = "money-withdrawn")]
        pub fn withdraw_money(&mut self, amount: Decimal) -> Result<(), BankError> {
            positive(amount)?;
            self.balance -= amount;
            Ok(())
        }

        #[action(evt_key = "balance-halved")]
        pub fn halve_balance(&mut self) -> Result<(), BankError> {
            assert!(self.balance >= Decimal::ZERO, "the balance is not negative");
            self.balance /= Decimal::TWO;
            Ok(())
        }

        #[action(evt_key = "account-closed")]
        pub fn close_account(self) -> Result<(), BankError> {
            if self.balance.is_zero() { Ok(()) } else { Err(BankError::NotEmpty) }
        }
    }
}

/// Accounts with an action that never ends.
pub mod with_endless_rule {
    use super::*;

    /// An account.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    pub struct Account {}

    #[aggregate(resource = "endless-account")]
    impl Account {
        #[action(evt_key = "account-opened")]
        pub fn open_account() -> Result<Self, BankError> {
            Ok(Self {})
        }

        #[action(evt_key = "money-waited-for")]
        pub async fn wait_for_money(&mut self) -> Result<(), BankError> {
            std::future::pending().await
        }
    }
}
