//! The aggregate type at revision 3: an amount has its currency.

use std::convert::Infallible;

use fluvius_core::{Domain, UpcastError, UpcastInput, aggregate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    pub owner_name: String,
    pub balance: Money,
    pub remark: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Money {
    pub amount: Decimal,
    pub currency: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    pub left: Money,
}

#[aggregate(resource = "account", revision = 3, upcast = Self::upcast)]
impl Account {
    #[action(evt_key = "account-opened")]
    pub fn open(owner: String, cents: i64, remark: String) -> Result<Self, Infallible> {
        Ok(Self { owner_name: owner, balance: Money::euros(Decimal::new(cents, 2)), remark })
    }

    #[action(evt_key = "deposited")]
    pub fn deposit(&mut self, money: Money) -> Result<(), Infallible> {
        self.balance.amount += money.amount;
        Ok(())
    }

    #[action(evt_key = "withdrawn")]
    pub fn withdraw(&mut self, cents: i64) -> Result<Receipt, Infallible> {
        self.balance.amount -= Decimal::new(cents, 2);
        Ok(Receipt { left: self.balance.clone() })
    }

    #[action(evt_key = "noted")]
    pub fn note(&self, text: String) -> Result<(), Infallible> {
        let _ = text;
        Ok(())
    }

    #[action(evt_key = "account-frozen")]
    pub fn freeze(&self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action(evt_key = "account-closed")]
    pub fn close(self) -> Result<(), Infallible> {
        Ok(())
    }

    /// The upcasts of revision 2 are unchanged.
    fn upcast(from: u32, written: UpcastInput<'_>, json: &mut Value) -> Result<(), UpcastError> {
        match (from, written) {
            (1, _) => crate::revision_2::upcast(from, written, json)?,
            (2, UpcastInput::State) => {
                // The upcast from revision 1 has kept the fields that it does not convert.
                *json = json!({
                    "owner_name": json["owner_name"].take(),
                    "balance": euros(json["balance"].take()),
                    "remark": json["remark"].take(),
                });
            }
            (2, UpcastInput::Event("deposited")) => json["money"] = euros(json["amount"].take()),
            (2, UpcastInput::Event("withdrawn")) => {
                json["data"]["left"] = euros(json["data"]["left"].take());
            }
            _ => {}
        }
        Ok(())
    }
}

impl Money {
    pub fn euros(amount: Decimal) -> Self {
        Self { amount, currency: "EUR".to_owned() }
    }
}

fn euros(amount: Value) -> Value {
    json!({ "amount": amount, "currency": "EUR" })
}

#[derive(Debug, Clone, Copy, Domain)]
#[domain(aggregates(Account), namespace = "evolving", revision = 3)]
pub struct EvolvingDomain;
