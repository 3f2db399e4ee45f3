//! A follower receives the events of a log as they are stored.

// ANCHOR: following
use banking_domain::{DepositMoney, TransactionManagerDomain};
use fluvius::{Domain, DomainContext, MemoryStore, ResumeToken};
use futures_util::StreamExt;
use guide_chapters::open_account;
use rust_decimal::Decimal;

#[tokio::test]
async fn a_follower_resumes_behind_its_checkpoint() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("teller 3"));
    let ada = open_account(&session, 100).await?;

    // The token that was stored with the last processed event.
    let mut checkpoint = ResumeToken::START;
    let mut events = domain.log().after(checkpoint).follow_events();
    let opened = events.next().await.expect("the stream does not end")?;
    assert_eq!(opened.record.key(), "account-opened");
    checkpoint = opened.resume_token();
    assert_eq!(checkpoint, events.resume_token());

    // Another run of the program.
    session.send(ada, DepositMoney { amount: Decimal::ONE }).await?;
    let mut events = domain.log().after(checkpoint).follow_events();
    let deposited = events.next().await.expect("the stream does not end")?;
    assert_eq!(deposited.record.key(), "money-deposited");
    Ok(())
}
// ANCHOR_END: following
