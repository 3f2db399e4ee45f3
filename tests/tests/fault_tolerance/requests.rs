//! What a client asks next, by its seed.

use fluvius_core::{AggregateId, Session};
use fluvius_testing::SeededRng;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::history::Request;

/// What the clients of a run ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mix {
    /// Every command, also those that are refused, on accounts that the clients open.
    Everything,
    /// Transfers, deposits, withdrawals, purses, and snapshots of all of it.
    Bank,
    /// Transfers, deposits, withdrawals and snapshots of few accounts.
    Accounts,
}

/// What each account has at first.
const IN_AN_ACCOUNT: i64 = 100;

/// What each purse has at first: it is soon drawn to the end.
pub const IN_A_PURSE: i64 = 10;

/// How many purses there are: two couples.
pub const PURSES: u64 = 4;

/// How many accounts clients may open.
const MANY: u64 = 12;

pub fn account(number: u64) -> AggregateId {
    AggregateId::new("bank-account", Uuid::from_u128(1 + u128::from(number)))
}

/// A purse; the partner of an even one is the next.
pub fn purse(number: u64) -> AggregateId {
    AggregateId::new("purse", Uuid::from_u128(1_000 + u128::from(number)))
}

pub fn partner(number: u64) -> u64 {
    number ^ 1
}

impl Mix {
    /// How many accounts are there from the first.
    pub fn accounts(self) -> u64 {
        match self {
            Self::Everything => 0,
            Self::Bank => 10,
            Self::Accounts => 5,
        }
    }

    pub fn purses(self) -> u64 {
        if self == Self::Bank { PURSES } else { 0 }
    }

    /// All aggregates that are there from the first.
    pub fn aggregate_ids(self) -> Vec<AggregateId> {
        (0..self.accounts()).map(account).chain((0..self.purses()).map(purse)).collect()
    }

    /// The commands that open what is there from the first.
    pub fn openings(self, session: &Session) -> Vec<Request> {
        let accounts = (0..self.accounts()).map(|number| {
            let opening = open(number, IN_AN_ACCOUNT);
            command(session, account(number), "open-account", opening)
        });
        let purses = (0..self.purses()).map(|number| {
            let begin = json!({ "balance": IN_A_PURSE, "partner": purse(partner(number)).id });
            command(session, purse(number), "begin-purse", begin)
        });
        accounts.chain(purses).collect()
    }

    pub fn next(self, session: &Session, rng: &mut SeededRng) -> Request {
        match self {
            Self::Everything => everything(session, rng),
            Self::Bank => match rng.below(10) {
                0..2 => Request::Snapshot(self.aggregate_ids()),
                2..5 => drawing(session, self.purses(), rng),
                _ => moving(session, self.accounts(), rng),
            },
            Self::Accounts if rng.happens(250) => {
                Request::Snapshot(vec![account(rng.below(self.accounts()))])
            }
            Self::Accounts => moving(session, self.accounts(), rng),
        }
    }
}

fn everything(session: &Session, rng: &mut SeededRng) -> Request {
    let number = rng.below(MANY);
    match rng.below(20) {
        // Refused as soon as it is there.
        0..5 => {
            let deposit = i64::try_from(rng.below(200)).unwrap();
            command(session, account(number), "open-account", open(number, deposit))
        }
        5 => command(session, account(number), "close-account", json!({})),
        _ => moving(session, MANY, rng),
    }
}

/// A movement of money; sometimes of more than is there, or to the account itself.
fn moving(session: &Session, accounts: u64, rng: &mut SeededRng) -> Request {
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

/// What keeps the purses of a couple near to nothing.
fn drawing(session: &Session, purses: u64, rng: &mut SeededRng) -> Request {
    let purse = purse(rng.below(purses));
    if rng.happens(300) {
        command(session, purse, "fill-purse", json!({ "amount": 1 + rng.below(40) }))
    } else {
        command(session, purse, "draw-purse", json!({ "amount": 1 + rng.below(40) }))
    }
}

fn open(number: u64, deposit: i64) -> serde_json::Value {
    json!({
        "account_number": number.to_string(),
        "owner_name": "somebody",
        "initial_deposit": deposit.to_string(),
    })
}

fn command(
    session: &Session,
    aggregate_id: AggregateId,
    key: &str,
    payload: serde_json::Value,
) -> Request {
    Request::Send(session.on(aggregate_id).create_command(key, payload).unwrap())
}
