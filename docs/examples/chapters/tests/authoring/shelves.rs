//! An aggregate type, its domain, and its rows in the logs.

// ANCHOR: aggregate
use std::convert::Infallible;

use fluvius::{Aggregate, aggregate};
use serde::{Deserialize, Serialize};

/// A shelf in a warehouse.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shelf {
    pub label: String,
}

#[aggregate(resource = "shelf")]
impl Shelf {
    /// Put up a shelf.
    #[action(evt_key = "shelf-put-up")]
    pub fn put_up_shelf(label: String) -> Result<Self, Infallible> {
        Ok(Self { label })
    }

    /// Take down a shelf.
    #[action(evt_key = "shelf-taken-down")]
    pub fn take_down_shelf(self) -> Result<(), Infallible> {
        Ok(())
    }
}

#[test]
fn the_block_describes_the_shelf() {
    assert_eq!(Shelf::RESOURCES, ["shelf"]);
    assert_eq!(Shelf::REVISION, 1);
    assert_eq!(Shelf::ACTIONS[0].key, "put-up-shelf");
}
// ANCHOR_END: aggregate

// ANCHOR: domain
use fluvius::Domain;

/// Goods and their places.
#[derive(Debug, Domain)]
#[domain(aggregates(Shelf), revision = 3, tags("goods", "storage"))]
pub struct WarehouseDomain;

#[test]
fn the_domain_is_named_after_its_type() {
    assert_eq!(WarehouseDomain::METADATA.namespace, "warehouse");
    assert_eq!(WarehouseDomain::METADATA.title, "Warehouse Domain");
    assert_eq!(WarehouseDomain::METADATA.description, "Goods and their places.");
}
// ANCHOR_END: domain

// ANCHOR: events
use fluvius::{DomainContext, MemoryStore};
use uuid::Uuid;

#[tokio::test]
async fn rows_are_read_back_as_typed_events() -> Result<(), Box<dyn std::error::Error>> {
    let domain = WarehouseDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("hall"));
    let id = Uuid::new_v4();
    session.send(id, PutUpShelf { label: "A1".to_owned() }).await?;
    session.send(id, TakeDownShelf {}).await?;

    let mut history = Vec::new();
    for row in domain.log().events().await?.rows {
        match ShelfEvent::try_from(&row.record)? {
            ShelfEvent::ShelfPutUp(event) => history.push(format!("{} put up", event.label)),
            ShelfEvent::ShelfTakenDown(_) => history.push("taken down".to_owned()),
        }
    }
    assert_eq!(history, ["A1 put up", "taken down"]);
    Ok(())
}
// ANCHOR_END: events
