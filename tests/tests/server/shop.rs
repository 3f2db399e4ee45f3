//! A domain whose types are hard to describe: several resources, types without a schema, types that
//! contain themselves, and one name in two forms.

use fluvius::{Domain, DomainRuntime, MemoryStore, SimpleRejection, aggregate};
use serde::{Deserialize, Serialize};

/// An item or a basket of items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Item {
    One { name: String, price: rust_decimal::Decimal },
    Basket(Vec<Item>),
}

/// A type without a schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opaque {
    pub word: String,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub items: Vec<Item>,
    pub opaque: Option<Opaque>,
}

#[aggregate(resources = ["order", "draft"])]
impl Order {
    /// Place an order.
    #[action(evt_key = "order-placed")]
    pub fn place_order(items: Vec<Item>, opaque: Option<Opaque>) -> Result<Self, SimpleRejection> {
        Ok(Self { items, opaque })
    }

    /// Add an item.
    #[action(evt_key = "item-added", resources = ["draft"])]
    pub fn add_item(&mut self, item: Item) -> Result<Vec<Item>, SimpleRejection> {
        self.items.push(item);
        Ok(self.items.clone())
    }

    /// Show the basket.
    #[action]
    pub fn show_basket(&self) -> Result<Item, SimpleRejection> {
        Ok(Item::Basket(self.items.clone()))
    }
}

/// A shop.
#[derive(Debug, Domain)]
#[domain(aggregates(Order), namespace = "shop")]
pub struct ShopDomain;

pub async fn shop() -> DomainRuntime {
    ShopDomain::runtime(MemoryStore::new()).await.unwrap()
}
