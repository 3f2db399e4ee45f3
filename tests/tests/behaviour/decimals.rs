//! A decimal of a payload is read exactly, or rejected with its path.

use std::collections::BTreeMap;

use fluvius_core::{Aggregate, Domain};
use fluvius_core::{Error, SimpleRejection, aggregate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use fluvius_tests::fixture::{Fixture, id};

/// Prices in every position of a decimal.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Prices {
    #[serde(rename = "baseAmount")]
    pub base: Decimal,
    pub steps: Vec<Decimal>,
    pub of: BTreeMap<String, Option<Decimal>>,
    #[serde(flatten)]
    pub more: Option<More>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum More {
    Exact { rate: Decimal },
}

/// An offer with an amount, a factor, and prices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    pub amount: Decimal,
    pub factor: f64,
    pub note: String,
}

#[aggregate(resource = "offer")]
impl Offer {
    /// Make an offer.
    #[action(evt_key = "offer-made")]
    pub fn make_offer(
        #[arg(alias = "sum")] amount: Decimal,
        #[arg(default)] factor: f64,
        #[arg(default)] note: String,
        prices: Option<Prices>,
    ) -> Result<Self, SimpleRejection> {
        let _ = prices;
        Ok(Self { amount, factor, note })
    }
}

#[derive(Domain)]
#[domain(aggregates(Offer))]
pub struct OfferDomain;

const LONG: &str = "0.12345678901234567890123456789";

/// Sends a payload, and returns the path of its error, if any.
async fn path_of(payload: &str) -> Option<String> {
    let fixture = Fixture::new::<OfferDomain>().await;
    let session = fixture.session.aggregate(Offer::aggregate_id(id(1)));
    let command = session.create_command("make-offer", payload).unwrap();
    match session.process_command(command).await {
        Ok(_) => None,
        Err(Error::InvalidPayload { path, message, .. }) => {
            assert!(message.contains("28 digits"), "{message}");
            Some(path.to_string())
        }
        Err(error) => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn inexact_decimals_are_rejected_with_their_path() {
    let prices = |prices: &str| format!(r#"{{"amount":"1","prices":{prices}}}"#);
    for (payload, path) in [
        (format!(r#"{{"amount":"{LONG}"}}"#), "amount"),
        (format!(r#"{{"sum":"{LONG}"}}"#), "sum"),
        (r#"{"amount":1e-30}"#.to_owned(), "amount"),
        (r#"{"amount":-1.5e-28}"#.to_owned(), "amount"),
        (format!(r#"{{"note":"{LONG}","amount":"{LONG}"}}"#), "amount"),
        (
            prices(&format!(r#"{{"baseAmount":"{LONG}","steps":[],"of":{{}}}}"#)),
            "prices.baseAmount",
        ),
        (
            prices(&format!(r#"{{"baseAmount":1,"steps":[1,"{LONG}"],"of":{{}}}}"#)),
            "prices.steps[1]",
        ),
        (
            prices(&format!(r#"{{"baseAmount":1,"steps":[],"of":{{"a b":"{LONG}"}}}}"#)),
            "prices.of.a b",
        ),
        (
            prices(&format!(
                r#"{{"baseAmount":1,"steps":[],"of":{{}},"kind":"Exact","rate":"{LONG}"}}"#
            )),
            "prices.rate",
        ),
    ] {
        assert_eq!(path_of(&payload).await.as_deref(), Some(path), "{payload}");
    }
}

#[tokio::test]
async fn exact_decimals_are_preserved() {
    for payload in [
        r#"{"amount":"0.1234567890123456789012345678"}"#,
        r#"{"amount":"79228162514264337593543950335"}"#,
        r#"{"amount":"1.0000000000000000000000000000000000000000"}"#,
        r#"{"amount":1e-28}"#,
        r#"{"amount":1e28}"#,
        r#"{"amount":"-0.000"}"#,
        r#"{"amount":1,"factor":1e-30}"#,
        r#"{"amount":1,"factor":0.30000000000000004}"#,
        r#"{"amount":0,"note":"1e-30"}"#,
        r#"{"amount":0,"note":"0.12345678901234567890123456789012345"}"#,
    ] {
        assert_eq!(path_of(payload).await, None, "{payload}");
    }
}
