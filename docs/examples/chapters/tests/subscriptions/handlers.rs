//! A subscription sends a letter for each new account.

// ANCHOR: run
use std::sync::{Arc, Mutex};

use banking_domain::{Account, AccountEvent, TransactionManagerDomain};
use fluvius::subscriptions::{Delivery, Start};
use fluvius::{Domain, DomainContext, MemoryStore};
use guide_chapters::open_account;

/// Sends a letter. The identifier of the event is that of the letter, so that a repetition sends no
/// second one.
async fn welcome(
    delivery: Delivery<AccountEvent>,
    letters: Arc<Mutex<Vec<String>>>,
) -> Result<(), std::io::Error> {
    if let AccountEvent::AccountOpened(opened) = delivery.event() {
        let id = delivery.record().record.id;
        let letter = format!("{id}: welcome, {}", opened.owner_name);
        letters.lock().map_err(|_| std::io::Error::other("the printer is broken"))?.push(letter);
    }
    Ok(())
}

#[tokio::test]
async fn each_new_account_gets_a_letter() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let letters = Arc::new(Mutex::new(Vec::new()));
    let printer = Arc::clone(&letters);
    domain
        .subscribe("welcome-letters")
        .events_of::<Account>()
        .start_at(Start::Beginning)
        .run(move |delivery| welcome(delivery, Arc::clone(&printer)))
        .await?;
    // ANCHOR_END: run
    let session = domain.session(DomainContext::create("teller 3"));
    open_account(&session, 100).await?;
    while letters.lock().is_ok_and(|letters| letters.is_empty()) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    domain.shutdown().await;
    Ok(())
}
