//! A check of everything that a store holds.

// ANCHOR: verifying
use banking_domain::TransactionManagerDomain;
use fluvius::verify::verify;
use fluvius::{Domain, DomainContext, MemoryStore};
use guide_chapters::open_account;

#[tokio::test]
async fn the_store_of_a_domain_is_sound() -> Result<(), Box<dyn std::error::Error>> {
    let store = MemoryStore::new();
    let domain = TransactionManagerDomain::runtime(store.clone()).await?;
    open_account(&domain.session(DomainContext::create("teller 3")), 100).await?;

    let found = verify(&store).await?;
    assert!(found.is_sound(), "{found}");
    Ok(())
}
// ANCHOR_END: verifying

// ANCHOR: range
use fluvius::Store;
use fluvius::verify::Verification;

/// Checks the rows after a position, and returns the position to continue after.
async fn verify_after(
    store: &impl Store,
    checked: u64,
) -> Result<(Verification, u64), fluvius::StoreError> {
    let mut reached = checked;
    let found = verify(store)
        .range(checked + 1..)
        .on_progress(|progress| {
            println!("{} rows, at {} of {}", progress.rows, progress.position, progress.last);
            reached = progress.position;
        })
        .await?;
    Ok((found, reached))
}
// ANCHOR_END: range

#[tokio::test]
async fn a_store_is_verified_in_parts() -> Result<(), Box<dyn std::error::Error>> {
    let store = MemoryStore::new();
    let domain = TransactionManagerDomain::runtime(store.clone()).await?;
    let session = domain.session(DomainContext::create("teller 3"));
    open_account(&session, 100).await?;
    let (found, reached) = verify_after(&store, 0).await?;
    assert_eq!((found.events, found.is_sound()), (1, true));
    for _ in 0..2 {
        open_account(&session, 100).await?;
    }
    let (found, reached) = verify_after(&store, reached).await?;
    assert_eq!((found.events, found.aggregates, found.is_sound()), (2, 2, true));
    let (found, end) = verify_after(&store, reached).await?;
    assert_eq!((found.rows(), end), (0, reached));
    Ok(())
}
