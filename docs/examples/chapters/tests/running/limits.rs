//! The layers of tower limit the commands of a session.

// ANCHOR: limits
use std::time::Duration;

use banking_domain::TransactionManagerDomain;
use fluvius::serde_json::json;
use fluvius::{AggregateId, Domain, DomainContext, MemoryStore};
use guide_chapters::open_account;
use tower::{BoxError, ServiceBuilder, ServiceExt};

#[tokio::test]
async fn a_limited_service_returns_the_domains_errors() -> Result<(), BoxError> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("web"));
    let id = open_account(&session, 100).await?;

    // At most 100 commands of this service at once; a further one is rejected.
    let service = ServiceBuilder::new()
        .load_shed()
        .concurrency_limit(100)
        .timeout(Duration::from_secs(5))
        .service(session.command_processor());

    let account = session.aggregate(AggregateId::new("bank-account", id));
    let deposit = account.create_command("deposit-money", json!({ "amount": "10.00" }))?;
    let response = service.clone().oneshot(deposit).await?;
    assert_eq!(response.version, 2);

    // An error of a layer is tower's; one of the domain is `fluvius::Error`.
    let withdraw = account.create_command("withdraw-money", json!({ "amount": "900.00" }))?;
    let error = service.oneshot(withdraw).await.unwrap_err();
    let error = error.downcast_ref::<fluvius::Error>().expect("an error of the domain");
    assert_eq!(error.code(), "insufficient-funds");
    Ok(())
}
// ANCHOR_END: limits
