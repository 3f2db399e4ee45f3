//! A read model that follows the event log: each event counts once, even after a restart.
//!
//! The read model stores its resume token together with its data. Here both are one JSON text; in a
//! database they are rows of one transaction.
//!
//! ```sh
//! cargo run -p fluvius --example tailing_log
//! ```

use std::collections::BTreeMap;
use std::convert::Infallible;

use fluvius::serde_json;
use fluvius::{Domain, DomainContext, DomainRuntime, MemoryStore, ResumeToken, Session, aggregate};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An order of one product.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    /// The product's name.
    pub product: String,
    /// Number of pieces.
    pub pieces: u32,
}

#[aggregate(resource = "order")]
impl Order {
    /// Place an order.
    #[action(evt_key = "order-placed")]
    pub fn place_order(product: String, pieces: u32) -> Result<Self, Infallible> {
        Ok(Self { product, pieces })
    }
}

/// Domain for orders.
#[derive(Debug, Domain)]
#[domain(aggregates(Order))]
pub struct OrdersDomain;

/// The pieces ordered of each product, up to a place in the log.
#[derive(Debug, Serialize, Deserialize)]
struct Sales {
    resume_token: ResumeToken,
    pieces: BTreeMap<String, u32>,
}

impl Sales {
    /// Applies the next `count` events.
    async fn follow(
        &mut self,
        domain: &DomainRuntime,
        count: usize,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let mut events = domain.log().after(self.resume_token).follow_events().take(count);
        while let Some(entry) = events.next().await {
            let entry = entry?;
            let OrderEvent::OrderPlaced(placed) = OrderEvent::try_from(&entry.record)?;
            *self.pieces.entry(placed.product).or_default() += placed.pieces;
            self.resume_token = entry.resume_token();
        }
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let domain = OrdersDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("shop"));

    let mut sales = Sales { resume_token: ResumeToken::START, pieces: BTreeMap::new() };
    place(&session, "lamp", 2).await?;
    place(&session, "chair", 4).await?;
    sales.follow(&domain, 2).await?;
    let stored = serde_json::to_string(&sales)?;
    println!("{stored}");

    // The follower ends here, and the domain continues.
    place(&session, "lamp", 5).await?;

    // It resumes where it stopped, so the earlier orders do not count twice.
    let mut sales: Sales = serde_json::from_str(&stored)?;
    sales.follow(&domain, 1).await?;
    println!("{}", serde_json::to_string(&sales)?);
    assert_eq!(sales.pieces["lamp"], 7);
    assert_eq!(sales.pieces["chair"], 4);
    domain.shutdown().await;
    Ok(())
}

async fn place(session: &Session, product: &str, pieces: u32) -> Result<(), fluvius::Error> {
    let order = PlaceOrder { product: product.to_owned(), pieces };
    session.send(Uuid::new_v4(), order).await?;
    Ok(())
}
