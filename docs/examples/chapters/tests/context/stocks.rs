//! An action that changes another aggregate.

// ANCHOR: stock
use fluvius::{
    ActionContext, ContextError, Domain, DomainContext, MemoryStore, Rejection, aggregate,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Goods of one kind in a warehouse.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stock {
    pub pieces: u32,
}

/// Reasons to reject a command on a stock.
#[derive(Debug, thiserror::Error, Rejection)]
pub enum StockError {
    #[error("there are only {left} pieces left")]
    TooFew { left: u32 },
    #[error("the warehouse has no room for these pieces")]
    NoRoom,
    #[error(transparent)]
    #[rejection(transparent)]
    Context(#[from] ContextError),
}

#[aggregate(resource = "stock")]
impl Stock {
    /// Count the pieces.
    #[action(evt_key = "stock-counted")]
    pub fn count_stock(pieces: u32) -> Result<Self, StockError> {
        Ok(Self { pieces })
    }

    /// Move pieces to another warehouse.
    #[action(evt_key = "pieces-moved")]
    pub async fn move_pieces(
        &mut self,
        cx: &mut ActionContext,
        pieces: u32,
        to: Uuid,
    ) -> Result<(), StockError> {
        let left = self.pieces;
        self.pieces = left.checked_sub(pieces).ok_or(StockError::TooFew { left })?;
        cx.invoke(to, ReceivePieces { pieces }).await?;
        Ok(())
    }

    /// Take in the pieces of another warehouse.
    #[action(evt_key = "pieces-received", internal)]
    pub fn receive_pieces(&mut self, pieces: u32) -> Result<(), StockError> {
        self.pieces = self.pieces.checked_add(pieces).ok_or(StockError::NoRoom)?;
        Ok(())
    }
}

#[derive(Debug, Domain)]
#[domain(aggregates(Stock))]
pub struct StockDomain;

#[tokio::test]
async fn a_move_changes_both_stocks_or_neither() -> Result<(), Box<dyn std::error::Error>> {
    let domain = StockDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("office"));
    let (north, south) = (Uuid::new_v4(), Uuid::new_v4());
    session.send(north, CountStock { pieces: 10 }).await?;

    // `south` has no stock yet, so nothing moves at all.
    let error = session.send(north, MovePieces { pieces: 4, to: south }).await.unwrap_err();
    assert_eq!(error.code(), "not-found");
    assert_eq!(session.statemgr().fetch::<Stock>(north).await?.pieces, 10);

    session.send(south, CountStock { pieces: 0 }).await?;
    session.send(north, MovePieces { pieces: 4, to: south }).await?;
    assert_eq!(session.statemgr().fetch::<Stock>(north).await?.pieces, 6);
    assert_eq!(session.statemgr().fetch::<Stock>(south).await?.pieces, 4);
    Ok(())
}
// ANCHOR_END: stock
