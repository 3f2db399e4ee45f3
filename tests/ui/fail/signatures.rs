//! Signatures that no command can be made of.

use std::borrow::Cow;
use std::convert::Infallible;
use std::path::Path;

use fluvius::{ActionContext, aggregate};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
pub struct Account;

#[aggregate(resource = "bank-account")]
impl Account {
    pub const COUNT: usize = 2;

    // P24: generic methods.
    #[action]
    pub fn generic<T>(&self, value: T) -> Result<u8, Infallible> {
        drop(value);
        Ok(1)
    }

    #[action]
    pub fn lifetime<'a>(&'a self) -> Result<u8, Infallible> {
        Ok(1)
    }

    #[action]
    pub fn bounded(&self) -> Result<u8, Infallible>
    where
        Self: Sized,
    {
        Ok(1)
    }

    #[action]
    pub unsafe fn forced(&self) -> Result<u8, Infallible> {
        Ok(1)
    }

    // P26: other receivers.
    #[action(evt_key = "boxed-taken")]
    pub fn boxed(self: Box<Self>) -> Result<(), Infallible> {
        Ok(())
    }

    #[action(evt_key = "typed-taken")]
    pub fn typed(self: &mut Self) -> Result<(), Infallible> {
        Ok(())
    }

    // P39: patterns and names that are none.
    #[action(evt_key = "patterns-taken")]
    pub fn patterns(
        &mut self,
        (left, right): (u8, u8),
        _: u8,
        _unused: u8,
    ) -> Result<(), Infallible> {
        let _ = (left, right);
        Ok(())
    }

    // P40: references.
    #[action(evt_key = "references-taken")]
    pub fn references(
        &mut self,
        name: &str,
        names: &[String],
        path: &Path,
        other: &mut Account,
        maybe: Option<&str>,
        cow: Cow<'_, str>,
    ) -> Result<(), Infallible> {
        let _ = (name, names, path, other, maybe, cow);
        Ok(())
    }

    // P40: the context by value, twice.
    #[action(evt_key = "contexts-taken")]
    pub fn contexts(
        &mut self,
        cx: &ActionContext,
        second: &mut ActionContext,
        third: ActionContext,
    ) -> Result<(), Infallible> {
        let _ = (cx, second, third);
        Ok(())
    }

    // P24, P41, P27: types.
    #[action(evt_key = "types-taken")]
    pub fn types(
        &mut self,
        any: impl Into<String>,
        double: Option<Option<String>>,
        array: [u8; Self::COUNT],
    ) -> Result<(), Infallible> {
        let _ = (any.into(), double, array);
        Ok(())
    }

    // P44: return types.
    #[action]
    pub fn nothing(&self) {}

    #[action(evt_key = "opened")]
    pub fn open() {}

    #[action(evt_key = "opened-otherwise")]
    pub fn open_otherwise() -> Result<(), Infallible> {
        Ok(())
    }

    #[action(evt_key = "renamed")]
    pub fn rename(&mut self) -> Result<Self, Infallible> {
        Ok(self.clone())
    }

    #[action]
    pub fn opaque(&self) -> impl Sized {
        1
    }

    #[action]
    pub fn never(&self) -> ! {
        loop {}
    }

    #[action]
    pub fn borrowed(&self) -> Result<&str, Infallible> {
        Ok("")
    }
}

fn main() {}
