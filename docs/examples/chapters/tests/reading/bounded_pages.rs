//! A page that scans a limited number of aggregates.

// ANCHOR: bounded
use std::time::Duration;

use banking_domain::{Account, TransactionManagerDomain};
use fluvius::query::Field;
use fluvius::{Domain, DomainContext, MemoryStore};
use guide_chapters::open_account;

#[tokio::test]
async fn a_bounded_page_may_be_empty() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("teller 3"));
    for balance in 1..=10 {
        open_account(&session, balance).await?;
    }

    let mut reader = session
        .statemgr()
        .query::<Account>()
        .filter(Field::number("balance").eq(10))
        .scan_limit(4)
        .scan_time(Duration::from_secs(1));
    let (mut pages, mut found) = (0, 0);
    loop {
        let page = reader.page().await?;
        (pages, found) = (pages + 1, found + page.rows.len());
        match page.next {
            Some(next) => reader = reader.after(next),
            None => break,
        }
    }
    assert_eq!(found, 1);
    assert_eq!(pages, 3);
    Ok(())
}
// ANCHOR_END: bounded
