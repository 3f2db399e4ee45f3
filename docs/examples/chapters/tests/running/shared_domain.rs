//! A domain that several tests share runs on a runtime of its own.

// ANCHOR: shared_domain
use std::sync::LazyLock;

use banking_domain::{Account, TransactionManagerDomain};
use fluvius::{Domain, DomainContext, DomainRuntime, Error, MemoryStore};
use guide_chapters::open_account;
use rust_decimal::Decimal;
use tokio::runtime::Runtime;

/// The runtime of all shared domains; it is never dropped.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("threads can start"));

/// Starts the domain once, on its own runtime.
static DOMAIN: LazyLock<DomainRuntime> = LazyLock::new(|| {
    let build = RUNTIME.spawn(TransactionManagerDomain::runtime(MemoryStore::new()));
    std::thread::spawn(|| RUNTIME.block_on(build).expect("the build does not panic"))
        .join()
        .expect("the thread does not panic")
        .expect("the domain can be built")
});

#[tokio::test]
async fn an_account_has_its_first_deposit() -> Result<(), Error> {
    let session = DOMAIN.session(DomainContext::create("test"));
    let id = open_account(&session, 100).await?;
    let account = session.statemgr().fetch::<Account>(id).await?;
    assert_eq!(account.balance, Decimal::from(100));
    Ok(())
}

#[tokio::test]
async fn an_account_may_have_no_deposit() -> Result<(), Error> {
    let session = DOMAIN.session(DomainContext::create("test"));
    let id = open_account(&session, 0).await?;
    let account = session.statemgr().fetch::<Account>(id).await?;
    assert_eq!(account.balance, Decimal::ZERO);
    Ok(())
}
// ANCHOR_END: shared_domain
