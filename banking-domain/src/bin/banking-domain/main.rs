//! The bank as a program: the main job, which opens two accounts, moves money and shows the event
//! log; and `serve`, which offers the bank over HTTP, or with `--mcp-stdio` its tools for models on
//! standard input and output.
//!
//! The bank is stored in `bank.db` in the current folder. `--store sqlite:PATH` names another file,
//! `--store postgres://..` a PostgreSQL database (with the feature `postgres`), and
//! `--store memory` stores nothing. Existing accounts are found by their numbers. A command that
//! fails prints its code and message; the commands after it still run, and the job ends with exit
//! code 1. Invalid arguments end the job with exit code 2. `--help` lists the arguments.

mod main_job;
mod place;
mod policy;
mod report;
mod serve;

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use banking_domain::TransactionManagerDomain;
use clap::error::ErrorKind;
use clap::{Arg, ArgMatches, Command};
#[cfg(feature = "postgres")]
use fluvius::postgres::PostgresStore;
use fluvius::sqlite::SqliteStore;
use fluvius::{Domain, DomainRuntime, MemoryStore};

use main_job::Amounts;
use place::Place;
use policy::Roles;
use report::report;

#[tokio::main]
async fn main() -> ExitCode {
    let mut command = command();
    let matches = match command.try_get_matches_from_mut(std::env::args_os()) {
        Ok(matches) => matches,
        Err(error) => return usage(&error),
    };
    let (name, matches) = match matches.subcommand() {
        Some((name, matches)) => (name, matches.clone()),
        None => ("", matches),
    };
    let place = match matches.get_one::<String>(STORE).map_or("", String::as_str).parse() {
        Ok(place) => place,
        // The error omits the value: it may be an address with a password.
        Err(message) => return usage(&command.error(ErrorKind::ValueValidation, message)),
    };
    match run(name, &matches, &place).await {
        Ok(code) => code,
        Err(error) => {
            report(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

async fn run(
    name: &str,
    matches: &ArgMatches,
    place: &Place,
) -> Result<ExitCode, Box<dyn StdError>> {
    let argument = |name| matches.get_one::<String>(name).cloned().unwrap_or_default();
    if name == serve::NAME {
        let roles = matches.get_one::<PathBuf>(serve::POLICY);
        let roles = roles.map(|path| Roles::from_file(path)).transpose()?;
        return serve::run(open(place, roles).await?, matches).await;
    }
    let domain = open(place, None).await?;
    let amounts = Amounts {
        withdraw: argument(WITHDRAW),
        deposit: argument(DEPOSIT),
        transfer: argument(TRANSFER),
    };
    main_job::run(domain, &amounts).await
}

/// Builds the domain on the store at a place.
async fn open(place: &Place, roles: Option<Roles>) -> Result<DomainRuntime, Box<dyn StdError>> {
    type Bank = TransactionManagerDomain;
    let builder = match place {
        Place::Memory => Bank::builder(MemoryStore::new()),
        Place::File(path) => Bank::builder(SqliteStore::open(path).await?),
        #[cfg(feature = "postgres")]
        Place::Postgres(url) => Bank::builder(PostgresStore::open(url).await?),
    };
    let builder = match roles {
        Some(roles) => builder.policy(roles),
        None => builder,
    };
    Ok(builder.build().await?)
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
    let store = || {
        Arg::new(STORE)
            .long(STORE)
            .value_name("memory|sqlite:PATH|postgres://..")
            .default_value("sqlite:bank.db")
            .help("Location of the bank's data; `memory` stores nothing")
    };
    Command::new(env!("CARGO_PKG_NAME"))
        .version(env!("CARGO_PKG_VERSION"))
        .about("Opens two accounts, moves money between them, and prints the event log")
        .arg(amount(WITHDRAW, "20.00", "Amount to withdraw from the first account"))
        .arg(amount(DEPOSIT, "10.00", "Amount to deposit into the first account"))
        .arg(amount(TRANSFER, "30.00", "Amount to transfer to the second account"))
        .arg(store())
        .subcommand(serve::command().arg(store()))
        .args_conflicts_with_subcommands(true)
}

/// Prints a usage error or the help, and returns the exit code.
fn usage(error: &clap::Error) -> ExitCode {
    match error.print() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)),
    }
}
