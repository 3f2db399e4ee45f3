//! Options of `#[aggregate]`, `#[action]` and `#[arg]`, and the keys and names
//! that follow from them.

use std::convert::Infallible;

use fluvius::{ActionContext, aggregate};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
pub struct Account;

#[aggregate(resorce = "bank-account", revision = "1", crate = "fluvius")]
impl Account {
    // P21: unknown options, and options with a wrong value.
    #[action(event_key = "money-deposited")]
    pub fn deposit_money(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action(evt_key = "money-withdrawn", colour = "red", internal = true, if_match = "always")]
    pub fn withdraw_money(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action(evt_key = MoneyMoved, evt_key = "moved")]
    pub fn move_money(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    // P50: half-typed options leave the other actions alone.
    #[action(evt_key = )]
    pub fn half_typed(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action(evt_key = "held", timeout = "1h")]
    pub fn hold(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action(evt_key = "filled", body_limit = "64 KiB")]
    pub fn fill(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action(evt_key = "emptied", body_limit = 0)]
    pub fn empty(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    // A sunset is a day, and `mcp` has one use.
    #[action(evt_key = "frozen", sunset = "2027-02-29", mcp = true)]
    pub fn freeze(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action(evt_key = "thawed", sunset = 2027, mcp = "no")]
    pub fn thaw(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    // An internal action has no sender to read them.
    #[action(evt_key = "melted", internal, body_limit = 1, sunset = "2027-06-30", mcp = false)]
    pub fn melt(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    // A creating action has no version to expect.
    #[action(evt_key = "account-opened", if_match = "required")]
    pub fn open() -> Result<Self, Infallible> {
        Ok(Self)
    }

    // An internal action has no sender; its timeout holds within the caller's.
    #[action(evt_key = "locked", internal, timeout = "1s", if_match = "required")]
    pub fn lock(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    // P45: an event is missing, resources are empty or not declared.
    #[action(resources = [])]
    pub fn close(self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action(evt_key = "renamed", resources = ["acount", "savings"])]
    pub fn rename(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    // Keys are kebab case; P37: and ASCII.
    #[action(evt_key = "Limit_Set", key = "setLimit", command = "limit")]
    pub fn set_limit(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action(evt_key = "changed")]
    pub fn ändern(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    // P36: one key, one event, one name in a block.
    #[action(key = "change", evt_key = "put")]
    pub fn change(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action(key = "change", evt_key = "changed-again")]
    pub fn change_again(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action(evt_key = "changed-again")]
    pub fn change_once_more(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action]
    pub fn put(&self) -> Result<u8, Infallible> {
        Ok(1)
    }

    #[action(evt_key = "lock")]
    pub fn lock(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action]
    pub fn account_event(&self) -> Result<u8, Infallible> {
        Ok(1)
    }

    // The event's `data` is what the action returns.
    #[action(evt_key = "interest-added")]
    pub fn add_interest(&mut self, data: u8) -> Result<u8, Infallible> {
        Ok(data)
    }

    // P35: one visibility.
    #[action]
    fn count(&self) -> Result<u8, Infallible> {
        Ok(1)
    }

    // P31: links to `Self` mean another type on the command.
    /// Like [`Self::count`].
    #[action]
    pub fn recount(&self) -> Result<u8, Infallible> {
        Ok(1)
    }

    // P30 and the options of `#[arg]`.
    #[action(evt_key = "noted")]
    pub fn note(
        &mut self,
        #[cfg(all())] text: String,
        #[serde(rename = "b")] colour: String,
        #[args(secret)] pin: String,
        #[arg(secert)] code: String,
        #[arg(example = String::new())] kind: String,
        #[arg(alias = "kind")] sort: String,
        #[arg(schema = "country")] country: String,
        #[arg(secret)] cx: &mut ActionContext,
    ) -> Result<(), Infallible> {
        let _ = (text, colour, pin, code, kind, sort, country, cx);
        Ok(())
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Shelf {
    pub owner: String,
}

// A field is listed with its kind, and a path has names.
#[aggregate(schema = "optional", index(owner, owner: word, "a..b": text))]
impl Shelf {
    #[action]
    pub fn look(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

fn main() {
    let _ = Account.deposit_money();
}
