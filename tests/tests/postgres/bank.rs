//! Transfers and withdrawals that are sent until they are answered, and their invariants.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use banking_domain::{Account, OpenAccount, TransactionManagerDomain};
use fluvius_core::uuid::Uuid;
use fluvius_core::verify::verify;
use fluvius_core::{
    Aggregate, CommandBundle, CommandRecord, Domain, DomainContext, DomainRuntime, Error, Json,
    LogQuery, Response, Session, Store,
};
use fluvius_postgres::PostgresStore;
use fluvius_testing::SeededRng;
use rust_decimal::Decimal;

/// The initial balance of each account.
const DEPOSIT: u64 = 1_000_000;

/// The longest time of the retries of a command.
const MAX_TIME: Duration = Duration::from_secs(60);

/// A transfer or a withdrawal.
#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    pub(crate) id: Uuid,
    pub(crate) from: u64,
    /// The recipient; `None` for a withdrawal.
    pub(crate) to: Option<u64>,
    pub(crate) amount: u64,
}

/// A transfer with its response, and the error codes before it.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) transfer: Transfer,
    pub(crate) response: Response,
    pub(crate) codes: Vec<&'static str>,
}

/// Draws a transfer.
pub(crate) fn any_transfer(rng: &mut SeededRng, id: Uuid, accounts: u64) -> Transfer {
    let from = rng.below(accounts);
    let to = (from + 1 + rng.below(accounts - 1)) % accounts;
    Transfer { id, from, to: (!rng.happens(300)).then_some(to), amount: 1 + rng.below(9) }
}

/// Builds a domain over a store.
pub(crate) async fn runtime(store: PostgresStore, outcome_timeout: Duration) -> DomainRuntime {
    let builder = TransactionManagerDomain::builder(store).outcome_timeout(outcome_timeout);
    builder.build().await.unwrap()
}

/// Opens a session of a client.
pub(crate) fn session(domain: &DomainRuntime) -> Session {
    domain.session(DomainContext::create("transfers"))
}

fn account(number: u64) -> Uuid {
    Uuid::from_u128(u128::from(number) + 1)
}

pub(crate) async fn open_accounts(session: &Session, count: u64) {
    for number in 0..count {
        let open = OpenAccount {
            account_number: number.to_string(),
            owner_name: "Ada".to_owned(),
            initial_deposit: Decimal::from(DEPOSIT),
        };
        session.send(account(number), open).await.unwrap();
    }
}

/// Sends a command once.
pub(crate) async fn send(session: &Session, transfer: &Transfer) -> Result<Response, Error> {
    let amount = transfer.amount;
    let (command, payload) = match transfer.to.map(account) {
        Some(to) => ("transfer-money", format!(r#"{{"amount":"{amount}","recipient_id":"{to}"}}"#)),
        None => ("withdraw-money", format!(r#"{{"amount":"{amount}"}}"#)),
    };
    let command = CommandBundle {
        id: transfer.id,
        command: command.to_owned(),
        aggregate_id: Account::aggregate_id(account(transfer.from)),
        payload: Json::parse(payload).unwrap(),
        if_match: None,
    };
    session.process_command(command).await
}

/// Sends a command under the same id until it is answered. `look` sees each error.
pub(crate) async fn send_until_answered(
    session: &Session,
    transfer: Transfer,
    look: impl AsyncFn(&Error),
) -> Answered {
    let begun = Instant::now();
    let mut codes = Vec::new();
    loop {
        match send(session, &transfer).await {
            Ok(response) => return Answered { transfer, response, codes },
            Err(error @ (Error::StoreUnavailable { .. } | Error::OutcomeUnknown { .. })) => {
                codes.push(error.framework_code());
                look(&error).await;
            }
            Err(error) => panic!("{transfer:?}: {error}: {:?}", std::error::Error::source(&error)),
        }
        assert!(begun.elapsed() < MAX_TIME, "{transfer:?} was never answered: {codes:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Checks that every answered transfer is stored once, and nothing else is. Returns a description
/// of the difference.
pub(crate) async fn check(
    store: &impl Store,
    accounts: u64,
    answered: &[Answered],
) -> Result<(), String> {
    let found = verify(store).await.map_err(|error| error.to_string())?;
    if !found.is_sound() {
        return Err(found.to_string());
    }
    let mut wanted: BTreeMap<u64, i128> =
        (0..accounts).map(|number| (number, i128::from(DEPOSIT))).collect();
    for Answered { transfer, .. } in answered {
        *wanted.get_mut(&transfer.from).unwrap() -= i128::from(transfer.amount);
        if let Some(to) = transfer.to {
            *wanted.get_mut(&to).unwrap() += i128::from(transfer.amount);
        }
    }
    for (number, wanted) in wanted {
        let aggregate_id = Account::aggregate_id(account(number));
        let state = store.load(&aggregate_id).await.map_err(|error| error.to_string())?;
        let state = state.ok_or_else(|| format!("account {number} is lost"))?;
        let balance = state.data.to_value()["balance"].as_str().map(str::to_owned);
        if balance != Some(wanted.to_string()) {
            return Err(format!("account {number} has {balance:?}, and {wanted} was expected"));
        }
    }
    let all = LogQuery::all();
    let rows = store.read_log::<CommandRecord>(&all).await.map_err(|error| error.to_string())?.rows;
    let stored: BTreeSet<Uuid> = rows
        .iter()
        .filter(|row| ["transfer-money", "withdraw-money"].contains(&row.record.command.as_ref()))
        .map(|row| row.record.id)
        .collect();
    let sent: BTreeSet<Uuid> = answered.iter().map(|one| one.transfer.id).collect();
    if stored != sent {
        return Err(format!("{} transfers are stored, {} were answered", stored.len(), sent.len()));
    }
    Ok(())
}

/// Checks that each command is answered again with its first response.
pub(crate) async fn send_again(session: &Session, answered: &[Answered]) {
    for Answered { transfer, response, .. } in answered {
        let again = send(session, transfer).await.unwrap();
        assert_eq!(again.version, response.version, "{transfer:?}");
        assert_eq!(again.etag, response.etag, "{transfer:?}");
        assert_eq!(again.data, response.data, "{transfer:?}");
    }
}
