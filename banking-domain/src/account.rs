//! The account: its state, its rules, and why it refuses.

use fluvius_core::{ActionContext, ContextError, Rejection, aggregate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A bank account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The number by which customers know it.
    pub account_number: String,
    /// Whose it is.
    pub owner_name: String,
    /// What is on it, in the account's one currency; never negative.
    pub balance: Decimal,
}

/// Why a bank account refuses a command.
#[derive(Debug, thiserror::Error, Rejection)]
pub enum AccountError {
    /// The account would begin in debt.
    #[error("Initial deposit must not be negative")]
    InitialDepositNegative,
    /// The amount is zero or less.
    #[error("Deposit amount must be positive")]
    DepositNotPositive,
    /// The amount is zero or less.
    #[error("Withdrawal amount must be positive")]
    WithdrawalNotPositive,
    /// The amount is zero or less.
    #[error("Transfer amount must be positive")]
    TransferNotPositive,
    /// The balance is less than the amount.
    #[error("Insufficient funds")]
    InsufficientFunds,
    /// Sender and recipient are one account.
    #[error("Cannot transfer to the same account")]
    TransferToSelf,
    /// The balance cannot be written without loss.
    #[error("Balance would be too large to be exact")]
    BalanceTooLarge,
    /// There is money on the account.
    #[error("Account must be empty before it is closed")]
    BalanceNotZero,
    /// The recipient cannot be reached, or refuses.
    #[error(transparent)]
    #[rejection(transparent)]
    Context(#[from] ContextError),
}

#[aggregate(resource = "bank-account")]
impl Account {
    /// Open a new bank account.
    #[action(evt_key = "account-opened", resources = ["bank-account"])]
    pub fn open_account(
        /// The number by which customers know the account.
        account_number: String,
        /// Whose account it is.
        owner_name: String,
        /// What is paid in at once; zero or more.
        initial_deposit: Decimal,
    ) -> Result<Self, AccountError> {
        ensure(initial_deposit >= Decimal::ZERO, AccountError::InitialDepositNegative)?;
        Ok(Self { account_number, owner_name, balance: initial_deposit })
    }

    /// Deposit money into the account.
    #[action(evt_key = "money-deposited", resources = ["bank-account"])]
    pub fn deposit_money(
        &mut self,
        /// What is paid in, in the account's currency; more than zero.
        amount: Decimal,
    ) -> Result<(), AccountError> {
        ensure(amount > Decimal::ZERO, AccountError::DepositNotPositive)?;
        self.credit(amount)
    }

    /// Withdraw money from the account.
    #[action(evt_key = "money-withdrawn", resources = ["bank-account"])]
    pub fn withdraw_money(
        &mut self,
        /// What is paid out, in the account's currency; more than zero.
        amount: Decimal,
    ) -> Result<(), AccountError> {
        ensure(amount > Decimal::ZERO, AccountError::WithdrawalNotPositive)?;
        self.debit(amount)
    }

    /// Transfer money to another account, which receives it in the same unit of work.
    #[action(evt_key = "money-transferred", resources = ["bank-account"])]
    pub async fn transfer_money(
        &mut self,
        cx: &mut ActionContext,
        /// What is sent, in the account's currency; more than zero.
        amount: Decimal,
        /// The account that receives it.
        #[arg(alias = "recipient")]
        recipient_id: Uuid,
    ) -> Result<(), AccountError> {
        ensure(amount > Decimal::ZERO, AccountError::TransferNotPositive)?;
        let sender_id = cx.aggregate_id().id;
        ensure(recipient_id != sender_id, AccountError::TransferToSelf)?;
        self.debit(amount)?;
        cx.invoke(recipient_id, ReceiveTransfer { amount, sender_id }).await?;
        Ok(())
    }

    /// Receive the money of another account's transfer.
    #[action(evt_key = "transfer-received", resources = ["bank-account"], internal)]
    pub fn receive_transfer(
        &mut self,
        /// What is received; more than zero.
        amount: Decimal,
        /// The account that sent it.
        sender_id: Uuid,
    ) -> Result<(), AccountError> {
        // Kept for the event, which says where the money came from.
        let _ = sender_id;
        self.credit(amount)
    }

    /// Close an empty account.
    #[action(evt_key = "account-closed", resources = ["bank-account"])]
    pub fn close_account(self) -> Result<(), AccountError> {
        ensure(self.balance.is_zero(), AccountError::BalanceNotZero)
    }

    fn debit(&mut self, amount: Decimal) -> Result<(), AccountError> {
        ensure(self.balance >= amount, AccountError::InsufficientFunds)?;
        self.credit(-amount)
    }

    fn credit(&mut self, amount: Decimal) -> Result<(), AccountError> {
        let sum = self.balance.checked_add(amount).ok_or(AccountError::BalanceTooLarge)?;
        // A `Decimal` that runs out of digits rounds: the sum would be near, and not exact.
        let scale = self.balance.normalize().scale().max(amount.normalize().scale());
        ensure(sum.scale() >= scale, AccountError::BalanceTooLarge)?;
        self.balance = sum;
        Ok(())
    }
}

fn ensure(holds: bool, error: AccountError) -> Result<(), AccountError> {
    if holds { Ok(()) } else { Err(error) }
}
