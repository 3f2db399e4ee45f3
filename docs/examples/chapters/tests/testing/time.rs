//! A runtime with a fixed clock and counted identifiers.

// ANCHOR: time
use banking_domain::{OpenAccount, TransactionManagerDomain};
use fluvius::testing::{FixedClock, SequentialIds};
use fluvius::{Domain, DomainContext, MemoryStore};
use rust_decimal::Decimal;
use uuid::Uuid;

#[tokio::test]
async fn events_carry_the_time_of_receipt() {
    let clock = FixedClock::at("2026-01-01T00:00:00Z".parse().unwrap());
    let domain = TransactionManagerDomain::builder(MemoryStore::new())
        .clock(clock.clone())
        .id_generator(SequentialIds::from(100))
        .build()
        .await
        .unwrap();
    clock.set("2026-02-01T00:00:00Z".parse().unwrap());

    let session = domain.session(DomainContext::create("test"));
    let open = OpenAccount {
        account_number: "1".to_owned(),
        owner_name: "Ada".to_owned(),
        initial_deposit: Decimal::ZERO,
    };
    session.send(Uuid::from_u128(1), open).await.unwrap();
    let events = domain.log().events().await.unwrap().rows;
    assert_eq!(events[0].record.occurred_at.to_rfc3339(), "2026-02-01T00:00:00+00:00");
}
// ANCHOR_END: time
