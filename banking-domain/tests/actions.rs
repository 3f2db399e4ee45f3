//! The actions of the bank as plain methods, without a runtime.

#![allow(missing_docs, reason = "a test binary has no readers of its documentation")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use banking_domain::Account;
use fluvius::Rejection;
use rust_decimal::Decimal;
use uuid::Uuid;

/// Largest amount that a `Decimal` holds.
const LARGEST: &str = "79228162514264337593543950335";

#[test]
fn account_opens_with_the_initial_deposit() {
    for deposit in ["0", "0.00", "1000.00", "0.0000000000000000000000000001", LARGEST] {
        let account = account(deposit);
        assert_eq!(account.balance.to_string(), deposit);
        assert_eq!(account.account_number, "123456789");
        assert_eq!(account.owner_name, "John Doe");
    }
}

#[test]
fn negative_initial_deposit_is_rejected() {
    let opened = Account::open_account("1".to_owned(), "John Doe".to_owned(), amount("-0.01"));
    let error = opened.unwrap_err();
    assert_eq!(error.code(), "initial-deposit-negative");
    assert_eq!(error.to_string(), "Initial deposit must not be negative");
}

#[test]
fn deposit_is_added() {
    check("1000.00", Account::deposit_money, "10", Ok("1010.00"));
    check("0", Account::deposit_money, "0.01", Ok("0.01"));
    check("0.1", Account::deposit_money, "0.2", Ok("0.3"));
}

#[test]
fn withdrawal_is_subtracted_up_to_the_balance() {
    check("1000.00", Account::withdraw_money, "20.00", Ok("980.00"));
    check("1000.00", Account::withdraw_money, "1000", Ok("0.00"));
    let rejected = Err(("insufficient-funds", "Insufficient funds"));
    check("1000.00", Account::withdraw_money, "1000.01", rejected);
    check("0", Account::withdraw_money, "0.0000000000000000000000000001", rejected);
    check("0", Account::withdraw_money, LARGEST, rejected);
}

#[test]
fn amount_that_is_not_positive_is_rejected() {
    for amount in ["0", "0.00", "-0.01", "-79228162514264337593543950335"] {
        let deposit = ("deposit-not-positive", "Deposit amount must be positive");
        check("1000.00", Account::deposit_money, amount, Err(deposit));
        let withdrawal = ("withdrawal-not-positive", "Withdrawal amount must be positive");
        check("1000.00", Account::withdraw_money, amount, Err(withdrawal));
    }
}

#[test]
fn inexact_balance_is_rejected() {
    let rejected = Err(("balance-too-large", "Balance would be too large to be exact"));
    // The sum would overflow.
    check(LARGEST, Account::deposit_money, "1", rejected);
    check(LARGEST, Account::deposit_money, LARGEST, rejected);
    // The sum would lose its last digits.
    check(LARGEST, Account::deposit_money, "0.1", rejected);
    check("7922816251426433759354395033.4", Account::deposit_money, "0.05", rejected);
    check(
        "1",
        Account::deposit_money,
        "0.0000000000000000000000000001",
        Ok("1.0000000000000000000000000001"),
    );
    check("10", Account::deposit_money, "0.0000000000000000000000000001", rejected);
    check(
        "500000000000000000000000000",
        Account::withdraw_money,
        "0.01",
        Ok("499999999999999999999999999.99"),
    );
    check("1000000000000000000000000000", Account::withdraw_money, "0.01", rejected);
    check(LARGEST, Account::withdraw_money, "0.1", rejected);
}

#[test]
fn trailing_zeros_may_be_dropped() {
    check(LARGEST, Account::withdraw_money, "1.00", Ok("79228162514264337593543950334"));
    check("79228162514264337593543950334", Account::deposit_money, "1.000000", Ok(LARGEST));
}

#[test]
fn sum_does_not_depend_on_the_order() {
    let amounts = ["0.01", "1000000.99", "0.0000001", "3", "123456.789"];
    let mut forward = account("0");
    let mut backward = account("0");
    for amount in amounts {
        forward.deposit_money(self::amount(amount)).unwrap();
    }
    for amount in amounts.iter().rev() {
        backward.deposit_money(self::amount(amount)).unwrap();
    }
    assert_eq!(forward, backward);
    assert_eq!(forward.balance, amount("1123460.7890001"));
}

#[test]
fn received_transfer_is_added_like_a_deposit() {
    let mut account = account("0.00");
    account.receive_transfer(amount("30.00"), Uuid::from_u128(1)).unwrap();
    assert_eq!(account.balance.to_string(), "30.00");
    let mut account = self::account(LARGEST);
    let error = account.receive_transfer(amount("1"), Uuid::from_u128(1)).unwrap_err();
    assert_eq!(error.code(), "balance-too-large");
    assert_eq!(account.balance.to_string(), LARGEST);
}

#[test]
fn only_an_empty_account_can_be_closed() {
    for empty in ["0", "0.00"] {
        assert!(account(empty).close_account().is_ok(), "{empty}");
    }
    for full in ["0.01", "0.0000000000000000000000000001", "1000.00"] {
        let error = account(full).close_account().unwrap_err();
        assert_eq!(error.code(), "balance-not-zero");
        assert_eq!(error.to_string(), "Account must be empty before it is closed");
    }
}

/// Runs one action on an account with this balance. Expects the new balance, or a code and a
/// message with the account unchanged.
fn check<E: Rejection>(
    balance: &str,
    action: fn(&mut Account, Decimal) -> Result<(), E>,
    amount: &str,
    expected: Result<&str, (&str, &str)>,
) {
    let mut account = account(balance);
    let answer = action(&mut account, self::amount(amount));
    let context = format!("{balance} and {amount}");
    match expected {
        Ok(after) => {
            assert!(answer.is_ok(), "{context}: {answer:?}");
            assert_eq!(account.balance.to_string(), after, "{context}");
        }
        Err((code, message)) => {
            let error = answer.unwrap_err();
            assert_eq!((error.code(), error.to_string().as_str()), (code, message), "{context}");
            assert_eq!(account, self::account(balance), "{context}");
        }
    }
}

fn account(balance: &str) -> Account {
    let (number, owner) = ("123456789".to_owned(), "John Doe".to_owned());
    Account::open_account(number, owner, amount(balance)).unwrap()
}

fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}
