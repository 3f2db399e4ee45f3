//! An account whose slow action waits at a gate that the test holds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use fluvius_core::{
    ActionContext, ContextError, Domain, DomainContext, DomainRuntime, MemoryStore, Rejection,
    Session, SimpleRejection, aggregate,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// The gates that are shut, by account. An action passes its gate once for each permit.
fn gates() -> &'static Mutex<HashMap<Uuid, Gate>> {
    static GATES: OnceLock<Mutex<HashMap<Uuid, Gate>>> = OnceLock::new();
    GATES.get_or_init(Mutex::default)
}

/// A gate, as test and action see it.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    /// How often somebody has come to the gate.
    pub(crate) came: Arc<Semaphore>,
    /// How often somebody may pass.
    pub(crate) open: Arc<Semaphore>,
}

impl Gate {
    /// Shuts the gate of an account.
    pub(crate) fn shut(account: Uuid) -> Self {
        let gate = Self { came: Arc::new(Semaphore::new(0)), open: Arc::new(Semaphore::new(0)) };
        gates().lock().unwrap().insert(account, gate.clone());
        gate
    }

    /// Waits until somebody has come to the gate once more.
    pub(crate) async fn somebody_came(&self) {
        self.came.acquire().await.unwrap().forget();
    }

    /// Lets one pass.
    pub(crate) fn let_one_pass(&self) {
        self.open.add_permits(1);
    }
}

/// An account of whole coins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Purse {
    pub(crate) coins: i64,
}

#[derive(Debug, thiserror::Error, Rejection)]
pub(crate) enum PurseError {
    #[error("there are not so many coins")]
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
    pub(crate) fn make_purse(coins: i64) -> Result<Self, PurseError> {
        Ok(Self { coins })
    }

    #[action(evt_key = "coins-put-in")]
    pub(crate) fn put_in(&mut self, coins: i64) -> Result<(), PurseError> {
        self.coins += coins;
        Ok(())
    }

    #[action(evt_key = "coins-taken")]
    pub(crate) fn take_out(&mut self, coins: i64) -> Result<(), PurseError> {
        if self.coins < coins {
            return Err(PurseError::TooFewCoins);
        }
        self.coins -= coins;
        Ok(())
    }

    /// Doubles the coins, after the gate of this purse.
    #[action(evt_key = "coins-doubled")]
    pub(crate) async fn double_at_gate(
        &mut self,
        cx: &mut ActionContext,
    ) -> Result<(), PurseError> {
        let gate = gates().lock().unwrap().get(&cx.aggregate_id().id).cloned();
        if let Some(gate) = gate {
            gate.came.add_permits(1);
            gate.open.acquire().await.map(tokio::sync::SemaphorePermit::forget).unwrap();
        }
        self.coins *= 2;
        Ok(())
    }

    #[action(evt_key = "coins-given")]
    pub(crate) async fn give(
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
    pub(crate) fn receive_coins(&mut self, coins: i64) -> Result<(), PurseError> {
        self.coins += coins;
        Ok(())
    }

    /// How many coins there are.
    #[action]
    pub(crate) fn count(&self) -> Result<i64, PurseError> {
        Ok(self.coins)
    }
}

/// Purses.
#[derive(Debug, Domain)]
#[domain(aggregates(Purse))]
pub(crate) struct PurseDomain;

/// A domain over a fresh store with so many purses of 100 coins.
pub(crate) async fn purses(count: u128) -> (DomainRuntime, Session, Vec<Uuid>) {
    let domain = PurseDomain::runtime(MemoryStore::new()).await.unwrap();
    let (session, ids) = make(&domain, count).await;
    (domain, session, ids)
}

/// Makes so many purses of 100 coins.
pub(crate) async fn make(domain: &DomainRuntime, count: u128) -> (Session, Vec<Uuid>) {
    let session = domain.session(DomainContext::create("test"));
    let ids: Vec<Uuid> = (0..count).map(|_| Uuid::new_v4()).collect();
    for id in &ids {
        session.send(*id, MakePurse { coins: 100 }).await.unwrap();
    }
    (session, ids)
}

pub(crate) async fn coins(domain: &DomainRuntime, id: Uuid) -> i64 {
    domain.statemgr().fetch::<Purse>(id).await.unwrap().coins
}
