//! Commands are sent typed, by key and as a stream.

// ANCHOR: sending
use banking_domain::{Account, OpenAccount, TransactionManagerDomain};
use fluvius::serde_json::json;
use fluvius::{Domain, DomainContext, MemoryStore, Versioned};
use futures_util::StreamExt;
use rust_decimal::Decimal;
use uuid::Uuid;

#[tokio::test]
async fn a_session_sends_in_three_ways() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let mut session = domain.session(DomainContext::create("teller 3"));
    let id = Uuid::new_v4();

    // Typed: the answer's `data` is the command's output.
    let open = OpenAccount {
        account_number: "123456789".to_owned(),
        owner_name: "John Doe".to_owned(),
        initial_deposit: Decimal::from(100),
    };
    let response = session.send(id, open).await?;
    assert_eq!(response.data.balance, Decimal::from(100));

    // By key, from JSON: the answer's `data` is JSON.
    session.set_aggroot("bank-account", id);
    let command = session.create_command("deposit-money", json!({ "amount": "10.00" }))?;
    let response = session.process_command(command).await?;
    assert_eq!(response.version, 2);

    // Many, decided one after the other. A rejection does not stop the rest.
    let commands = [
        session.create_command("withdraw-money", json!({ "amount": "900.00" }))?,
        session.create_command("withdraw-money", json!({ "amount": "10.00" }))?,
    ];
    let mut responses = session.command_processor().process(commands);
    assert!(responses.next().await.is_some_and(|response| response.is_err()));
    assert!(responses.next().await.is_some_and(|response| response.is_ok()));

    // The stored state.
    let account = session.statemgr().fetch::<Account>(id).await?;
    assert_eq!(account.balance, Decimal::from(100));
    assert_eq!(Versioned::version(&account), 3);
    Ok(())
}
// ANCHOR_END: sending
