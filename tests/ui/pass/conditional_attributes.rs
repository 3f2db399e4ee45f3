//! P28, P33, P34: attributes under `cfg_attr`, expected lints, and deprecated items.
#![deny(warnings)]

use std::convert::Infallible;

use fluvius::{ActionContext, Aggregate, Command, ContextError, Domain, Rejection, aggregate};
use serde::{Deserialize, Serialize};

#[deprecated(note = "use another label")]
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Label(pub String);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shelf {
    pub label: String,
}

#[aggregate]
#[cfg_attr(all(), allow(clippy::missing_errors_doc))]
impl Shelf {
    #[action(evt_key = "shelf-put-up")]
    #[expect(deprecated, reason = "old senders")]
    pub fn put_up_shelf(label: Label) -> Result<Self, Infallible> {
        Ok(Self { label: label.0 })
    }

    #[action(evt_key = "shelf-labelled")]
    #[cfg_attr(all(), allow(deprecated))]
    pub fn label_shelf(&mut self, label: Label) -> Result<Label, Infallible> {
        self.label.clone_from(&label.0);
        Ok(label)
    }

    #[action(evt_key = "shelf-gone")]
    #[cfg_attr(all(), cfg(any()))]
    pub fn lose_shelf(self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action(evt_key = "shelf-kept")]
    #[cfg_attr(any(), cfg(any()), doc = "Never.")]
    #[cfg_attr(all(), doc = "Keep it.", cfg(all()))]
    pub fn keep_shelf(&self) -> Result<(), Infallible> {
        Ok(())
    }

    #[cfg_attr(all(), deprecated)]
    #[action(evt_key = "shelf-painted")]
    pub fn paint_shelf(&mut self, #[arg(default)] coats: u8) -> Result<(), Infallible> {
        let _ = coats;
        Ok(())
    }

    #[cfg_attr(any(), deprecated)]
    #[action(evt_key = "shelf-moved")]
    pub async fn move_shelf(
        &mut self,
        cx: &mut ActionContext,
        to: uuid::Uuid,
    ) -> Result<(), ContextError> {
        #[expect(deprecated)]
        cx.invoke(to, PaintShelf { coats: 1 }).await?;
        Ok(())
    }
}

#[deprecated]
#[derive(Domain)]
#[domain(aggregates(Shelf))]
pub struct OldDomain;

#[deprecated]
#[derive(Debug, Rejection)]
pub enum OldError {
    #[deprecated]
    Gone,
    #[rejection(transparent)]
    Boxed(Box<ContextError>),
}

#[expect(deprecated)]
impl std::fmt::Display for OldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("old")
    }
}

#[expect(deprecated)]
impl std::error::Error for OldError {}

fn main() {
    let keys: Vec<&str> = Shelf::ACTIONS.iter().map(|action| action.key).collect();
    assert_eq!(keys, ["put-up-shelf", "label-shelf", "keep-shelf", "paint-shelf", "move-shelf"]);
    #[expect(deprecated)]
    let deprecated = PaintShelf::ACTION.deprecated;
    assert!(deprecated.is_some());
    assert!(MoveShelf::ACTION.deprecated.is_none());
}
