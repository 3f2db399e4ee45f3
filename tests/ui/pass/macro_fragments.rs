//! Blocks that `macro_rules!` generates: the invisible groups around fragments of every kind, and
//! `$crate`, at all tokens that the macros read.
#![deny(warnings)]

use std::convert::Infallible;

use fluvius::{ActionContext, Aggregate, Command, Domain, Rejection, aggregate};
use serde::{Deserialize, Serialize};

pub mod framework {
    pub use fluvius as core;
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Counter(pub u32);

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub by: u32,
}

impl Step {
    pub const ONE: Self = Self { by: 1 };
}

pub fn lift(
    _: u32,
    _: fluvius::UpcastInput<'_>,
    _: &mut serde_json::Value,
) -> Result<(), fluvius::UpcastError> {
    Ok(())
}

macro_rules! counter {
    (
        $name:ident, $path:path, $vis:vis, $attribute:meta, $event:meta, $key:literal,
        $resource:literal, $revision:literal, $upcast:path, $index:literal, $context:ty, $ty:ty,
        $result:ty, $option:ty, $default:expr, $example:literal, $alias:literal, $doc:literal,
        $lifetime:lifetime, $pat:pat_param, $text:tt, $body:block, $item:item
    ) => {
        #[doc = $doc]
        #[derive(Debug, Clone, Serialize, Deserialize)]
        pub struct $name {
            total: $ty,
        }

        #[aggregate(
            resources = [$resource, "other"],
            revision = $revision,
            upcast = $upcast,
            index($index: text, total: number)
        )]
        impl $name {
            #[doc = $doc]
            #[$attribute]
            $vis fn stamp(
                &mut self,
                cx: $context,
                #[arg(default = $default, example = $example, alias = $alias)] by: $ty,
                note: $option,
                #[arg(rename = $text)] text: std::borrow::Cow<$lifetime, str>,
            ) -> $result {
                let _ = (note, text);
                self.total = by + u32::from(cx.now().timestamp() == 0);
                Ok(self.total)
            }

            #[action($event, resources = [$resource])]
            $vis fn end(self, $pat: $ty) -> Result<(), Infallible> $body

            #[$path(key = $key)]
            #[allow(clippy::unused_self)]
            $vis fn read(&self, other: $name) -> Result<$ty, Infallible> {
                Ok(other.total)
            }

            $item
        }
    };
}

counter!(
    Letter,
    action,
    pub,
    action(evt_key = "stamped"),
    evt_key = "ended",
    "read-it",
    "letter",
    2,
    crate::lift,
    "total",
    &mut ActionContext,
    u32,
    Result<u32, Infallible>,
    Option<String>,
    1 + 1,
    7,
    "times",
    " A letter.",
    'static,
    last,
    "words",
    {
        let _ = last;
        Ok(())
    },
    #[action(evt_key = "letter-made")]
    pub fn make() -> Result<Self, Infallible> {
        Ok(Self { total: 0 })
    }
);

// `$crate` in the path of the type, in types, in a default, in options and in a visibility.
macro_rules! counting {
    ($($attributes:tt)*) => {
        #[$crate::framework::core::aggregate(crate = $crate::framework::core)]
        impl $crate::Counter {
            #[action(evt_key = "counted")]
            pub(in $crate) fn count(
                &mut self,
                $($attributes)* by: $crate::Step,
                #[arg(default)] step: $crate::Step,
                #[arg(secret)] pin: String,
                others: Vec<Self>,
            ) -> Result<$crate::Step, Infallible> {
                drop((pin, others));
                self.0 += by.by + step.by;
                Ok(by)
            }

            #[action(evt_key = "counter-made")]
            pub(in $crate) fn create(n: u32) -> Result<$crate::Counter, Infallible> {
                Ok(Self(n))
            }
        }
    };
}

counting!(#[arg(default = Step::ONE)]);

macro_rules! bank {
    (
        $(#[$meta:meta])* $name:ident, $($aggregate:ty),*;
        $revision:literal, $title:expr, $tag:literal
    ) => {
        $(#[$meta])*
        #[derive(Domain)]
        #[domain(aggregates($($aggregate),*), revision = $revision, title = $title, tags($tag))]
        pub struct $name;
    };
}

bank!(
    /// A bank.
    BankDomain, Letter, crate::Counter; 3, "The bank", "money"
);

macro_rules! refusal {
    ($name:ident, $code:literal, $options:meta) => {
        #[derive(Debug, thiserror::Error, Rejection)]
        #[error("refused")]
        pub enum $name {
            #[rejection(code = $code)]
            One,
            #[rejection($options)]
            Two,
        }
    };
}

refusal!(Refusal, "first", code = "second");

fn main() {
    assert_eq!(Letter::RESOURCES, ["letter", "other"]);
    assert_eq!(Letter::REVISION, 2);
    assert_eq!(Letter::INDEXES.len(), 2);
    let keys: Vec<&str> = Letter::ACTIONS.iter().map(|action| action.key).collect();
    assert_eq!(keys, ["stamp", "end", "read-it", "make"]);
    assert_eq!(Stamp::ACTION.docs, "A letter.");
    let fields: Vec<&str> = Stamp::ACTION.fields.iter().map(|field| field.name).collect();
    assert_eq!(fields, ["by", "note", "words"]);
    assert!(Stamp::ACTION.fields[1].optional);
    assert_eq!(serde_json::from_str::<Stamp>(r#"{ "words": "a" }"#).unwrap().by, 2);
    let count: Count = serde_json::from_str(r#"{ "pin": "1", "others": [] }"#).unwrap();
    assert_eq!((count.by, count.step), (Step::ONE, Step { by: 0 }));
    assert_eq!(CounterCounted::default_data(), Step::ONE);
    assert_eq!(Create::ACTION.fields[0].type_name, "u32");
    assert_eq!(Count::ACTION.fields[0].type_name, "Step");
    assert_eq!(BankDomain::METADATA.revision, 3);
    assert_eq!(BankDomain::METADATA.title, "The bank");
    assert_eq!(BankDomain::METADATA.description, "A bank.");
    assert_eq!(Refusal::One.code(), "first");
    assert_eq!(Refusal::Two.code(), "second");
}

struct CounterCounted;

impl CounterCounted {
    fn default_data() -> Step {
        let event = r#"{ "others": [], "data": { "by": 1 } }"#;
        serde_json::from_str::<Counted>(event).unwrap().data
    }
}
