//! The requests of clients, drawn at random.

use fluvius_core::{AggregateId, Session};
use fluvius_testing::SeededRng;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::history::Request;

/// The kinds of requests in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestMix {
    /// Every command, rejected ones included, on accounts that the clients open.
    Everything,
    /// Transfers, deposits, withdrawals, linked accounts, and snapshots of all of these.
    Bank,
    /// Transfers, deposits, withdrawals and snapshots of few accounts.
    Accounts,
}

/// Opening balance of an account.
const OPENING_BALANCE: i64 = 100;

/// Opening balance of a linked account; debits soon reach the limit.
pub const LINKED_BALANCE: i64 = 10;

/// Number of linked accounts: two pairs.
pub const LINKED_ACCOUNTS: u64 = 4;

/// Maximum of accounts that clients open.
const MAX_ACCOUNTS: u64 = 12;

pub fn account(number: u64) -> AggregateId {
    AggregateId::new("bank-account", Uuid::from_u128(1 + u128::from(number)))
}

/// Returns the id of a linked account. The partner of an even number is the next one.
pub fn linked_account(number: u64) -> AggregateId {
    AggregateId::new("linked-account", Uuid::from_u128(1_000 + u128::from(number)))
}

pub fn partner(number: u64) -> u64 {
    number ^ 1
}

impl RequestMix {
    /// Returns the number of initial accounts.
    pub fn accounts(self) -> u64 {
        match self {
            Self::Everything => 0,
            Self::Bank => 10,
            Self::Accounts => 5,
        }
    }

    pub fn linked_accounts(self) -> u64 {
        if self == Self::Bank { LINKED_ACCOUNTS } else { 0 }
    }

    /// Returns the ids of all initial aggregates.
    pub fn aggregate_ids(self) -> Vec<AggregateId> {
        (0..self.accounts())
            .map(account)
            .chain((0..self.linked_accounts()).map(linked_account))
            .collect()
    }

    /// Returns the commands that open the initial aggregates.
    pub fn openings(self, session: &Session) -> Vec<Request> {
        let accounts = (0..self.accounts()).map(|number| {
            let opening = open(number, OPENING_BALANCE);
            command(session, account(number), "open-account", opening)
        });
        let linked_accounts = (0..self.linked_accounts()).map(|number| {
            let start =
                json!({ "balance": LINKED_BALANCE, "partner": linked_account(partner(number)).id });
            command(session, linked_account(number), "open-linked-account", start)
        });
        accounts.chain(linked_accounts).collect()
    }

    pub fn next(self, session: &Session, rng: &mut SeededRng) -> Request {
        match self {
            Self::Everything => any_command(session, rng),
            Self::Bank => match rng.below(10) {
                0..2 => Request::Snapshot(self.aggregate_ids()),
                2..5 => linked_command(session, self.linked_accounts(), rng),
                _ => money_command(session, self.accounts(), rng),
            },
            Self::Accounts if rng.happens(250) => {
                Request::Snapshot(vec![account(rng.below(self.accounts()))])
            }
            Self::Accounts => money_command(session, self.accounts(), rng),
        }
    }
}

fn any_command(session: &Session, rng: &mut SeededRng) -> Request {
    let number = rng.below(MAX_ACCOUNTS);
    match rng.below(20) {
        // Rejected once the account exists.
        0..5 => {
            let deposit = i64::try_from(rng.below(200)).unwrap();
            command(session, account(number), "open-account", open(number, deposit))
        }
        5 => command(session, account(number), "close-account", json!({})),
        _ => money_command(session, MAX_ACCOUNTS, rng),
    }
}

/// Returns a command that moves money; sometimes more than the balance, or to the account itself.
fn money_command(session: &Session, accounts: u64, rng: &mut SeededRng) -> Request {
    let from = account(rng.below(accounts));
    let amount = format!("{}.{:02}", rng.below(80), 1 + rng.below(99));
    match rng.below(10) {
        0..2 => command(session, from, "deposit-money", json!({ "amount": amount })),
        2..4 => command(session, from, "withdraw-money", json!({ "amount": amount })),
        _ => {
            let recipient = account(rng.below(accounts)).id;
            let transfer = json!({ "amount": amount, "recipient_id": recipient });
            command(session, from, "transfer-money", transfer)
        }
    }
}

/// Returns a command that keeps a pair of linked accounts near its limit.
fn linked_command(session: &Session, linked_accounts: u64, rng: &mut SeededRng) -> Request {
    let linked_account = linked_account(rng.below(linked_accounts));
    if rng.happens(300) {
        command(
            session,
            linked_account,
            "credit-linked-account",
            json!({ "amount": 1 + rng.below(40) }),
        )
    } else {
        command(
            session,
            linked_account,
            "debit-linked-account",
            json!({ "amount": 1 + rng.below(40) }),
        )
    }
}

fn open(number: u64, deposit: i64) -> serde_json::Value {
    json!({
        "account_number": number.to_string(),
        "owner_name": "Ada",
        "initial_deposit": deposit.to_string(),
    })
}

fn command(
    session: &Session,
    aggregate_id: AggregateId,
    key: &str,
    payload: serde_json::Value,
) -> Request {
    Request::Send(session.aggregate(aggregate_id).create_command(key, payload).unwrap())
}
