//! The main job: opens two accounts, moves money, and shows the event log.
//!
//! The bank is stored in `bank.db` in the current folder. `--store sqlite:PATH` names another file,
//! `--store postgres://..` a PostgreSQL database (with the feature `postgres`), and
//! `--store memory` stores nothing. Existing accounts are found by their numbers. A command that
//! fails prints its code and message; the commands after it still run, and the job ends with exit
//! code 1. Invalid arguments end the job with exit code 2. `--help` lists the arguments.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use banking_domain::{Account, TransactionManagerDomain};
use clap::error::ErrorKind;
use clap::{Arg, Command};
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
    let mut command = command();
    let matches = match command.try_get_matches_from_mut(std::env::args_os()) {
        Ok(matches) => matches,
        Err(error) => return usage(&error),
    };
    let place = match matches.get_one::<String>(STORE).map_or("", String::as_str).parse() {
        Ok(place) => place,
        // The error omits the value: it may be an address with a password.
        Err(message) => return usage(&command.error(ErrorKind::ValueValidation, message)),
    };
    let amount = |name| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let amounts = Amounts {
        withdraw: amount(WITHDRAW),
        deposit: amount(DEPOSIT),
        transfer: amount(TRANSFER),
    };
    match run_at(&place, &amounts).await {
        Ok(code) => code,
        Err(error) => {
            report(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

const WITHDRAW: &str = "withdraw";
const DEPOSIT: &str = "deposit";
const TRANSFER: &str = "transfer";
const STORE: &str = "store";

/// Describes the arguments.
fn command() -> Command {
    let amount = |name: &'static str, default, help| {
        let amount = Arg::new(name).long(name).value_name("AMOUNT").default_value(default);
        // A negative amount is a valid argument; the domain rejects it.
        amount.allow_hyphen_values(true).help(help)
    };
    Command::new(env!("CARGO_PKG_NAME"))
        .version(env!("CARGO_PKG_VERSION"))
        .about("Opens two accounts, moves money between them, and prints the event log")
        .arg(amount(WITHDRAW, "20.00", "Amount to withdraw from the first account"))
        .arg(amount(DEPOSIT, "10.00", "Amount to deposit into the first account"))
        .arg(amount(TRANSFER, "30.00", "Amount to transfer to the second account"))
        .arg(
            Arg::new(STORE)
                .long(STORE)
                .value_name("memory|sqlite:PATH|postgres://..")
                .default_value("sqlite:bank.db")
                .help("Location of the bank's data; `memory` stores nothing"),
        )
}

/// Prints a usage error or the help, and returns the exit code.
fn usage(error: &clap::Error) -> ExitCode {
    match error.print() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)),
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

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match (name, name.strip_prefix("sqlite:")) {
            ("memory", _) => Ok(Self::Memory),
            (url, _) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                postgres(url)
            }
            (_, Some(path)) if !path.is_empty() && !path.starts_with("//") => {
                Ok(Self::File(PathBuf::from(path)))
            }
            _ => {
                Err("invalid value of `--store`: write `memory`, `sqlite:bank.db` for a file, or \
                 `postgres://..`")
            }
        }
    }
}

#[cfg(feature = "postgres")]
fn postgres(url: &str) -> Result<Place, &'static str> {
    Ok(Place::Postgres(url.to_owned()))
}

/// Returns an error without the address, which may contain a password.
#[cfg(not(feature = "postgres"))]
fn postgres(_url: &str) -> Result<Place, &'static str> {
    Err("this program was built without PostgreSQL: run \
         `cargo run -p banking-domain --features postgres -- --store postgres://..`")
}

/// Prints a line to the standard output. If the reader has closed it, as `head` does, the line is
/// dropped, and the job continues.
fn print(line: fmt::Arguments<'_>) -> io::Result<()> {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

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

/// Prints an error to the standard error output, which may be closed.
fn report(error: &(dyn StdError + 'static)) {
    let _ = writeln!(io::stderr(), "{}", describe(error));
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
