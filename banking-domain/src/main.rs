//! The main job: opens two accounts, moves money, and shows the event log.
//!
//! The bank is stored in `bank.db` in the current folder. `--store sqlite:PATH` names another file,
//! `--store postgres://..` a PostgreSQL database (with the feature `postgres`), and
//! `--store memory` stores nothing. Existing accounts are found by their numbers. The default
//! amounts are `--withdraw 20.00 --deposit 10.00 --transfer 30.00`. A command that fails prints its
//! code and message; the commands after it still run, and the job ends with exit code 1. Invalid
//! arguments end the job with exit code 2.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::process::ExitCode;

use banking_domain::{Account, TransactionManagerDomain};
#[cfg(feature = "postgres")]
use fluvius::postgres::PostgresStore;
use fluvius::query::Field;
use fluvius::sqlite::SqliteStore;
use fluvius::{
    Domain, DomainContext, DomainRuntime, Error, MemoryStore, Session, Store, Versioned,
};
use futures_util::StreamExt;
use serde_json::json;
use uuid::Uuid;

#[tokio::main]
async fn main() -> ExitCode {
    if std::env::args().skip(1).any(|flag| flag == "--help" || flag == "-h") {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let (place, amounts) = match parse(std::env::args().skip(1)) {
        Ok(call) => call,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    match run_at(&place, &amounts).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", describe(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Amounts of the transactions, as they are written into the JSON payloads.
struct Amounts {
    withdraw: String,
    deposit: String,
    transfer: String,
}

/// Location of the bank's data.
enum Place {
    Memory,
    File(PathBuf),
    #[cfg(feature = "postgres")]
    Postgres(String),
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<(Place, Amounts), String> {
    let mut place = Place::File(PathBuf::from("bank.db"));
    let mut amounts = Amounts {
        withdraw: "20.00".to_owned(),
        deposit: "10.00".to_owned(),
        transfer: "30.00".to_owned(),
    };
    while let Some(flag) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("missing value of `{flag}`: {USAGE}"));
        match flag.as_str() {
            "--withdraw" => amounts.withdraw = value()?,
            "--deposit" => amounts.deposit = value()?,
            "--transfer" => amounts.transfer = value()?,
            "--store" => {
                let name = value()?;
                place = match (name.as_str(), name.strip_prefix("sqlite:")) {
                    ("memory", _) => Place::Memory,
                    (url, _)
                        if url.starts_with("postgres://") || url.starts_with("postgresql://") =>
                    {
                        postgres(name)?
                    }
                    (_, Some(path)) if !path.is_empty() && !path.starts_with("//") => {
                        Place::File(PathBuf::from(path))
                    }
                    // The message omits the value: it may be an address with a password.
                    _ => {
                        return Err(format!(
                            "invalid value of `--store`: write `memory`, `sqlite:bank.db` for a \
                            file, or `postgres://..`: {USAGE}"
                        ));
                    }
                };
            }
            _ => return Err(format!("unknown argument `{flag}`: {USAGE}")),
        }
    }
    Ok((place, amounts))
}

#[cfg(feature = "postgres")]
fn postgres(url: String) -> Result<Place, String> {
    Ok(Place::Postgres(url))
}

/// Returns an error without the address, which may contain a password.
#[cfg(not(feature = "postgres"))]
fn postgres(_url: String) -> Result<Place, String> {
    Err("this program was built without PostgreSQL: run \
         `cargo run -p banking-domain --features postgres -- --store postgres://..`"
        .to_owned())
}

const USAGE: &str = "banking-domain [--withdraw AMOUNT] [--deposit AMOUNT] [--transfer AMOUNT] \
                     [--store memory|sqlite:PATH|postgres://..]";

async fn run_at(place: &Place, amounts: &Amounts) -> Result<ExitCode, Box<dyn StdError>> {
    match place {
        Place::Memory => run(MemoryStore::new(), amounts).await,
        Place::File(path) => run(SqliteStore::open(path).await?, amounts).await,
        #[cfg(feature = "postgres")]
        Place::Postgres(url) => run(PostgresStore::open(url).await?, amounts).await,
    }
}

async fn run(store: impl Store, amounts: &Amounts) -> Result<ExitCode, Box<dyn StdError>> {
    let domain = TransactionManagerDomain::runtime(store).await?;
    let mut session = domain.session(DomainContext::create("bank-account"));

    let recipient_id = find_or_open(&mut session, "987654321", "Jane Roe", "0.00").await?;
    let account_id = find_or_open(&mut session, "123456789", "John Doe", "1000.00").await?;
    session.set_aggroot("bank-account", account_id);

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
    let mut code = ExitCode::SUCCESS;
    // Read to the end: once the stream is dropped, no further command is accepted.
    let mut responses = session.command_processor().process(commands);
    while let Some(response) = responses.next().await {
        match response {
            Ok(response) => println!("Transaction: {response}"),
            Err(error) => {
                eprintln!("{}", describe(&error));
                code = ExitCode::FAILURE;
            }
        }
    }

    let account = session.statemgr().fetch::<Account>(account_id).await?;
    println!("Final balance: {}", account.balance);
    let recipient = session.statemgr().fetch::<Account>(recipient_id).await?;
    println!("Recipient's balance: {}", recipient.balance);

    print_events(&domain).await?;
    // The runtime has the only handle of the store, so `shutdown` closes an SQLite file.
    domain.shutdown().await;
    Ok(code)
}

/// Returns the account with this number, and opens it if it does not exist.
async fn find_or_open(
    session: &mut Session,
    account_number: &str,
    owner_name: &str,
    initial_deposit: &str,
) -> Result<Uuid, Error> {
    let number = Field::text("account_number").eq(account_number);
    if let Some(account) = session.statemgr().find_one::<Account>(number).await? {
        println!("Found account {account_number} of {}: {}", account.owner_name, account.balance);
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
                event.record.aggregate_id.id,
                event.record.version,
                event.record.key(),
                event.record.args
            );
        }
        let Some(position) = page.next else { return Ok(()) };
        log = log.after(position);
    }
}

/// Describes an error of the domain as `code: message`, with the author's code if an action has
/// rejected the command. Describes any other error with its causes.
fn describe(error: &(dyn StdError + 'static)) -> String {
    if let Some(error) = error.downcast_ref::<Error>() {
        return format!("{}: {error}", error.code());
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}
