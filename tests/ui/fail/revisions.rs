//! Revisions count from 1, and an upcast is a function that converts from an older one.

use std::convert::Infallible;

use fluvius::{UpcastError, UpcastInput, aggregate};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[aggregate(revision = 0)]
impl First {
    #[action]
    pub fn look_first(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

#[aggregate(upcast = lift)]
impl Second {
    #[action]
    pub fn look_second(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

#[aggregate(revision = 1, upcast = lift)]
impl Third {
    #[action]
    pub fn look_third(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

#[aggregate(revision = 2, upcast = "lift")]
impl Fourth {
    #[action]
    pub fn look_fourth(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

#[aggregate(revision = 2, upcast = lift, upcast = lift)]
impl Fifth {
    #[action]
    pub fn look_fifth(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

// What only the compiler knows: it is another function, or there is none.
#[aggregate(revision = 2, upcast = lift_state)]
impl Sixth {
    #[action]
    pub fn look_sixth(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

#[aggregate(revision = 2, upcast = Self::lift)]
impl Seventh {
    #[action]
    pub fn look_seventh(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

fn lift(_: u32, _: UpcastInput<'_>, _: &mut Value) -> Result<(), UpcastError> {
    Ok(())
}

fn lift_state(state: Value) -> Value {
    state
}

#[derive(Clone, Serialize, Deserialize)]
pub struct First;
#[derive(Clone, Serialize, Deserialize)]
pub struct Second;
#[derive(Clone, Serialize, Deserialize)]
pub struct Third;
#[derive(Clone, Serialize, Deserialize)]
pub struct Fourth;
#[derive(Clone, Serialize, Deserialize)]
pub struct Fifth;
#[derive(Clone, Serialize, Deserialize)]
pub struct Sixth;
#[derive(Clone, Serialize, Deserialize)]
pub struct Seventh;

fn main() {}
