//! A query returns its result in pages.

// ANCHOR: pages
use banking_domain::{Account, TransactionManagerDomain};
use fluvius::query::{Cursor, Field};
use fluvius::{Domain, DomainContext, Error, MemoryStore, StateManager};
use guide_chapters::open_account;
use rust_decimal::Decimal;

/// Returns two balances, the highest first, and the cursor for the next page.
async fn highest_balances(
    statemgr: &StateManager,
    sent_back: Option<Cursor>,
) -> Result<(Vec<Decimal>, Option<Cursor>), Error> {
    let mut reader = statemgr
        .query::<Account>()
        .filter(Field::number("balance").gt(0))
        .sort(Field::number("balance").descending())
        .limit(2);
    if let Some(cursor) = sent_back {
        reader = reader.after(cursor);
    }
    let page = reader.page().await?;
    Ok((page.rows.iter().map(|account| account.balance).collect(), page.next))
}

#[tokio::test]
async fn the_cursor_leads_to_the_next_page() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("teller 3"));
    for balance in [20, 300, 1_000] {
        open_account(&session, balance).await?;
    }

    let statemgr = session.statemgr();
    let (balances, next) = highest_balances(&statemgr, None).await?;
    assert_eq!(balances, [Decimal::from(1_000), Decimal::from(300)]);
    let (balances, next) = highest_balances(&statemgr, next).await?;
    assert_eq!(balances, [Decimal::from(20)]);
    assert_eq!(next, None);
    Ok(())
}
// ANCHOR_END: pages
