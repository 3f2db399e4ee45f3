//! P53, P36, P27, P37, P38, P39, P42, P47: names that could meet those of the
//! generated code, and shapes that pass.
#![deny(warnings)]

use std::convert::Infallible;

use fluvius::{ActionContext, Aggregate, Command, aggregate};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Account {
    total: u32,
}

// A binding of the generated code with one of these names would be a pattern with the constant, and
// would not compile.
mod constants {
    #![allow(non_upper_case_globals, dead_code)]

    use super::{Deserialize, Infallible, Serialize};

    const value: u8 = 1;
    const record: u8 = 1;
    const f: u8 = 1;
    const state: u8 = 1;
    const command: u8 = 1;
    const call: u8 = 1;
    static result: u8 = 1;
    static cx: u8 = 1;

    #[derive(Clone, Serialize, Deserialize)]
    pub struct Constants;

    #[fluvius::aggregate]
    impl Constants {
        #[action(evt_key = "secret-noted")]
        pub fn note(&mut self, #[arg(secret)] secret: u8, plain: u8) -> Result<(), Infallible> {
            let _ = (secret, plain);
            Ok(())
        }
    }
}

/// Fields whose names could meet those of the generated code, or need more than their name.
#[derive(Clone, Serialize, Deserialize)]
pub struct Indexed {
    __fluvius_state: u8,
    r#type: Option<String>,
    #[deprecated]
    old: u8,
}

#[aggregate(index(__fluvius_state: number, r#type: text, old: number, "any.thing": time))]
impl Indexed {
    #[action]
    pub fn look(&self) -> Result<u8, Infallible> {
        Ok(1)
    }
}

macro_rules! helpers {
    () => {
        pub fn helper(&self) -> u32 {
            self.total
        }
    };
}

#[aggregate]
impl Account {
    const START: u32 = 7;

    helpers!();

    #[action(evt_key = "names-taken")]
    #[allow(clippy::too_many_arguments)]
    pub async fn take_names(
        &mut self,
        payload: u32,
        cx: u32,
        context: &mut ActionContext,
        call: u32,
        self_: u32,
        state: u32,
        result: u32,
        scope: u32,
        run: u32,
        f: u32,
        record: u32,
        value: u32,
        command: u32,
        read: u32,
        key: u32,
        r#type: u32,
        mut total: u32,
    ) -> Result<u32, Infallible> {
        let _ = context.now();
        total += payload + cx + call + self_ + state + result + scope + run + f + record + value;
        total += command + read + key + r#type;
        self.total = total;
        Ok(total)
    }

    // P53 for the secret's own `Debug` and record.
    #[action(evt_key = "secret-taken")]
    pub fn take_secret(&mut self, f: u32, #[arg(secret)] record: u32) -> Result<(), Infallible> {
        self.total = f + record;
        Ok(())
    }

    // P27: `Self` in parameters and returns; P42: an optional one before a required one.
    #[action(evt_key = "others-merged")]
    pub fn merge(
        &mut self,
        others: Vec<Self>,
        #[arg(default = Self::START)] start: u32,
        #[arg(default)] step: u32,
        last: Option<Box<Self>>,
        end: u32,
    ) -> Result<Vec<Self>, Infallible> {
        self.total = start + step + end + last.map_or(0, |account| account.total);
        Ok(others)
    }

    // P37: the names are given, since none can be derived.
    #[action(key = "change", command = "Change")]
    pub fn ändern(&self) -> Result<u32, Infallible> {
        Ok(self.total)
    }

    // Two pairs of names that are equal when they are joined.
    #[action(evt_key = "numbers-set")]
    pub fn set(&mut self, #[arg(default = 1)] number_of: u32) -> Result<(), Infallible> {
        self.total = number_of;
        Ok(())
    }

    #[action(evt_key = "number-set")]
    pub fn set_number(&mut self, #[arg(default = 2)] of: u32) -> Result<(), Infallible> {
        self.total = of;
        Ok(())
    }

    // P45: an action with `&self` and an event key records an event.
    #[action(evt_key = "account-seen")]
    pub fn see(&self) -> Result<(), Infallible> {
        Ok(())
    }
}

fn main() {
    let merge: Merge = serde_json::from_str(r#"{ "others": [], "end": 1 }"#).unwrap();
    assert_eq!(merge, merge.clone().into_same());
    assert_eq!((merge.start, merge.step, merge.end), (7, 0, 1));
    // P43: unknown fields are rejected on commands and ignored on events.
    assert!(serde_json::from_str::<Merge>(r#"{ "others": [], "end": 1, "ends": 2 }"#).is_err());
    let event = r#"{ "others": [], "end": 1, "ends": 2, "data": [] }"#;
    assert_eq!(serde_json::from_str::<OthersMerged>(event).unwrap().data, []);
    // Only `Serialize` writes a secret.
    let secret = TakeSecret { f: 1, record: 4711 };
    assert_eq!(format!("{secret:?}"), "TakeSecret { f: 1, record: [secret] }");
    assert!(serde_json::to_string(&secret).unwrap().contains("4711"));
    assert!(!format!("{:?}", secret.record().unwrap()).contains("4711"));
    assert_eq!(Account::ACTIONS.len(), 7);
    assert_eq!(Change::ACTION.method, "ändern");
    // The methods stay ordinary methods.
    let mut account = Account { total: 1 };
    account.take_secret(1, 2).unwrap();
    assert_eq!(account.helper(), 3);
}

trait IntoSame {
    fn into_same(self) -> Self;
}

impl IntoSame for Merge {
    fn into_same(self) -> Self {
        self
    }
}

impl PartialEq for Merge {
    fn eq(&self, other: &Self) -> bool {
        self.others == other.others && self.end == other.end
    }
}
