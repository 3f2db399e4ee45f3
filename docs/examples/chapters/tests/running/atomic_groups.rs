//! A group of commands is applied completely or not at all.

// ANCHOR: atomic_groups
use banking_domain::{Account, TransactionManagerDomain};
use fluvius::serde_json::json;
use fluvius::{Domain, DomainContext, Error, MemoryStore, Versioned};
use guide_chapters::open_account;

#[tokio::test]
async fn one_rejected_command_rejects_its_group() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let mut session = domain.session(DomainContext::create("teller 3"));
    let id = open_account(&session, 100).await?;

    session.set_aggroot("bank-account", id);
    let commands = [
        session.create_command("deposit-money", json!({ "amount": "10.00" }))?,
        session.create_command("withdraw-money", json!({ "amount": "900.00" }))?,
    ];
    let error = session.process_atomic(commands).await.unwrap_err();
    let Error::GroupRejected { source, .. } = error else { panic!("not rejected: {error}") };
    assert_eq!(source.code(), "insufficient-funds");

    // The deposit was not applied either.
    let account = session.statemgr().fetch::<Account>(id).await?;
    assert_eq!(Versioned::version(&account), 1);
    Ok(())
}
// ANCHOR_END: atomic_groups
