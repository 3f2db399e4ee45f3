//! P48: generated code does not use the author's items with names of the standard library.
//! Primitive types are excluded, since the derives of serde need `str`.
#![deny(warnings)]
#![allow(dead_code, unused_macros)]

mod std {}
mod core {}
mod alloc {}
mod serde {}
mod fluvius_macros {}

struct Option;
struct Some;
struct None;
struct Result;
struct Ok;
struct Err;
struct Box;
struct String;
struct Vec;
struct Location;
struct Json;
trait Clone {}
trait Debug {}
trait Serialize {}
trait Deserialize {}
trait From {}
trait TryFrom {}
trait Send {}
trait Future {}
macro_rules! location {
    () => {};
}
macro_rules! submit {
    () => {};
}
macro_rules! unreachable {
    () => {};
}

#[derive(::core::clone::Clone, ::core::fmt::Debug, ::serde::Serialize, ::serde::Deserialize)]
pub struct Account {
    balance: i64,
}

#[derive(::core::fmt::Debug, ::fluvius::Rejection)]
pub enum Refusal {
    Empty,
    #[rejection(transparent)]
    Context(::fluvius::ContextError),
}

impl ::core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        f.write_str("refused")
    }
}

impl ::core::error::Error for Refusal {}

type Answer<T> = ::core::result::Result<T, Refusal>;

#[::fluvius::aggregate(resource = "bank-account")]
impl Account {
    #[action(evt_key = "account-opened")]
    pub fn open(balance: i64) -> Answer<Self> {
        ::core::result::Result::Ok(Self { balance })
    }

    #[action(evt_key = "pin-set", timeout = "2s", if_match = "required")]
    pub async fn set_pin(
        &mut self,
        cx: &::fluvius::ActionContext,
        #[arg(secret)] pin: i64,
        #[arg(alias = "b", default)] a: ::core::option::Option<i64>,
    ) -> ::core::result::Result<(), Refusal> {
        let _ = (cx, pin, a);
        ::core::result::Result::Ok(())
    }

    #[action]
    pub fn read(&self) -> Answer<i64> {
        ::core::result::Result::Ok(self.balance)
    }

    #[action(evt_key = "account-closed")]
    pub fn close(self) -> Answer<()> {
        ::core::result::Result::Ok(())
    }
}

#[derive(::fluvius::Domain)]
#[domain(aggregates(Account), tags("banking"))]
pub struct BankDomain;

fn main() {}
