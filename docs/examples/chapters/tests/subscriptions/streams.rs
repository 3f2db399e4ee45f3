//! A subscription as a stream, whose consumer acknowledges several deliveries at once.

// ANCHOR: connect
use banking_domain::TransactionManagerDomain;
use fluvius::subscriptions::Start;
use fluvius::{Domain, DomainContext, MemoryStore};
use futures_util::StreamExt;
use guide_chapters::open_account;

#[tokio::test]
async fn a_consumer_acknowledges_in_batches() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("teller 3"));
    for _ in 0..3 {
        open_account(&session, 100).await?;
    }
    let mut deliveries = domain
        .subscribe("warehouse")
        .event_keys(["account-opened"])
        .start_at(Start::Beginning)
        .partitions(1)
        .max_in_flight(3)
        .connect()
        .await?;
    let mut batch = Vec::new();
    while batch.len() < 3 {
        batch.extend(deliveries.next().await);
    }
    // .. load the batch into the warehouse, in one transaction of its own ..
    if let Some(last) = batch.pop() {
        last.ack_through();
    }
    deliveries.stop().await;
    // ANCHOR_END: connect
    let status = domain.subscriptions().list().await?;
    assert_eq!(status[0].partitions[0].waiting, 0);
    domain.shutdown().await;
    Ok(())
}
