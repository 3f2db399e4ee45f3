//! P22, P21, P35, P46: a type named by a path, one of several types, further blocks, narrower
//! visibilities, a block that `macro_rules!` generates.
#![deny(warnings)]

use std::convert::Infallible;
use std::marker::PhantomData;

use fluvius::Aggregate;
use serde::{Deserialize, Serialize};

pub mod model {
    use super::{Deserialize, Serialize};

    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub struct Account<Currency>(pub std::marker::PhantomData<Currency>);

    #[derive(Clone, Serialize, Deserialize)]
    pub struct Ledger;
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Eur;

#[derive(Clone, Serialize, Deserialize)]
pub struct Usd;

#[fluvius::aggregate(name = "EurAccount", resources = ["eur-account", "euro-account"])]
impl model::Account<Eur> {
    #[fluvius::action(evt_key = "eur-account-opened", resources = "eur-account")]
    pub fn open_eur() -> Result<Self, Infallible> {
        Ok(Self(PhantomData))
    }

    #[action(evt_key = "eur-account-merged")]
    pub fn merge_eur(
        &mut self,
        #[arg(default = Self::none())] other: Self,
    ) -> Result<(), Infallible> {
        drop(other);
        Ok(())
    }

    fn none() -> Self {
        Self(PhantomData)
    }
}

#[fluvius::aggregate(name = "UsdAccount")]
impl model::Account<Usd> {
    #[action(evt_key = "usd-account-opened")]
    pub fn open_usd() -> Result<crate::model::Account<Usd>, Infallible> {
        Ok(Self(PhantomData))
    }
}

mod rules {
    // A block in another module than the type.
    #[fluvius::aggregate(resource = "ledger")]
    impl crate::model::Ledger {
        #[action]
        pub fn read(&self) -> Result<u8, std::convert::Infallible> {
            Ok(1)
        }
    }
}

// P46: a plain block beside it.
impl model::Ledger {
    pub fn plain(&self) -> u8 {
        1
    }
}

mod narrow {
    use super::{Deserialize, Infallible, Serialize};

    #[derive(Clone, Serialize, Deserialize)]
    pub(super) struct Journal;

    #[fluvius::aggregate]
    impl Journal {
        #[action]
        pub(super) fn read(&self, #[arg(secret)] pin: String) -> Result<usize, Infallible> {
            Ok(pin.len())
        }
    }
}

macro_rules! counter {
    ($name:ident, $vis:vis, $method:ident, $ty:ty, $key:literal) => {
        #[derive(Clone, Serialize, Deserialize)]
        pub struct $name($ty);

        #[fluvius::aggregate]
        impl $name {
            #[action(evt_key = $key)]
            $vis fn $method(&mut self, by: $ty) -> Result<$ty, Infallible> {
                self.0 += by;
                Ok(self.0)
            }
        }
    };
}

counter!(Counter, pub, count_up, u32, "counted-up");

fn main() {
    assert_eq!(model::Account::<Eur>::RESOURCES, ["eur-account", "euro-account"]);
    assert_eq!(model::Account::<Usd>::RESOURCE, "usd-account");
    assert_eq!(model::Ledger.plain(), 1);
    assert_eq!(rules::LedgerCommand::Read(rules::Read {}).into_key(), "read");
    assert_eq!(narrow::Journal::ACTIONS[0].key, "read");
    assert_eq!(narrow::Journal.read(String::new()), Ok(0));
    assert_eq!(Counter(1).count_up(1), Ok(2));
    assert_eq!(CountUp { by: 1 }.by, 1);
    assert_eq!(Counter::EVENTS[0].name, "CountedUp");
}

trait IntoKey {
    fn into_key(self) -> &'static str;
}

impl IntoKey for rules::LedgerCommand {
    fn into_key(self) -> &'static str {
        match self {
            Self::Read(_) => "read",
        }
    }
}
