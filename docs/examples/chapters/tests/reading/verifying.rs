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
