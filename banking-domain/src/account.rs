//! The account: its state, its actions, and its rejections.

use fluvius::{ActionContext, ContextError, Rejection, aggregate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A bank account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Account {
    /// Account number, as shown to customers.
    pub account_number: String,
    /// Name of the account holder.
    pub owner_name: String,
    /// Balance in the account's currency; never negative.
    pub balance: Decimal,
}

/// Reasons to reject a command on a bank account.
#[derive(Debug, thiserror::Error, Rejection)]
pub enum AccountError {
    /// The initial deposit is negative.
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
    /// The balance is not zero.
    #[error("Account must be empty before it is closed")]
    BalanceNotZero,
    /// The recipient was not found, or rejected the transfer.
    #[error(transparent)]
    #[rejection(transparent)]
    Context(#[from] ContextError),
}

#[aggregate(resource = "bank-account")]
impl Account {
    /// Open a new bank account.
    #[action(evt_key = "account-opened", resources = ["bank-account"])]
    pub fn open_account(
        /// Account number, as shown to customers.
        account_number: String,
        /// Name of the account holder.
        owner_name: String,
        /// Initial deposit, in the account's currency; zero or more.
        initial_deposit: Decimal,
    ) -> Result<Self, AccountError> {
        ensure(initial_deposit >= Decimal::ZERO, AccountError::InitialDepositNegative)?;
        Ok(Self { account_number, owner_name, balance: initial_deposit })
    }

    /// Deposit money into the account.
    #[action(evt_key = "money-deposited", resources = ["bank-account"])]
    pub fn deposit_money(
        &mut self,
        /// Amount to deposit, in the account's currency; more than zero.
        amount: Decimal,
    ) -> Result<(), AccountError> {
        ensure(amount > Decimal::ZERO, AccountError::DepositNotPositive)?;
        self.credit(amount)
    }

    /// Withdraw money from the account.
    #[action(evt_key = "money-withdrawn", resources = ["bank-account"])]
    pub fn withdraw_money(
        &mut self,
        /// Amount to withdraw, in the account's currency; more than zero.
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
        /// Amount to transfer, in the account's currency; more than zero.
        amount: Decimal,
        /// Account that receives the amount.
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
        /// Amount received; more than zero.
        amount: Decimal,
        /// Account that sent the amount.
        sender_id: Uuid,
    ) -> Result<(), AccountError> {
        // Only the event needs it: it records the sender of the money.
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
        // A `Decimal` without enough digits rounds: the sum would be inexact.
        let scale = self.balance.normalize().scale().max(amount.normalize().scale());
        ensure(sum.scale() >= scale, AccountError::BalanceTooLarge)?;
        self.balance = sum;
        Ok(())
    }
}

fn ensure(holds: bool, error: AccountError) -> Result<(), AccountError> {
    if holds { Ok(()) } else { Err(error) }
}
