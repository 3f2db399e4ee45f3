//! The aggregate type at revision 2: another name for the owner, and decimal amounts.

use std::convert::Infallible;

use fluvius_core::uuid::Uuid;
use fluvius_core::{
    ActionContext, ContextError, Domain, SimpleRejection, UpcastError, UpcastInput, aggregate,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    pub owner_name: String,
    pub balance: Decimal,
    pub remark: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    pub left: Decimal,
}

#[aggregate(resource = "account", revision = 2, upcast = upcast)]
impl Account {
    #[action(evt_key = "account-opened")]
    pub fn open(owner: String, cents: i64, remark: String) -> Result<Self, Infallible> {
        Ok(Self { owner_name: owner, balance: Decimal::new(cents, 2), remark })
    }

    #[action(evt_key = "deposited")]
    pub fn deposit(&mut self, amount: Decimal) -> Result<(), Infallible> {
        self.balance += amount;
        Ok(())
    }

    #[action(evt_key = "withdrawn")]
    pub fn withdraw(&mut self, cents: i64) -> Result<Receipt, SimpleRejection> {
        let amount = Decimal::new(cents, 2);
        if amount > self.balance {
            return Err(SimpleRejection::new("insufficient-funds", "Insufficient funds"));
        }
        self.balance -= amount;
        Ok(Receipt { left: self.balance })
    }

    #[action(evt_key = "noted")]
    pub fn note(&self, text: String) -> Result<(), Infallible> {
        let _ = text;
        Ok(())
    }

    #[action(evt_key = "topped-up")]
    pub async fn top_up(&mut self, cx: &mut ActionContext, from: Uuid) -> Result<(), ContextError> {
        self.balance += cx.fetch::<Self>(from).await?.balance;
        Ok(())
    }

    #[action]
    pub fn look(&self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action]
    pub fn count_letters(&self) -> Result<usize, Infallible> {
        Ok(self.owner_name.len())
    }

    #[action(evt_key = "account-closed")]
    pub fn close(self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Converts revision 1 to revision 2.
pub fn upcast(from: u32, written: UpcastInput<'_>, json: &mut Value) -> Result<(), UpcastError> {
    match (from, written) {
        (1, UpcastInput::State) => {
            json["owner_name"] = json["owner"].take();
            json["balance"] = decimal(&json["cents"])?;
        }
        (1, UpcastInput::Event("deposited")) => json["amount"] = decimal(&json["cents"])?,
        (1, UpcastInput::Event("withdrawn")) => {
            json["data"] = json!({ "left": decimal(&json["data"]["cents_left"])? });
        }
        _ => {}
    }
    Ok(())
}

fn decimal(cents: &Value) -> Result<Value, UpcastError> {
    let cents = cents.as_i64().ok_or("the cents are no whole number")?;
    Ok(Decimal::new(cents, 2).to_string().into())
}

#[derive(Debug, Clone, Copy, Domain)]
#[domain(aggregates(Account), namespace = "evolving", revision = 2)]
pub struct EvolvingDomain;
