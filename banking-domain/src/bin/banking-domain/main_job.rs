//! The main job: opens two accounts, moves money, and shows the event log.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use banking_domain::Account;
use fluvius::query::Field;
use fluvius::{DomainContext, DomainRuntime, Session, Versioned};
use futures_util::StreamExt;
use serde_json::json;
use uuid::Uuid;

use crate::report::report;

/// Amounts of the transactions, as they are written into the JSON payloads.
pub(crate) struct Amounts {
    pub(crate) withdraw: String,
    pub(crate) deposit: String,
    pub(crate) transfer: String,
}

/// Runs the job. The exit code tells if all transactions were applied.
pub(crate) async fn run(
    domain: DomainRuntime,
    amounts: &Amounts,
) -> Result<ExitCode, Box<dyn StdError>> {
    let mut session = domain.session(DomainContext::create("bank-account"));

    let recipient_id = find_or_open(&mut session, "987654321", "Jane Roe", "0.00").await?;
    let account_id = find_or_open(&mut session, "123456789", "John Doe", "1000.00").await?;
    session.set_aggroot("bank-account", account_id);

    let account = session.statemgr().fetch::<Account>(account_id).await?;
    print(format_args!("Initial balance: {}", account.balance))?;

    let commands = [
        session.create_command("withdraw-money", json!({ "amount": amounts.withdraw }))?,
        session.create_command("deposit-money", json!({ "amount": amounts.deposit }))?,
        session.create_command(
            "transfer-money",
            json!({ "amount": amounts.transfer, "recipient": recipient_id }),
        )?,
    ];
    let mut code = ExitCode::SUCCESS;
    // Read to the end: once the stream is dropped, no further command is accepted.
    let mut responses = session.command_processor().process(commands);
    while let Some(response) = responses.next().await {
        match response {
            Ok(response) => print(format_args!("Transaction: {response}"))?,
            Err(error) => {
                report(&error);
                code = ExitCode::FAILURE;
            }
        }
    }

    let account = session.statemgr().fetch::<Account>(account_id).await?;
    print(format_args!("Final balance: {}", account.balance))?;
    let recipient = session.statemgr().fetch::<Account>(recipient_id).await?;
    print(format_args!("Recipient's balance: {}", recipient.balance))?;

    print_events(&domain).await?;
    // The runtime has the only handle of the store, so `shutdown` closes an SQLite file.
    domain.shutdown().await;
    Ok(code)
}

/// Returns the id of the account with this number. Opens the account if it does not exist.
async fn find_or_open(
    session: &mut Session,
    account_number: &str,
    owner_name: &str,
    initial_deposit: &str,
) -> Result<Uuid, Box<dyn StdError>> {
    let number = Field::text("account_number").eq(account_number);
    if let Some(account) = session.statemgr().find_one::<Account>(number).await? {
        let (owner, balance) = (&account.owner_name, account.balance);
        print(format_args!("Found account {account_number} of {owner}: {balance}"))?;
        return Ok(Versioned::record(&account).aggregate_id.id);
    }
    let id = Uuid::new_v4();
    session.set_aggroot("bank-account", id);
    let open = json!({
        "account_number": account_number,
        "owner_name": owner_name,
        "initial_deposit": initial_deposit,
    });
    session.process_command(session.create_command("open-account", open)?).await?;
    Ok(id)
}

/// Prints the event log as a table.
async fn print_events(domain: &DomainRuntime) -> Result<(), Box<dyn StdError>> {
    print(format_args!(
        "\n{:>8}  {:<36}  {:>7}  {:<17}  arguments",
        "position", "account", "version", "event"
    ))?;
    let mut log = domain.log();
    loop {
        let page = log.events().await?;
        for event in &page.rows {
            let record = &event.record;
            print(format_args!(
                "{:>8}  {}  {:>7}  {:<17}  {}",
                event.position,
                record.aggregate_id.id,
                record.version,
                record.key(),
                record.args
            ))?;
        }
        let Some(position) = page.next else { return Ok(()) };
        log = log.after(position);
    }
}

/// Prints a line to the standard output. If the reader has closed it, as `head` does, the line is
/// dropped, and the job continues.
fn print(line: fmt::Arguments<'_>) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
