//! A purse with an action that waits at a gate of the test.

use std::sync::Arc;

use fluvius_core::{
    ActionContext, ContextError, Domain, DomainContext, DomainRuntime, MemoryStore, Rejection,
    Session, SimpleRejection, aggregate,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::gate::{Gate, find_gate, new_gate};

/// A purse of whole coins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Purse {
    pub coins: i64,
}

#[derive(Debug, thiserror::Error, Rejection)]
pub enum PurseError {
    #[error("the purse has too few coins")]
    TooFewCoins,
    #[error(transparent)]
    #[rejection(transparent)]
    SimpleRejection(#[from] SimpleRejection),
    #[error(transparent)]
    #[rejection(transparent)]
    Context(#[from] ContextError),
}

#[aggregate(resource = "purse")]
impl Purse {
    #[action(evt_key = "purse-made")]
    pub fn make_purse(coins: i64) -> Result<Self, PurseError> {
        Ok(Self { coins })
    }

    #[action(evt_key = "coins-put-in")]
    pub fn put_in(&mut self, coins: i64) -> Result<(), PurseError> {
        self.coins += coins;
        Ok(())
    }

    #[action(evt_key = "coins-taken")]
    pub fn take_out(&mut self, coins: i64) -> Result<(), PurseError> {
        if self.coins < coins {
            return Err(PurseError::TooFewCoins);
        }
        self.coins -= coins;
        Ok(())
    }

    /// Waits at the gate of this purse, if the test has made one, and doubles the coins.
    #[action(evt_key = "coins-doubled")]
    pub async fn double_at_gate(&mut self, cx: &mut ActionContext) -> Result<(), PurseError> {
        if let Some(gate) = find_gate(&cx.aggregate_id().id.to_string()) {
            gate.pass().await;
        }
        self.coins *= 2;
        Ok(())
    }

    #[action(evt_key = "coins-given")]
    pub async fn give(
        &mut self,
        cx: &mut ActionContext,
        coins: i64,
        to: Uuid,
    ) -> Result<(), PurseError> {
        self.take_out(coins)?;
        cx.invoke(to, ReceiveCoins { coins }).await?;
        Ok(())
    }

    #[action(evt_key = "coins-received", internal)]
    pub fn receive_coins(&mut self, coins: i64) -> Result<(), PurseError> {
        self.coins += coins;
        Ok(())
    }

    /// Number of coins.
    #[action]
    pub fn count(&self) -> Result<i64, PurseError> {
        Ok(self.coins)
    }
}

/// Purses.
#[derive(Debug, Domain)]
#[domain(aggregates(Purse))]
pub struct PurseDomain;

/// Makes the gate of a purse, which then holds its [`DoubleAtGate`] actions.
pub fn gate_of(id: Uuid) -> Arc<Gate> {
    new_gate(&id.to_string())
}

/// Builds a domain over a new memory store with `count` purses of 100 coins.
pub async fn purses(count: u128) -> (DomainRuntime, Session, Vec<Uuid>) {
    let domain = PurseDomain::runtime(MemoryStore::new()).await.unwrap();
    let (session, ids) = make(&domain, count).await;
    (domain, session, ids)
}

/// Makes `count` purses of 100 coins.
pub async fn make(domain: &DomainRuntime, count: u128) -> (Session, Vec<Uuid>) {
    let session = domain.session(DomainContext::create("test"));
    let ids: Vec<Uuid> = (0..count).map(|_| Uuid::new_v4()).collect();
    for id in &ids {
        session.send(*id, MakePurse { coins: 100 }).await.unwrap();
    }
    (session, ids)
}

/// Returns the coins in a purse.
pub async fn coins(domain: &DomainRuntime, id: Uuid) -> i64 {
    domain.statemgr().fetch::<Purse>(id).await.unwrap().coins
}
