//! The code of the chapter "Descriptions and schemas" (`docs/src/descriptions.md`).

#![allow(missing_docs, unreachable_pub, reason = "the chapter documents the examples")]

// ANCHOR: order
use fluvius::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use fluvius::{Domain, MemoryStore, Rejection, aggregate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// An order of a shop.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// Sum of all items.
    pub total: Decimal,
}

#[derive(Debug, thiserror::Error, Rejection)]
pub enum OrderError {
    /// Items have a price.
    #[error("the price is negative")]
    PriceNegative,
    /// The customer must pay first.
    #[error("{open} is not paid")]
    #[rejection(status = 402)]
    NotPaid { open: Decimal },
}

/// Returns the schema of a country: two letters.
fn country(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Z]{2}$" })
}

#[aggregate(resource = "order", schema = "required")]
impl Order {
    /// Place an order.
    #[action(evt_key = "order-placed")]
    pub fn place_order(
        /// Country of the customer.
        #[arg(schema = country, example = "NL")]
        country: String,
    ) -> Result<Self, OrderError> {
        let _ = country;
        Ok(Self { total: Decimal::ZERO })
    }

    /// Add an item.
    #[action(evt_key = "item-added")]
    pub fn add_item(
        &mut self,
        /// Price of the item.
        price: Decimal,
    ) -> Result<(), OrderError> {
        if price < Decimal::ZERO {
            return Err(OrderError::PriceNegative);
        }
        self.total += price;
        Ok(())
    }
}

/// Orders of the shop.
#[derive(Debug, Domain)]
#[domain(aggregates(Order))]
pub struct OrderDomain;
// ANCHOR_END: order

#[tokio::test]
async fn schemas_have_a_contract() -> Result<(), Box<dyn std::error::Error>> {
    // ANCHOR: schemas
    let domain = OrderDomain::runtime(MemoryStore::new()).await?;
    let description = domain.registry().describe();
    let actions = &description.aggregates[0].actions;

    let payload = actions[1].payload.as_ref().ok_or("no schema")?;
    let docs = payload["properties"]["price"]["description"].as_str().unwrap_or_default();
    assert!(docs.starts_with("Price of the item."), "{docs}");
    assert_eq!(payload["properties"]["price"]["type"][0], "string");
    assert_eq!(payload["properties"]["price"]["type"][1], "number");

    let event = actions[1].event.as_ref().and_then(|event| event.schema.as_ref());
    let event = event.ok_or("no schema")?;
    assert_eq!(event["properties"]["price"]["type"], "string");
    // ANCHOR_END: schemas

    // ANCHOR: missing
    let country = &actions[0].fields[0];
    assert_eq!(country.example, Some("NL".into()));
    assert_eq!(country.schema.as_ref().ok_or("no schema")?["pattern"], "^[A-Z]{2}$");
    assert!(description.missing_schemas.is_empty());
    // ANCHOR_END: missing

    // ANCHOR: codes
    let rejections = &actions[1].rejections;
    let codes: Vec<_> = rejections.codes.iter().map(|code| (code.code, code.status)).collect();
    assert_eq!(codes, [("price-negative", 409), ("not-paid", 402)]);
    assert_eq!(rejections.codes[1].message, "{open} is not paid");
    assert!(!rejections.open && !rejections.invoked);
    // ANCHOR_END: codes
    let not_paid = OrderError::NotPaid { open: Decimal::ONE };
    assert_eq!(not_paid.code(), "not-paid");
    domain.shutdown().await;
    Ok(())
}
