//! A test sets the clock and the identifiers of a domain.

// ANCHOR: test_clock
use banking_domain::{CloseAccount, TransactionManagerDomain};
use fluvius::testing::{FixedClock, SequentialIds};
use fluvius::{Domain, DomainContext, MemoryStore};
use guide_chapters::open_account;

#[tokio::test]
async fn events_have_the_time_of_the_clock() -> Result<(), Box<dyn std::error::Error>> {
    let clock = FixedClock::at("2026-01-01T00:00:00Z".parse()?);
    let domain = TransactionManagerDomain::builder(MemoryStore::new())
        .clock(clock.clone())
        .id_generator(SequentialIds::from(1))
        .build()
        .await?;
    let session = domain.session(DomainContext::create("test"));

    let id = open_account(&session, 0).await?;
    clock.set("2026-01-02T09:30:00Z".parse()?);
    session.send(id, CloseAccount {}).await?;

    let events = domain.log().events().await?.rows;
    assert_eq!(events[0].record.occurred_at.to_rfc3339(), "2026-01-01T00:00:00+00:00");
    assert_eq!(events[1].record.occurred_at.to_rfc3339(), "2026-01-02T09:30:00+00:00");
    Ok(())
}
// ANCHOR_END: test_clock
