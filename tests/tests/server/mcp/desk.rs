//! A domain with what the library has not: actions that are no tools, and one for two resources.

use fluvius::server::{Authenticated, Authenticator, RequestHead, Unauthenticated};
use fluvius::{ActionContext, Domain, DomainContext, DomainRuntime, MemoryStore, aggregate};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use uuid::Uuid;

use crate::library::Book;

/// A note on a desk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Note {
    pub text: String,
}

#[aggregate(resources = ["note", "draft"])]
impl Note {
    /// Write a note.
    #[action(evt_key = "note-written")]
    pub fn write_note(text: String) -> Result<Self, Infallible> {
        Ok(Self { text })
    }

    /// Stamp the note by hand.
    #[action(evt_key = "note-stamped", mcp = false)]
    pub fn stamp_note(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    /// Ponder on the note.
    #[action]
    pub async fn ponder_note(&self, _cx: &ActionContext) -> Result<usize, Infallible> {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        Ok(self.text.len())
    }

    /// Copy the note.
    #[action(evt_key = "note-copied", internal)]
    pub fn copy_note(&mut self, _cx: &ActionContext) -> Result<(), Infallible> {
        Ok(())
    }
}

/// A desk with notes.
#[derive(Debug, Domain)]
#[domain(aggregates(Note), namespace = "desk")]
pub struct DeskDomain;

pub async fn desk() -> DomainRuntime {
    DeskDomain::runtime(MemoryStore::new()).await.unwrap()
}

/// A thing whose action has a name that clients refuse.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Thing {}

#[aggregate(resource = "thing")]
impl Thing {
    /// Do it.
    #[action(
        evt_key = "thing-done",
        key = "do-the-thing-that-has-a-very-long-name-which-no-client-of-the-protocol-accepts"
    )]
    pub fn do_thing() -> Result<Self, Infallible> {
        Ok(Self {})
    }
}

#[derive(Debug, Domain)]
#[domain(aggregates(Thing), namespace = "things")]
pub struct ThingDomain;

macro_rules! branches {
    ($($name:ident $namespace:literal)*) => {
        $(
            #[derive(Debug, Domain)]
            #[domain(aggregates(Book), namespace = $namespace)]
            struct $name;
        )*

        /// Returns six domains with ten tools each.
        pub async fn branches() -> Vec<DomainRuntime> {
            vec![$($name::runtime(MemoryStore::new()).await.unwrap()),*]
        }
    };
}

branches! { One "one" Two "two" Three "three" Four "four" Five "five" Six "six" }

/// An authenticator that takes the sender from headers.
pub struct Named;

impl Authenticator for Named {
    async fn authenticate(&self, head: &RequestHead<'_>) -> Result<Authenticated, Unauthenticated> {
        let user = head.header("x-user").and_then(|user| user.parse().ok());
        let user = user.ok_or_else(|| Unauthenticated::new("Named", "no `X-User`"))?;
        let context = DomainContext::create("test").with_user(Uuid::from_u128(user));
        let realm = head.header("x-realm").unwrap_or_default();
        Ok(Authenticated::new(context.with_realm(realm)))
    }

    fn authorization_servers(&self) -> Vec<String> {
        vec!["https://login.example.org".to_owned()]
    }
}
