//! An aggregate type whose commands take every kind of field, for hostile input.

use std::collections::BTreeMap;

use banking_domain::Account;
use chrono::{DateTime, Utc};
use fluvius_core::{
    Aggregate, AggregateId, Domain, DomainContext, DomainRuntime, MemoryStore, Session,
    SimpleRejection, aggregate,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// A sample of everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) float: f64,
    pub(crate) map: BTreeMap<String, Item>,
    pub(crate) any: Value,
}

/// A part of a field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) label: String,
    pub(crate) price: Decimal,
    #[serde(default)]
    pub(crate) parts: Vec<Item>,
}

/// One of several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Choice {
    Nothing,
    Number(i32),
    Both { left: String, right: (u8, f32) },
}

#[aggregate(resource = "sample")]
impl Sample {
    /// Take a sample.
    #[action(evt_key = "sample-taken")]
    pub(crate) fn take_sample(name: String) -> Result<Self, SimpleRejection> {
        let (text, map) = (String::new(), BTreeMap::new());
        Ok(Self { name, text, float: 0.0, map, any: Value::Null })
    }

    /// Fill it with everything.
    #[expect(clippy::too_many_arguments, reason = "one parameter of each kind")]
    #[action(evt_key = "sample-filled")]
    pub(crate) fn fill_sample(
        &mut self,
        text: String,
        integer: i64,
        natural: u64,
        small: u8,
        float: f64,
        flag: bool,
        letter: char,
        id: Uuid,
        amount: Decimal,
        time: DateTime<Utc>,
        #[arg(alias = "opt")] option: Option<String>,
        list: Vec<Item>,
        map: BTreeMap<String, Item>,
        choice: Choice,
        any: Value,
        #[arg(default = 7)] fallback: u32,
    ) -> Result<(), SimpleRejection> {
        let _ = (integer, natural, small, flag, letter, id, amount, time, option, list, choice);
        if fallback == 0 {
            return Err(SimpleRejection::new("nothing-left", "there is nothing left"));
        }
        self.text = text;
        self.float = float;
        self.map = map;
        self.any = any;
        Ok(())
    }

    /// Lock it with a secret.
    #[action(evt_key = "sample-locked")]
    pub(crate) fn lock_sample(
        &mut self,
        #[arg(secret, alias = "code")] pin: String,
        #[arg(secret)] digits: u32,
        #[arg(secret)] parts: BTreeMap<String, Item>,
        note: String,
    ) -> Result<(), SimpleRejection> {
        let _ = (pin, digits, parts);
        self.text = note;
        Ok(())
    }

    /// Say what is in it.
    #[action]
    pub(crate) fn ask_sample(&self, prefix: String) -> Result<String, SimpleRejection> {
        Ok(format!("{prefix}{}", self.name))
    }
}

/// Domain for hostile input.
#[derive(Domain)]
#[domain(aggregates(Sample, Account))]
pub(crate) struct HostileDomain;

/// Builds a domain with one open sample and one open account.
pub(crate) struct SampleTarget {
    pub(crate) domain: DomainRuntime,
    pub(crate) store: MemoryStore,
    pub(crate) session: Session,
}

impl SampleTarget {
    pub(crate) async fn new() -> Self {
        let store = MemoryStore::new();
        let domain = HostileDomain::runtime(store.clone()).await.unwrap();
        let session = domain.session(DomainContext::create("hostile"));
        session.send(SAMPLE, TakeSample { name: "sample".to_owned() }).await.unwrap();
        let open = json!({
            "account_number": "1", "owner_name": "Ada Lovelace", "initial_deposit": "1000.00"
        });
        let account = session.aggregate(Account::aggregate_id(ACCOUNT));
        let open = account.create_command("open-account", open).unwrap();
        account.process_command(open).await.unwrap();
        Self { domain, store, session }
    }

    /// Returns the aggregate for a command of this key; a new one for a creating action.
    pub(crate) fn aggregate_id(&self, key: &str) -> AggregateId {
        let Some(action) = self.domain.registry().find(key) else {
            return Sample::aggregate_id(SAMPLE);
        };
        let creates = action.lifecycle == fluvius_core::Lifecycle::Create;
        match action.resources[0] {
            "sample" if creates => Sample::aggregate_id(Uuid::new_v4()),
            "sample" => Sample::aggregate_id(SAMPLE),
            _ if creates => Account::aggregate_id(Uuid::new_v4()),
            _ => Account::aggregate_id(ACCOUNT),
        }
    }
}

pub(crate) const SAMPLE: Uuid = Uuid::from_u128(0x5A);
pub(crate) const ACCOUNT: Uuid = Uuid::from_u128(0xAC);

/// Returns every key of the domain, internal ones included.
pub(crate) const KEYS: [&str; 10] = [
    "take-sample",
    "fill-sample",
    "lock-sample",
    "ask-sample",
    "open-account",
    "deposit-money",
    "withdraw-money",
    "transfer-money",
    "receive-transfer",
    "close-account",
];

/// Returns a valid payload for a key.
pub(crate) fn valid_payload(key: &str) -> Value {
    let item = json!({ "label": "a label", "price": "10.50", "parts": [] });
    match key {
        "take-sample" => json!({ "name": "another" }),
        "fill-sample" => json!({
            "text": "some text", "integer": -7, "natural": 18_446_744_073_709_551_615_u64,
            "small": 255, "float": 0.1, "flag": true, "letter": "é", "id": SAMPLE,
            "amount": "10.50", "time": "2026-01-01T00:00:00.123456Z", "option": "given",
            "list": [item, { "label": "", "price": 3, "parts": [item] }],
            "map": { "a/b": item, "~": item },
            "choice": { "both": { "left": "", "right": [1, 0.5] } },
            "any": { "deep": [[[null]]], "n": 1e3 }, "fallback": 1,
        }),
        "lock-sample" => {
            json!({ "pin": "1234", "digits": 7, "parts": { "a": item }, "note": "locked" })
        }
        "ask-sample" => json!({ "prefix": "this is " }),
        "open-account" => json!({
            "account_number": "2", "owner_name": "Charles Babbage", "initial_deposit": "5.00"
        }),
        "transfer-money" => json!({ "amount": "1.00", "recipient": SAMPLE }),
        "receive-transfer" => json!({ "amount": "1.00", "sender_id": SAMPLE }),
        "close-account" => json!({}),
        _ => json!({ "amount": "1.00" }),
    }
}

/// Every code of an error.
pub(crate) const CODES: [&str; 31] = [
    "unknown-command",
    "invalid-payload",
    "invalid-command-id",
    "precondition-required",
    "no-aggregate-root",
    "resource-not-allowed",
    "permission-denied",
    "not-found",
    "already-exists",
    "rejected",
    "precondition-failed",
    "conflict",
    "command-id-reused",
    "group-rejected",
    "reentrant-invoke",
    "invoke-depth-exceeded",
    "timed-out",
    "panicked",
    "overloaded",
    "shutting-down",
    "no-runtime",
    "too-large",
    "invalid-query",
    "multiple-results",
    "invalid-state",
    "invalid-position",
    "invalid-subscription",
    "store-unsupported",
    "store-unavailable",
    "store-error",
    "outcome-unknown",
];

#[test]
fn released_codes_do_not_change() {
    let codes = fluvius_core::Error::CODES.iter().map(|(code, _)| *code);
    assert!(codes.eq(CODES));
    let unique: std::collections::BTreeSet<&str> = CODES.into_iter().collect();
    assert_eq!(unique.len(), CODES.len());
}
