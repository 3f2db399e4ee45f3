//! A dry run shows the result of a command before the command is sent.

// ANCHOR: dry_runs
use banking_domain::{Account, TransactionManagerDomain};
use fluvius::serde_json::json;
use fluvius::{Domain, DomainContext, MemoryStore, Versioned};
use guide_chapters::open_account;

#[tokio::test]
async fn a_dry_run_stores_nothing() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let mut session = domain.session(DomainContext::create("teller 3"));
    let id = open_account(&session, 100).await?;

    session.set_aggroot("bank-account", id);
    let deposit = session.create_command("deposit-money", json!({ "amount": "10.00" }))?;
    let preview = session.dry_run([deposit]).await?;
    assert_eq!(preview.events[0].key(), "money-deposited");
    assert_eq!(preview.responses[0].data.to_value()["balance"], json!("110.00"));

    let account = session.statemgr().fetch::<Account>(id).await?;
    assert_eq!(Versioned::version(&account), 1);
    Ok(())
}
// ANCHOR_END: dry_runs
