//! States and events that serde writes and cannot read back, or reads as another value.

use std::collections::BTreeMap;
use std::convert::Infallible;

use fluvius_core::verify::verify;
use fluvius_core::{Domain, DomainContext, MemoryStore, aggregate};
use serde::{Deserialize, Serialize};

use fluvius_tests::fixture::id;
use fluvius_tests::store_snapshot::StoreSnapshot;

/// A map in a tagged enum: serde reads its keys as strings, not as numbers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Shelf {
    Empty,
    Numbered { pieces: BTreeMap<u32, u32> },
}

/// An argument with the same fault.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Price {
    Steps { from: BTreeMap<u32, u32> },
}

#[aggregate(resource = "shelf")]
impl Shelf {
    #[action(evt_key = "shelf-built")]
    pub fn build_shelf() -> Result<Self, Infallible> {
        Ok(Self::Empty)
    }

    #[action(evt_key = "shelf-numbered")]
    pub fn number_shelf(&mut self) -> Result<(), Infallible> {
        *self = Self::Numbered { pieces: BTreeMap::from([(1, 2)]) };
        Ok(())
    }

    #[action(evt_key = "shelf-priced")]
    pub fn price_shelf(&mut self, price: Price) -> Result<(), Infallible> {
        let _ = price;
        Ok(())
    }

    #[action(evt_key = "shelf-offered")]
    pub fn offer_shelf(&self) -> Result<Price, Infallible> {
        Ok(Price::Steps { from: BTreeMap::from([(1, 2)]) })
    }
}

/// A counter that is not stored, and an option that JSON does not distinguish from none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Door {
    pub answer: Option<Option<u8>>,
    #[serde(skip)]
    pub tries: u32,
}

#[aggregate(resource = "door")]
impl Door {
    #[action(evt_key = "door-hung")]
    pub fn hang_door() -> Result<Self, Infallible> {
        Ok(Self { answer: Some(None), tries: 0 })
    }

    #[action(evt_key = "door-tried")]
    pub fn try_door(&mut self) -> Result<(), Infallible> {
        self.tries += 1;
        Ok(())
    }

    #[action(evt_key = "door-looked-at")]
    pub fn look_at_door(&self) -> Result<String, Infallible> {
        Ok(format!("{:?} {}", self.answer, self.tries))
    }
}

#[derive(Domain)]
#[domain(aggregates(Shelf, Door), namespace = "read-back")]
pub struct ReadBackDomain;

#[tokio::test]
async fn an_unreadable_state_is_not_stored() {
    let store = MemoryStore::new();
    let domain = ReadBackDomain::runtime(store.clone()).await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    session.send(id(1), BuildShelf {}).await.unwrap();
    let before = StoreSnapshot::of(&store).await;
    let error = session.send(id(1), NumberShelf {}).await.unwrap_err();
    assert_eq!(error.code(), "invalid-state");
    assert!(error.to_string().contains("cannot be read back"), "{error}");
    let price = Price::Steps { from: BTreeMap::from([(1, 10)]) };
    let error = session.send(id(1), PriceShelf { price }).await.unwrap_err();
    assert!(error.to_string().contains("the event `shelf-priced` cannot be read back"), "{error}");
    let error = session.send(id(1), OfferShelf {}).await.unwrap_err();
    assert_eq!(error.code(), "invalid-state");
    assert_eq!(before, StoreSnapshot::of(&store).await);
    assert!(verify(&store).await.unwrap().is_sound());
}

#[tokio::test]
async fn an_unreadable_state_is_stored_without_the_check() {
    let store = MemoryStore::new();
    let builder = ReadBackDomain::builder(store.clone()).read_back(false);
    let session = builder.build().await.unwrap().session(DomainContext::create("test"));
    session.send(id(1), BuildShelf {}).await.unwrap();
    session.send(id(1), NumberShelf {}).await.unwrap();
    let other = ReadBackDomain::runtime(store).await.unwrap();
    let session = other.session(DomainContext::create("test"));
    assert_eq!(session.send(id(1), OfferShelf {}).await.unwrap_err().code(), "invalid-state");
}

#[tokio::test]
async fn all_processes_decide_on_the_stored_state() {
    let store = MemoryStore::new();
    let first = ReadBackDomain::runtime(store.clone()).await.unwrap();
    let first = first.session(DomainContext::create("first"));
    let made = first.send(id(1), HangDoor {}).await.unwrap();
    assert_eq!(made.data.answer, None, "the response has the stored state");
    first.send(id(1), TryDoor {}).await.unwrap();
    first.send(id(1), TryDoor {}).await.unwrap();
    let seen = first.send(id(1), LookAtDoor {}).await.unwrap().data;
    let second = ReadBackDomain::runtime(store).await.unwrap();
    let second = second.session(DomainContext::create("second"));
    assert_eq!(seen, second.send(id(1), LookAtDoor {}).await.unwrap().data);
    assert_eq!(seen, "None 0");
}
