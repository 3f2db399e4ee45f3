//! A resource name belongs to one domain.

use futures_util::future::join;

use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure};
use crate::conformance::handle::Handle;
use crate::conformance::harness::Harness;
use fluvius_store::{Store, StoreError};

pub(crate) async fn a_resource_belongs_to_one_domain(harness: &Harness) -> CaseResult {
    let stores = [harness.open().await, harness.open().await];
    stores[0].register_domain("bank", &["account", "transfer"]).await?;
    check_taken(stores[0].register_domain("shop", &["account"]).await, "bank")?;
    check_taken(stores[1].register_domain("shop", &["transfer"]).await, "bank")?;
    check_taken(stores[1].register_domain("Bank", &["account"]).await, "bank")?;
    // Registers the same names again, some of them, more of them, and others.
    stores[1].register_domain("bank", &["account", "transfer"]).await?;
    stores[0].register_domain("bank", &["transfer", "cheque"]).await?;
    stores[1].register_domain("shop", &["Account", "account ", "basket"]).await?;
    stores[0].register_domain("empty", &[]).await?;
    check_taken(stores[1].register_domain("shop", &["cheque"]).await, "bank")
}

pub(crate) async fn a_failed_registration_takes_no_resource(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    store.register_domain("bank", &["account"]).await?;
    check_taken(store.register_domain("shop", &["basket", "account", "shelf"]).await, "bank")?;
    store.register_domain("market", &["basket", "shelf"]).await?;
    check_taken(store.register_domain("shop", &["shelf"]).await, "market")
}

pub(crate) async fn one_of_two_registrations_succeeds(harness: &Harness) -> CaseResult {
    const NAMES: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let stores = [harness.open().await, harness.open().await];
    for name in NAMES {
        let one = register(&stores[0], "bank", name);
        let (one, other) = join(one, register(&stores[1], "shop", name)).await;
        match (one?, other?) {
            (Ok(()), other @ Err(_)) => check_taken(other, "bank")?,
            (one @ Err(_), Ok(())) => check_taken(one, "shop")?,
            found => {
                return Err(CaseFailure::new(format!("of two cases at once: found {found:?}")));
            }
        }
    }
    Ok(())
}

async fn register(
    store: &Handle,
    domain: &'static str,
    resource: &'static str,
) -> Result<Result<(), StoreError>, CaseFailure> {
    let store = store.clone();
    Ok(tokio::spawn(async move { store.register_domain(domain, &[resource]).await }).await?)
}

fn check_taken(registered: Result<(), StoreError>, owner: &str) -> CaseResult {
    match registered {
        Ok(()) => Err(CaseFailure::new(format!("a resource of `{owner}` was registered again"))),
        Err(error) => {
            ensure!(!error.is_retryable(), "the error of a taken resource is retryable: {error}");
            let text = error.to_string();
            ensure!(text.contains(owner), "`{error}` does not name `{owner}`");
            let advice = format!("namespace = \"{owner}\"");
            ensure!(text.contains(&advice), "`{error}` does not say what a renamed domain does");
            Ok(())
        }
    }
}
