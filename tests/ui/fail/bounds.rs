//! Requirements on the author's types: one error for each, at its token, whatever else is made of it.

use std::convert::Infallible;
use std::rc::Rc;

use fluvius::{Domain, Rejection, Session, aggregate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    pub balance: i64,
}

#[derive(Debug, Clone)]
pub struct Money(i64);

pub struct Nothing;

#[derive(Debug, Clone, Serialize)]
pub struct Receipt {
    pub number: u64,
}

#[derive(Debug, Clone)]
pub struct Report {
    pub number: u64,
}

#[derive(Debug)]
pub enum PlainError {
    Poor,
}

#[derive(Debug, Rejection)]
pub enum HalfError {
    Poor,
}

#[aggregate]
impl Account {
    // Without serde. The second use is no second error.
    #[action(evt_key = "money-deposited")]
    pub fn deposit(&mut self, amount: Money) -> Result<(), Infallible> {
        self.balance += amount.0;
        Ok(())
    }

    #[action(evt_key = "money-withdrawn")]
    pub fn withdraw(&mut self, amount: Money) -> Result<(), Infallible> {
        self.balance -= amount.0;
        Ok(())
    }

    #[action(evt_key = "all-deposited")]
    pub fn deposit_all(&mut self, amounts: Vec<Option<Money>>) -> Result<(), Infallible> {
        drop(amounts);
        Ok(())
    }

    // Without any of the traits.
    #[action(evt_key = "nothing-taken")]
    pub fn take_nothing(&mut self, nothing: Nothing) -> Result<(), Infallible> {
        drop(nothing);
        Ok(())
    }

    #[action(evt_key = "shared-taken")]
    pub fn take_shared(&mut self, shared: Rc<String>) -> Result<(), Infallible> {
        drop(shared);
        Ok(())
    }

    #[action(evt_key = "pin-taken")]
    pub fn take_pin(&mut self, #[arg(secret)] pin: std::time::Instant, place: u8) -> Result<(), Infallible> {
        let _ = (pin, place);
        Ok(())
    }

    #[action(evt_key = "receipt-printed")]
    pub fn print_receipt(&mut self) -> Result<Receipt, Infallible> {
        Ok(Receipt { number: 1 })
    }

    #[action]
    pub fn report_balance(&self) -> Result<Report, Infallible> {
        Ok(Report { number: 1 })
    }

    // Foreign errors, and own ones that are no rejection.
    #[action(evt_key = "a-done")]
    pub fn text(&mut self) -> Result<(), String> {
        Ok(())
    }

    #[action(evt_key = "b-done")]
    pub fn input(&mut self) -> Result<u8, std::io::Error> {
        Ok(1)
    }

    #[action(evt_key = "c-done")]
    pub fn boxed(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        Ok(())
    }

    #[action(evt_key = "d-done")]
    pub fn plain(&mut self) -> Result<u8, PlainError> {
        Ok(1)
    }

    #[action(evt_key = "e-done")]
    pub fn half(&mut self) -> Result<u8, HalfError> {
        Ok(1)
    }
}

// Its users hear nothing more.
async fn send(session: Session) {
    let _ = session.send(Uuid::nil(), Deposit { amount: Money(1) }).await;
}

#[derive(Debug, Clone)]
pub struct Ledger;

#[aggregate]
impl Ledger {
    #[action(evt_key = "ledger-opened")]
    pub fn open_ledger() -> Result<Self, Infallible> {
        Ok(Self)
    }

    #[action(evt_key = "page-added")]
    pub fn add_page(&mut self, page: u8) -> Result<u8, Infallible> {
        Ok(page)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Journal;

#[aggregate]
impl Journal {
    #[action(evt_key = "journal-kept")]
    pub fn keep_journal(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[derive(Domain)]
#[domain(aggregates(Account, Ledger, Journal))]
pub struct BankDomain;

#[derive(Clone, Serialize, Deserialize)]
pub struct Strict {
    pub receipt: u64,
}

/// Can be a field, and has no schema.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Parcel(u8);

fn country(_: &mut fluvius::schemars::SchemaGenerator) -> fluvius::schemars::Schema {
    fluvius::schemars::json_schema!({ "type": "string" })
}

fn wrong_country() -> String {
    String::new()
}

// Each type needs a schema. The second use is no second error.
#[aggregate(schema = "required")]
impl Strict {
    #[action(evt_key = "noted")]
    pub fn note(
        &mut self,
        parcel: Parcel,
        again: Parcel,
        list: Vec<Parcel>,
        #[arg(schema = country)] given: Parcel,
        #[arg(schema = wrong_country)] wrong: Parcel,
        id: Uuid,
    ) -> Result<(), Infallible> {
        drop((parcel, again, list, given, wrong, id));
        Ok(())
    }

    #[action]
    pub fn read(&self) -> Result<Option<Parcel>, Infallible> {
        Ok(None)
    }
}

fn main() {}
