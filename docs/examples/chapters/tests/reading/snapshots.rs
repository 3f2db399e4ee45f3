//! A snapshot reads several aggregates at one moment.

// ANCHOR: snapshots
use banking_domain::{Account, TransactionManagerDomain, TransferMoney};
use fluvius::{Aggregate, Domain, DomainContext, MemoryStore};
use guide_chapters::open_account;
use rust_decimal::Decimal;

#[tokio::test]
async fn a_transfer_leaves_the_sum_of_a_snapshot() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("teller 3"));
    let ada = open_account(&session, 100).await?;
    let grace = open_account(&session, 100).await?;

    let transfer = TransferMoney { amount: Decimal::from(30), recipient_id: grace };
    session.send(ada, transfer).await?;

    let aggregate_ids = [ada, grace].map(Account::aggregate_id);
    let mut sum = Decimal::ZERO;
    for row in session.statemgr().snapshot(&aggregate_ids).await?.into_iter().flatten() {
        sum += Account::decode(row)?.balance;
    }
    assert_eq!(sum, Decimal::from(200));

    // Version 1 of the account, before the transfer.
    let before = session.statemgr().fetch_at::<Account>(ada, 1).await?;
    assert_eq!(before.balance, Decimal::from(100));
    let history = session.statemgr().history(&aggregate_ids[1], ..).await?;
    assert_eq!(history[1].record.key(), "transfer-received");
    Ok(())
}
// ANCHOR_END: snapshots
