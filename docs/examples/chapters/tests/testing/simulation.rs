//! Random sequences of commands, and an invariant.

// ANCHOR: simulation
use fluvius::testing::{Simulation, command};
use fluvius::{SimpleRejection, aggregate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The stock of an article.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stock {
    pub pieces: u64,
}

#[aggregate(resource = "stock")]
impl Stock {
    /// Take an article into the range.
    #[action(evt_key = "article-listed")]
    pub fn list_article(pieces: u64) -> Result<Self, SimpleRejection> {
        Ok(Self { pieces })
    }

    /// Sell some.
    #[action(evt_key = "pieces-sold")]
    pub fn sell_pieces(&mut self, count: u64) -> Result<(), SimpleRejection> {
        let left = self.pieces.checked_sub(count);
        self.pieces = left.ok_or(SimpleRejection::new("sold-out", "there are not so many left"))?;
        Ok(())
    }

    /// Take in a delivery, with its size and the stock after it.
    #[action(evt_key = "delivery-taken")]
    pub fn take_delivery(&mut self, count: u64, now_there: u64) -> Result<(), SimpleRejection> {
        let _ = count;
        self.pieces = now_there;
        Ok(())
    }
}

fn simulation() -> Simulation {
    let lamp = Uuid::from_u128(1);
    Simulation::for_aggregate::<Stock>()
        .given([command(lamp, ListArticle { pieces: 100 })])
        .weighted(3, move |rng, _| command(lamp, SellPieces { count: 1 + rng.below(9) }))
        .command(move |rng, committed| {
            // The client reads the stock and adds the delivery.
            let stock = committed.find::<Stock>(lamp).expect("the article is listed");
            let count = 1 + rng.below(20);
            let now_there = stock.state.pieces + count;
            command(lamp, TakeDelivery { count, now_there })
        })
        .invariant("what came and was not sold is there", |committed| {
            let mut expected = 0;
            for (_, event) in committed.events::<Stock>() {
                match event {
                    StockEvent::ArticleListed(event) => expected += event.pieces,
                    StockEvent::PiecesSold(event) => expected -= event.count,
                    StockEvent::DeliveryTaken(event) => expected += event.count,
                }
            }
            let there: u64 = committed.all::<Stock>().iter().map(|stock| stock.state.pieces).sum();
            if there == expected {
                Ok(())
            } else {
                Err(format!("{expected} should be there, and {there} are"))
            }
        })
}

#[test]
fn the_stock_is_right() {
    let stats = simulation().check_sequential();
    assert!(stats.applied["take-delivery"] > 100, "{stats}");
}
// ANCHOR_END: simulation

// ANCHOR: failure
#[test]
fn two_deliveries_at_once_lose_an_update() {
    let failure = simulation().find_failure_simulated().expect("the lost update is found");
    assert_eq!(failure.invariant, "what came and was not sold is there");
    assert_eq!(failure.drawn().count(), 2, "{failure}");
}
// ANCHOR_END: failure
