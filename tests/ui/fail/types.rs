//! What only the compiler knows of the author's types, told at their tokens.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;

use fluvius::aggregate;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
pub struct Account;

/// It is no rejection.
#[derive(Debug)]
pub struct PlainError;

/// It lacks what a command and an event ask for.
#[derive(Serialize, Deserialize)]
pub struct Opaque;

/// P40: only its name is that of the context.
pub struct ActionContext;

pub type Opened = Result<u8, Infallible>;

#[aggregate(resource = "bank-account")]
impl Account {
    // P25: a future that is not `Send`.
    #[action(evt_key = "waited")]
    pub async fn wait(&mut self) -> Result<(), Infallible> {
        let held = Rc::new(RefCell::new(1));
        std::future::ready(()).await;
        drop(held);
        Ok(())
    }

    // P44: the trait decides what a result is.
    #[action]
    pub fn bare(&self) -> u8 {
        1
    }

    #[action]
    pub fn refused(&self) -> Result<u8, PlainError> {
        Ok(1)
    }

    // P44: an alias hides the type from the macro, not from the compiler.
    #[action(evt_key = "account-opened")]
    pub fn open() -> Opened {
        Ok(1)
    }

    #[action(evt_key = "data-made")]
    pub fn make_data(&mut self) -> Result<Opaque, Infallible> {
        Ok(Opaque)
    }

    #[action(evt_key = "field-taken")]
    pub fn take_field(&mut self, field: Opaque) -> Result<(), Infallible> {
        drop(field);
        Ok(())
    }

    #[action(evt_key = "context-taken")]
    pub fn take_context(&mut self, cx: &mut ActionContext) -> Result<(), Infallible> {
        let _ = cx;
        Ok(())
    }
}

/// An aggregate that cannot be copied.
#[derive(Serialize, Deserialize)]
pub struct Ledger;

#[aggregate]
impl Ledger {
    #[action]
    pub fn read_pages(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

/// An aggregate that is asked for by what it has not.
#[derive(Clone, Serialize, Deserialize)]
pub struct Shelf {
    pub owner: String,
}

#[aggregate(index(owner: text, ownr: text, "anything.goes": number))]
impl Shelf {
    #[action]
    pub fn look(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

fn main() {}
