//! Support for the code of the guide's chapters: an account that several of them use.

// ANCHOR: open_account
use banking_domain::OpenAccount;
use fluvius::{Error, Session};
use rust_decimal::Decimal;
use uuid::Uuid;

/// Opens an account with this balance, and returns its identifier.
///
/// # Errors
/// The error of the command.
pub async fn open_account(session: &Session, balance: i64) -> Result<Uuid, Error> {
    let id = Uuid::new_v4();
    let open = OpenAccount {
        account_number: "123456789".to_owned(),
        owner_name: "John Doe".to_owned(),
        initial_deposit: Decimal::from(balance),
    };
    session.send(id, open).await?;
    Ok(id)
}
// ANCHOR_END: open_account
