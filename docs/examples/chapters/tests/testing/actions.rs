//! An action alone, as a plain method.

// ANCHOR: action
use banking_domain::{Account, AccountError};
use rust_decimal::Decimal;

#[test]
fn a_withdrawal_above_the_balance_is_rejected() {
    let mut account = Account::open_account("1".into(), "Ada".into(), Decimal::from(10)).unwrap();
    account.withdraw_money(Decimal::from(4)).unwrap();
    assert_eq!(account.balance, Decimal::from(6));

    let rejected = account.withdraw_money(Decimal::from(7));
    assert!(matches!(rejected, Err(AccountError::InsufficientFunds)));
}
// ANCHOR_END: action
