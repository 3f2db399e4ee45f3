//! JSON schemas of commands, events, answers and states.

use std::collections::BTreeMap;
use std::convert::Infallible;

use chrono::{DateTime, NaiveDate, Utc};
use fluvius_core::registry::{ActionDescription, DomainDescription};
use fluvius_core::schemars::{Schema, SchemaGenerator, json_schema};
use fluvius_core::{Domain, DomainContext, MemoryStore, Session, aggregate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use fluvius_tests::fixture::id;

/// Size of a parcel.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Size {
    /// Height in millimetres.
    pub height: u16,
    #[serde(default)]
    pub weight: Decimal,
}

/// A type without a schema.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plain(u8);

/// A parcel on its way.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Parcel {
    pub size: Size,
    pub prices: Vec<Decimal>,
    /// Parcels inside.
    pub inner: Vec<Parcel>,
}

/// Two letters of ISO 3166.
fn country(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Z]{2}$" })
}

#[aggregate(resource = "parcel")]
impl Parcel {
    /// Send a parcel.
    #[action(evt_key = "parcel-sent")]
    #[allow(clippy::too_many_arguments)]
    pub fn send_parcel(
        /// Size with packaging.
        size: Size,
        /// Number of the sender.
        number: u64,
        to: Uuid,
        at: DateTime<Utc>,
        day: Option<NaiveDate>,
        #[arg(rename = "type", default = "normal", example = "fast")] kind: String,
        #[arg(schema = country)] country: String,
        /// PIN of the sender.
        #[arg(secret)]
        pin: String,
        plain: Option<Plain>,
        labels: BTreeMap<String, Plain>,
    ) -> Result<Self, Infallible> {
        let _ = (number, to, at, day, kind, country, pin, plain, labels);
        Ok(Self { size, prices: vec![], inner: vec![] })
    }

    /// Add a price, and answer with the sum.
    #[action(evt_key = "price-added")]
    pub fn add_price(&mut self, amount: Decimal) -> Result<Decimal, Infallible> {
        self.prices.push(amount);
        Ok(self.prices.iter().sum())
    }

    #[action]
    pub fn read_plain(&self) -> Result<Plain, Infallible> {
        Ok(Plain(1))
    }

    #[action]
    pub fn read_name(&self) -> Result<&'static str, Infallible> {
        Ok("parcel")
    }
}

/// Domain for parcels.
#[derive(Domain)]
#[domain(aggregates(Parcel))]
pub struct ParcelsDomain;

async fn describe() -> DomainDescription {
    ParcelsDomain::runtime(MemoryStore::new()).await.unwrap().registry().describe()
}

async fn action(key: &str) -> ActionDescription {
    let actions = describe().await.aggregates.remove(0).actions;
    actions.into_iter().find(|action| action.key == key).unwrap()
}

/// A decimal, as the input contract describes it.
fn decimal_input() -> Value {
    json!({
        "type": ["string", "number"],
        "pattern": r"^-?\d{1,28}(\.\d{1,28})?$",
        "description": "A decimal of up to 28 digits. Send a string: a JSON number that would be \
            rounded is invalid.",
    })
}

#[tokio::test]
async fn payload_has_the_input_contract() {
    let payload = action("send-parcel").await.payload.unwrap();
    let mut weight = decimal_input();
    weight["default"] = json!("0");
    let expected = json!({
        "title": "SendParcel",
        "description": "Send a parcel.",
        "type": "object",
        "additionalProperties": false,
        "required": ["size", "number", "to", "at", "country", "pin", "labels"],
        "properties": {
            "size": { "$ref": "#/$defs/Size", "description": "Size with packaging." },
            "number": {
                "type": "integer",
                "format": "uint64",
                "minimum": 0,
                "maximum": u64::MAX,
                "description": "Number of the sender.\n\nint64: clients that read JSON numbers as \
                    doubles lose digits beyond 2^53.",
            },
            "to": { "type": "string", "format": "uuid" },
            "at": { "type": "string", "format": "date-time" },
            "day": { "type": ["string", "null"], "format": "date" },
            "type": { "type": "string", "default": "normal", "examples": ["fast"] },
            "country": { "type": "string", "pattern": "^[A-Z]{2}$" },
            "pin": {
                "type": "string", "writeOnly": true, "description": "PIN of the sender.",
            },
            "plain": { "title": "Option<Plain>" },
            "labels": { "title": "BTreeMap<String, Plain>" },
        },
        "$defs": {
            "Size": {
                "description": "Size of a parcel.",
                "type": "object",
                "required": ["height"],
                "properties": {
                    "height": {
                        "description": "Height in millimetres.",
                        "type": "integer",
                        "format": "uint16",
                        "minimum": 0,
                        "maximum": 65_535,
                    },
                    "weight": weight,
                },
            },
        },
    });
    let shown = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    assert_eq!(shown(&payload), shown(&expected));
}

