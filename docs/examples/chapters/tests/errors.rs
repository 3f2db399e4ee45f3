//! The code of the chapter "Errors" (`docs/src/errors.md`).

// ANCHOR: rejection
use banking_domain::{AccountError, TransactionManagerDomain, WithdrawMoney};
use fluvius::{Domain, DomainContext, ErrorKind, MemoryStore};
use guide_chapters::open_account;
use rust_decimal::Decimal;

#[tokio::test]
async fn a_rejection_has_a_code_and_the_error() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("teller 3"));
    let id = open_account(&session, 100).await?;

    let withdraw = WithdrawMoney { amount: Decimal::from(900) };
    let error = session.send(id, withdraw).await.unwrap_err();

    assert_eq!(error.code(), "insufficient-funds");
    assert_eq!(error.framework_code(), "rejected");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(error.to_string(), "Insufficient funds");
    assert!(matches!(error.rejection(), Some(AccountError::InsufficientFunds)));
    Ok(())
}
// ANCHOR_END: rejection

// ANCHOR: not_found
use fluvius::Error;
use uuid::Uuid;

#[tokio::test]
async fn the_error_names_the_absent_aggregate() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("teller 3"));

    let withdraw = WithdrawMoney { amount: Decimal::from(1) };
    match session.send(Uuid::new_v4(), withdraw).await {
        Err(Error::NotFound { aggregate_id, .. }) => {
            assert_eq!(aggregate_id.resource, "bank-account")
        }
        other => panic!("{other:?}"),
    }
    Ok(())
}
// ANCHOR_END: not_found
