//! The code of the chapter "The SQLite store" (`docs/src/sqlite.md`).

// ANCHOR: opening
use banking_domain::{Account, DepositMoney, TransactionManagerDomain};
use fluvius::sqlite::SqliteStore;
use fluvius::{Domain, DomainContext};
use guide_chapters::open_account;
use rust_decimal::Decimal;

#[tokio::test]
async fn a_file_keeps_its_accounts() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bank.db");

    let domain = TransactionManagerDomain::runtime(SqliteStore::open(&path).await?).await?;
    let session = domain.session(DomainContext::create("teller 3"));
    let id = open_account(&session, 100).await?;
    // The runtime has the only handle of the store: the file is closed, and complete.
    domain.shutdown().await;

    // Another run of the program.
    let domain = TransactionManagerDomain::runtime(SqliteStore::open(&path).await?).await?;
    let session = domain.session(DomainContext::create("teller 3"));
    session.send(id, DepositMoney { amount: Decimal::from(10) }).await?;
    let account = session.statemgr().fetch::<Account>(id).await?;
    assert_eq!(account.balance, Decimal::from(110));
    Ok(())
}
// ANCHOR_END: opening

// ANCHOR: closing
use fluvius::Store;

#[tokio::test]
async fn a_closed_file_may_be_moved() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bank.db");
    let store = SqliteStore::open(&path).await?;
    let domain = TransactionManagerDomain::runtime(store.clone()).await?;
    open_account(&domain.session(DomainContext::create("teller 3")), 100).await?;

    // The program has a handle of its own, so the store stays open.
    domain.shutdown().await;
    assert_eq!(domain.log().events().await?.rows.len(), 1);

    store.close().await?;
    std::fs::rename(&path, folder.path().join("archive.db"))?;
    let error = domain.log().events().await.unwrap_err();
    assert_eq!(error.code(), "store-unavailable");
    Ok(())
}
// ANCHOR_END: closing

// ANCHOR: backup
use fluvius::verify::verify;

#[tokio::test]
async fn a_backup_is_the_store_at_one_moment() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let monday = folder.path().join("bank-monday.db");
    let store = SqliteStore::open(folder.path().join("bank.db")).await?;
    let domain = TransactionManagerDomain::runtime(store.clone()).await?;
    let session = domain.session(DomainContext::create("teller 3"));

    let id = open_account(&session, 100).await?;
    store.backup_to(&monday).await?;
    session.send(id, DepositMoney { amount: Decimal::from(10) }).await?;

    // The backup is a store like any other.
    let restored = SqliteStore::open(&monday).await?;
    assert!(verify(&restored).await?.is_sound());
    let domain = TransactionManagerDomain::runtime(restored).await?;
    let session = domain.session(DomainContext::create("teller 3"));
    let account = session.statemgr().fetch::<Account>(id).await?;
    assert_eq!(account.balance, Decimal::from(100));
    session.send(id, DepositMoney { amount: Decimal::from(1) }).await?;
    Ok(())
}
// ANCHOR_END: backup