#[tokio::test]
async fn event_answer_and_state_have_the_output_contract() {
    let written = json!({ "type": "string", "pattern": r"^-?\d+(\.\d+)?$" });
    let added = action("add-price").await;
    assert_eq!(added.payload.unwrap()["properties"]["amount"], decimal_input());
    assert_eq!(added.output.as_ref(), Some(&written));
    let event = added.event.unwrap();
    assert_eq!((event.key, event.name), ("price-added", "PriceAdded"));
    let event = event.schema.unwrap();
    assert_eq!(event["properties"], json!({ "amount": written, "data": written }));
    assert_eq!(event["required"], json!(["amount", "data"]));

    let description = describe().await;
    let state = description.aggregates[0].state.as_ref().unwrap();
    assert_eq!(state["$ref"], "#/$defs/Parcel");
    assert_eq!(state["$defs"]["Parcel"]["properties"]["prices"]["items"], written);
    // A default is always written.
    assert_eq!(state["$defs"]["Size"]["required"], json!(["height", "weight"]));
    assert_eq!(description.aggregates[0].docs, "A parcel on its way.");

    let sent = action("send-parcel").await;
    assert_eq!(sent.output.as_ref(), Some(state));
    let event = sent.event.unwrap().schema.unwrap();
    assert_eq!(event["properties"].get("pin"), None);
    assert_eq!(event["properties"]["type"], json!({ "type": "string" }));
    assert_eq!(action("read-name").await.output, Some(json!({ "type": "string" })));
    assert_eq!(action("read-plain").await.output, Some(json!({ "title": "Plain" })));
}

#[tokio::test]
async fn each_place_without_a_schema_is_listed() {
    let missing = describe().await.missing_schemas;
    let shown = missing.iter().map(|each| (each.type_name, each.command, each.field));
    let expected = [
        ("Option<Plain>", Some("send-parcel"), Some("plain")),
        ("BTreeMap<String, Plain>", Some("send-parcel"), Some("labels")),
        ("Plain", Some("read-plain"), None),
    ];
    assert_eq!(shown.collect::<Vec<_>>(), expected);
}

/// Texts and numbers at the limits of the schema of a decimal.
#[tokio::test]
async fn values_at_the_bounds_of_a_decimal_are_read() {
    let domain = ParcelsDomain::runtime(MemoryStore::new()).await.unwrap();
    let mut session = domain.session(DomainContext::create("test"));
    session.set_aggroot("parcel", id(1));
    let digits = |count: usize| "9".repeat(count);
    let admitted = [
        json!(digits(28)),
        json!(format!("-{}", digits(28))),
        json!(format!("{}.{}", digits(14), digits(14))),
        json!(format!("{}.9", digits(27))),
        json!(format!("0.{}", digits(27))),
        json!(format!("-0.{}", digits(26))),
        json!(format!("{:0>28}", 7)),
        json!(9_007_199_254_740_991_i64),
        json!(-9_007_199_254_740_991_i64),
        json!(0.25),
    ];
    for amount in &admitted {
        let length = amount.as_str().map_or(0, str::len);
        assert!(length <= 29, "{amount}");
        assert_eq!(add_price(&mut session, amount).await, "not-found", "{amount}");
    }
    for amount in [json!(digits(30)), json!(format!("0.{}", digits(29))), json!(1e30)] {
        assert_eq!(add_price(&mut session, &amount).await, "invalid-payload", "{amount}");
    }
}

/// Returns the code of a command on an absent parcel: `not-found` if its payload is read.
async fn add_price(session: &mut Session, amount: &Value) -> String {
    let command = session.create_command("add-price", json!({ "amount": amount })).unwrap();
    session.process_command(command).await.unwrap_err().code().to_owned()
}
