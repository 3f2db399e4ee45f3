//! A command may expect a version of its aggregate.

// ANCHOR: if_match
use banking_domain::{Account, DepositMoney, TransactionManagerDomain};
use fluvius::{Domain, DomainContext, MemoryStore, Versioned};
use guide_chapters::open_account;
use rust_decimal::Decimal;

#[tokio::test]
async fn an_outdated_etag_fails_the_precondition() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("teller 3"));
    let id = open_account(&session, 100).await?;

    let account = session.statemgr().fetch::<Account>(id).await?;
    let seen = Versioned::etag(&account);
    let deposit = DepositMoney { amount: Decimal::from(10) };
    session.send(id, deposit.clone()).if_match(seen).await?;

    let error = session.send(id, deposit).if_match(seen).await.unwrap_err();
    assert_eq!(error.code(), "precondition-failed");
    Ok(())
}
// ANCHOR_END: if_match
