//! An operator finds a parked delivery, and retries it.

use banking_domain::TransactionManagerDomain;
use fluvius::subscriptions::Start;
use fluvius::{Domain, DomainContext, MemoryStore};
use futures_util::StreamExt;
use guide_chapters::open_account;

#[tokio::test]
async fn an_operator_retries_a_parked_delivery() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("teller 3"));
    open_account(&session, 100).await?;
    let ledger = domain.subscribe("ledger").start_at(Start::Beginning).partitions(1);
    let mut deliveries = ledger.connect().await?;
    let first = deliveries.next().await.expect("the stream does not end");
    first.park("the ledger is closed on Sundays");
    while domain.health().await?.parked == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }

    // ANCHOR: retry
    let operator = DomainContext::create("operator 7");
    let subscriptions = domain.subscriptions();
    for subscription in subscriptions.list().await? {
        for parked in subscription.parked {
            println!("{} of {}: {}", parked.position, parked.aggregate_id, parked.error);
            subscriptions.retry(&operator, &subscription.name, parked.position).await?;
        }
    }
    // ANCHOR_END: retry
    let again = deliveries.next().await.expect("the stream does not end");
    assert_eq!(again.record().record.key(), "account-opened");
    again.ack();
    domain.shutdown().await;
    Ok(())
}
