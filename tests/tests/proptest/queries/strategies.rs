//! Strategies for rows, filters and orders.

use std::ops::Range;

use chrono::{DateTime, FixedOffset, TimeDelta};
use fluvius_core::Json;
use fluvius_core::query::{Comparison, Field, Filter, Kind, Operand, SortKey};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

/// A case: rows, a filter over them, an order and a limit.
pub(super) fn any_case() -> impl Strategy<Value = (Rows, Filter, Vec<SortKey>, usize)> {
    (any_rows(0..14), any_filter(), any_sort(), 0_usize..16)
}

pub(super) fn any_rows(count: Range<usize>) -> impl Strategy<Value = Rows> {
    let rows = prop::collection::vec(any_row(), count);
    let declared = || prop::collection::vec(0..FIELDS.len(), 0..=FIELDS.len());
    (rows, declared(), declared(), 0_usize..16).prop_map(|(rows, first, then, at)| Rows {
        rows,
        declared: [first, then],
        at,
    })
}

pub(super) fn any_row() -> impl Strategy<Value = Row> {
    let fields: Vec<_> = (0..FIELDS.len()).map(any_field).collect();
    fields.prop_map(|fields| fields.into_iter().unzip())
}

/// A value in one of its spellings; or one of the spellings of null.
pub(super) fn any_field(field: usize) -> impl Strategy<Value = (Option<Plain>, Value)> {
    let spelled = any_plain(field).prop_flat_map(|plain| {
        let spelled = spell(&plain);
        (Just(Some(plain)), spelled)
    });
    let others: &[Value] = match FIELDS[field].1 {
        Kind::Boolean => &[json!(0), json!("true")],
        Kind::Number => &[json!(true), json!("ten"), json!(" 1"), json!("")],
        Kind::Text => &[json!(1), json!(false)],
        Kind::Uuid => &[json!(""), json!("00000000000000000000000000000000")],
        Kind::Time => &[json!("2026-01-02"), json!(0), json!("2026-01-02 00:00:00Z")],
    };
    let nothing = [json!(null), json!("absent"), json!([]), json!({})];
    // The text "absent" is a value, so it is left out there.
    let null = prop::sample::select([&nothing[..], others].concat());
    prop_oneof![4 => spelled, 1 => null.prop_map(|value| (None, value))]
}

/// Few values, so that many are equal or adjacent.
pub(super) fn any_plain(field: usize) -> BoxedStrategy<Plain> {
    match FIELDS[field].1 {
        Kind::Boolean => any::<bool>().prop_map(Plain::Flag).boxed(),
        Kind::Number => prop_oneof![
            (-30_i64..30, 0_u32..3).prop_map(|(digits, scale)| Decimal::new(digits, scale)),
            any::<(i64, u32)>().prop_map(|(digits, scale)| Decimal::new(digits, scale % 28)),
        ]
        .prop_map(Plain::Amount)
        .boxed(),
        Kind::Text => prop_oneof![
            "[abA%_' ]{0,3}".prop_map(Plain::Words),
            any::<String>()
                .prop_filter("no text of a store", |text| !text.contains('\0') && text != "absent")
                .prop_map(Plain::Words),
        ]
        .boxed(),
        Kind::Uuid => (0_u128..6).prop_map(|id| Plain::Id(Uuid::from_u128(id << 100))).boxed(),
        Kind::Time => {
            (-4_i64..4, prop::sample::select(vec![0, 1, 999_999, 1_000_000, 3_600_000_000]))
                .prop_map(|(hours, micros)| {
                    let time = DateTime::UNIX_EPOCH + TimeDelta::hours(hours);
                    Plain::At(time + TimeDelta::microseconds(micros))
                })
                .boxed()
        }
    }
}

pub(super) fn spell(plain: &Plain) -> BoxedStrategy<Value> {
    let spellings: Vec<Value> = match plain {
        Plain::Flag(flag) => vec![json!(flag)],
        Plain::Words(words) => vec![json!(words)],
        Plain::Id(id) => vec![json!(id), json!(id.to_string().to_uppercase())],
        Plain::Amount(amount) => {
            let text = amount.to_string();
            let mut spellings = vec![json!(text), json!(amount.normalize().to_string())];
            spellings.push(json!(format!("{}e-{}", amount.mantissa(), amount.scale())));
            // If a JSON number preserves the value, it is spelled as a number too.
            if let Ok(number) = Json::parse(text) {
                spellings.push(number.to_value());
            }
            spellings
        }
        Plain::At(time) => {
            let hours = |hours: i32| FixedOffset::east_opt(hours * 3_600).unwrap();
            vec![
                json!(time),
                json!(time.with_timezone(&hours(5)).to_rfc3339()),
                json!(time.with_timezone(&hours(-11)).to_rfc3339()),
                json!(time.format("%Y-%m-%dT%H:%M:%S%.9fZ").to_string()),
            ]
        }
    };
    prop::sample::select(spellings).boxed()
}

pub(super) fn operand(plain: Plain) -> Operand {
    match plain {
        Plain::Flag(flag) => flag.into(),
        Plain::Amount(amount) => amount.into(),
        Plain::Words(words) => words.into(),
        Plain::Id(id) => id.into(),
        Plain::At(time) => time.into(),
    }
}

/// A condition on one field, without null tests and without empty operands.
pub(super) fn any_condition(field: usize) -> BoxedStrategy<Filter> {
    let (name, kind) = FIELDS[field];
    let at = move || Field::at([name], kind);
    let comparisons = [
        Comparison::Eq,
        Comparison::Ne,
        Comparison::Lt,
        Comparison::Le,
        Comparison::Gt,
        Comparison::Ge,
    ];
    let operands = move || any_plain(field).prop_map(operand);
    let compare = (prop::sample::select(comparisons.to_vec()), operands()).prop_map(
        move |(comparison, operand)| Filter::Compare { field: at(), comparison, operand },
    );
    let one_of =
        prop::collection::vec(operands(), 1..4).prop_map(move |operands| at().one_of(operands));
    if kind != Kind::Text {
        return prop_oneof![3 => compare, 1 => one_of].boxed();
    }
    let part = "[abA%_' ]{0,2}";
    prop_oneof![
        3 => compare,
        1 => one_of,
        1 => part.prop_map(move |part| at().contains(part)),
        1 => part.prop_map(move |part| at().starts_with(part)),
    ]
    .boxed()
}

pub(super) fn any_filter() -> impl Strategy<Value = Filter> {
    let null = (0..FIELDS.len()).prop_map(|field| {
        let (name, kind) = FIELDS[field];
        Field::at([name], kind).is_null()
    });
    let condition = (0..FIELDS.len()).prop_flat_map(any_condition);
    let leaf = prop_oneof![6 => condition, 1 => null];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Filter::Any),
            inner.prop_map(|filter| !filter),
        ]
    })
}

pub(super) fn any_sort() -> impl Strategy<Value = Vec<SortKey>> {
    let key = (0..FIELDS.len(), any::<bool>()).prop_map(|(field, is_descending)| {
        let (name, kind) = FIELDS[field];
        SortKey { field: Field::at([name], kind), is_descending }
    });
    prop::collection::vec(key, 0..4)
}
