//! The main job: opens two accounts, moves money, and shows the event log.
//!
//! The amounts may be given: `--withdraw 20.00 --deposit 10.00 --transfer 30.00` are the ones
//! taken otherwise. A refused command prints its code and message and ends with exit code 1; a
//! call that is not understood ends with 2.

use std::error::Error as StdError;
use std::process::ExitCode;

use banking_domain::{Account, TransactionManagerDomain};
use fluvius_core::{Domain, DomainContext, DomainRuntime, Error, MemoryStore};
use futures_util::StreamExt;
use serde_json::json;
use uuid::Uuid;

#[tokio::main]
async fn main() -> ExitCode {
    let amounts = match Amounts::from_args(std::env::args().skip(1)) {
        Ok(amounts) => amounts,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    match run(&amounts).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", describe(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// What is moved; as JSON it goes into the payloads.
struct Amounts {
    withdraw: String,
    deposit: String,
    transfer: String,
}

impl Amounts {
    fn from_args(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut amounts = Self {
            withdraw: "20.00".to_owned(),
            deposit: "10.00".to_owned(),
            transfer: "30.00".to_owned(),
        };
        while let Some(flag) = args.next() {
            let amount = match flag.as_str() {
                "--withdraw" => &mut amounts.withdraw,
                "--deposit" => &mut amounts.deposit,
                "--transfer" => &mut amounts.transfer,
                _ => return Err(format!("`{flag}` is not known: {USAGE}")),
            };
            *amount = args.next().ok_or_else(|| format!("`{flag}` needs an amount: {USAGE}"))?;
        }
        Ok(amounts)
    }
}

const USAGE: &str = "banking-domain [--withdraw AMOUNT] [--deposit AMOUNT] [--transfer AMOUNT]";

async fn run(amounts: &Amounts) -> Result<(), Box<dyn StdError>> {
    let domain = TransactionManagerDomain::runtime(MemoryStore::new()).await?;
    let mut session = domain.session(DomainContext::create("bank-account"));

    let recipient_id = Uuid::new_v4();
    session.set_aggroot("bank-account", recipient_id);
    let open = json!({
        "account_number": "987654321", "owner_name": "Jane Roe", "initial_deposit": "0.00"
    });
    session.process_command(session.create_command("open-account", open)?).await?;

    let account_id = Uuid::new_v4();
    session.set_aggroot("bank-account", account_id);
    let open = json!({
        "account_number": "123456789", "owner_name": "John Doe", "initial_deposit": "1000.00"
    });
    session.process_command(session.create_command("open-account", open)?).await?;

    let account = session.statemgr().fetch::<Account>(account_id).await?;
    println!("Initial balance: {}", account.balance);

    let commands = [
        session.create_command("withdraw-money", json!({ "amount": amounts.withdraw }))?,
        session.create_command("deposit-money", json!({ "amount": amounts.deposit }))?,
        session.create_command(
            "transfer-money",
            json!({ "amount": amounts.transfer, "recipient": recipient_id }),
        )?,
    ];
    let mut responses = session.command_processor().process(commands);
    while let Some(response) = responses.next().await {
        println!("Transaction: {}", response?);
    }

    let account = session.statemgr().fetch::<Account>(account_id).await?;
    println!("Final balance: {}", account.balance);
    let recipient = session.statemgr().fetch::<Account>(recipient_id).await?;
    println!("Recipient's balance: {}", recipient.balance);

    print_events(&domain).await?;
    Ok(())
}

/// The event log as a table.
async fn print_events(domain: &DomainRuntime) -> Result<(), Error> {
    println!(
        "\n{:>8}  {:<36}  {:>7}  {:<17}  arguments",
        "position", "account", "version", "event"
    );
    let mut log = domain.log();
    loop {
        let page = log.events().await?;
        for event in &page.rows {
            println!(
                "{:>8}  {}  {:>7}  {:<17}  {}",
                event.position,
                event.root.identifier,
                event.version,
                event.key(),
                event.args
            );
        }
        let Some(position) = page.next else { return Ok(()) };
        log = log.after(position);
    }
}

/// An error of the domain as `code: message`, with the rule's own code where a rule said no.
fn describe(error: &(dyn StdError + 'static)) -> String {
    match error.downcast_ref::<Error>() {
        Some(error) => format!("{}: {error}", error.rejection_code().unwrap_or(error.code())),
        None => error.to_string(),
    }
}
