//! Strategies for hostile payloads, keys and texts.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sample_aggregate::{KEYS, SAMPLE};

/// Fragments that are hard on a JSON parser.
pub(super) const NASTY: [&str; 48] = [
    // Some that are often valid in place.
    " ",
    "\n",
    "0",
    "1",
    "7",
    "a",
    "é",
    "\\u0041",
    "\0",
    "\\u0000",
    "\"\\u0000\"",
    "\\ud800",
    "\"\\ud83d\"",
    "\\",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "NaN",
    "-Infinity",
    "1e999",
    "-1e999",
    "1e-999",
    "-0",
    "-0.0",
    "0.1234567890123456789",
    "123456789012345678901234567890",
    "1e400000000000000000000000000000",
    "79228162514264337593543950336",
    "9223372036854775808",
    "0x10",
    "01",
    "\u{FEFF}",
    "\u{202E}",
    "\u{1F600}",
    "\r\n",
    "/* */",
    "\"$serde_json::private::Number\":\"1\"",
    "\"$serde_json::private::RawValue\":\"[1\"",
    "\"amount\":\"2.00\",",
    "\"recipient_id\":\"00000000-0000-0000-0000-000000000001\",",
    "\"text\":1,\"text\":2,",
    "1.10e+2",
];

/// One change to a text.
#[derive(Debug, Clone)]
pub(crate) enum Mutation {
    Insert(Index, &'static str, usize),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    Swap(Index, Index),
}

impl Mutation {
    pub(crate) fn apply(&self, text: &str) -> String {
        let mut letters: Vec<char> = text.chars().collect();
        let position = |index: &Index| index.index(letters.len() + 1);
        match self {
            Self::Insert(at, piece, times) => {
                let at = position(at);
                letters.splice(at..at, piece.repeat(*times).chars());
            }
            Self::Remove(at, length) => {
                let at = position(at);
                let end = letters.len().min(at + length);
                letters.drain(at..end);
            }
            Self::Repeat(at, length, times) => {
                let at = position(at);
                let end = letters.len().min(at + length);
                let piece = letters[at..end].repeat(*times);
                letters.splice(at..at, piece);
            }
            Self::Swap(one, other) if !letters.is_empty() => {
                let (one, other) = (one.index(letters.len()), other.index(letters.len()));
                letters.swap(one, other);
            }
            Self::Swap(..) => {}
        }
        letters.into_iter().collect()
    }
}

pub(crate) fn any_mutation() -> impl Strategy<Value = Mutation> {
    let times = prop_oneof![9 => Just(1_usize), 1 => 1_usize..400];
    prop_oneof![
        4 => (any::<Index>(), select(&NASTY[..]), times.clone())
            .prop_map(|(at, piece, times)| Mutation::Insert(at, piece, times)),
        2 => (any::<Index>(), 1_usize..12).prop_map(|(at, length)| Mutation::Remove(at, length)),
        2 => (any::<Index>(), 1_usize..30, times)
            .prop_map(|(at, length, times)| Mutation::Repeat(at, length, times)),
        1 => any::<(Index, Index)>().prop_map(|(one, other)| Mutation::Swap(one, other)),
    ]
}

/// Any text: bytes, letters, and fragments of JSON in any order.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![select(&NASTY[..]), select(&["{\"", "\":", "\"a\"", "1", "[]"][..])];
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60)
            .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        ".{0,40}",
        prop::collection::vec(pieces, 0..20).prop_map(|pieces| pieces.concat()),
        any_value().prop_map(|value| value.to_string()),
    ]
}

/// Any key: registered, similar to a registered one, or neither.
pub(super) fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => select(&KEYS[..]).prop_map(str::to_owned),
        3 => (select(&KEYS[..]), any_mutation()).prop_map(|(key, mutation)| mutation.apply(key)),
        2 => "[a-z0-9]{0,8}(-[a-z0-9]{0,8}){0,4}",
        2 => ".{0,30}",
        1 => ("[a-z-]{1,3}", 100_usize..40_000).prop_map(|(part, times)| part.repeat(times)),
    ]
}

/// Any JSON value of serde_json.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![any_plausible(), any_leaf()];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((".{0,6}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A value that fits some field.
pub(super) fn any_plausible() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(vec![json!(1), json!(0.5), json!(SAMPLE), json!({}), json!([]), Value::Null]),
        "[0-9]{1,9}(\\.[0-9]{1,9})?".prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ]
}

/// A value that is hard on a decoder.
pub(super) fn any_leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        select(&NASTY[..]).prop_map(Value::from),
        "-?[0-9]{1,40}(\\.[0-9]{1,40})?(e-?[0-9]{1,3})?".prop_map(Value::from),
        (150_usize..300).prop_map(|depth| {
            (0..depth).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
        }),
        (110_usize..135).prop_map(|depth| {
            (0..depth).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
        }),
    ]
}

/// A payload for `fill-sample` with any valid values.
pub(super) fn any_fitting() -> impl Strategy<Value = Value> {
    let text = || "([^\\x00]|\\PC){0,20}";
    let decimal = || {
        (any::<i64>(), 0_u32..=28)
            .prop_map(|(digits, scale)| rust_decimal::Decimal::new(digits, scale).to_string())
    };
    let item = || {
        (text(), decimal(), prop::collection::vec((text(), decimal()), 0..3)).prop_map(
            |(label, price, parts)| {
                let part = |(label, price)| json!({ "label": label, "price": price });
                let parts: Vec<Value> = parts.into_iter().map(part).collect();
                json!({ "label": label, "price": price, "parts": parts })
            },
        )
    };
    let float = any::<f64>().prop_filter("JSON has finite numbers only", |float| float.is_finite());
    let choice = prop_oneof![
        Just(json!("nothing")),
        any::<i32>().prop_map(|number| json!({ "number": number })),
        (text(), any::<u8>(), any::<i8>()).prop_map(
            |(left, byte, right)| json!({ "both": { "left": left, "right": [byte, right] } })
        ),
    ];
    let map = prop::collection::btree_map(text(), item(), 0..4);
    let letter = any::<char>().prop_filter("no store keeps it", |letter| *letter != '\0');
    let scalars = (text(), any::<i64>(), any::<u64>(), any::<u8>(), float.clone(), any::<bool>());
    let others = (letter, any::<u128>(), decimal(), prop::option::of(text()), any::<u32>());
    let many = (prop::collection::vec(item(), 0..4), map, choice, float, 0_i64..4_000_000_000);
    (scalars, others, many).prop_map(|(scalars, others, many)| {
        let (text, integer, natural, small, float, flag) = scalars;
        let (letter, id, amount, option, fallback) = others;
        let (list, map, choice, any, seconds) = many;
        let time = chrono::DateTime::from_timestamp(seconds, 123_456_000).unwrap();
        let id = Uuid::from_u128(id);
        json!({
            "text": text, "integer": integer, "natural": natural, "small": small, "float": float,
            "flag": flag, "letter": letter, "id": id, "amount": amount, "time": time,
            "opt": option, "list": list, "map": map, "choice": choice,
            "any": [any, { "inner": any }], "fallback": fallback.max(1),
        })
    })
}

/// Replaces one value anywhere in a tree, the root included.
pub(super) fn replace_one(tree: &mut Value, position: Index, value: Value) {
    fn count(value: &Value) -> usize {
        1 + match value {
            Value::Array(elements) => elements.iter().map(count).sum::<usize>(),
            Value::Object(members) => members.values().map(count).sum(),
            _ => 0,
        }
    }
    fn walk(tree: &mut Value, at: &mut usize, value: &mut Option<Value>) {
        if *at == 0 {
            if let Some(value) = value.take() {
                *tree = value;
            }
            return;
        }
        *at -= 1;
        let inner: Vec<&mut Value> = match tree {
            Value::Array(elements) => elements.iter_mut().collect(),
            Value::Object(members) => members.values_mut().collect(),
            _ => return,
        };
        for inner in inner {
            if value.is_some() {
                walk(inner, at, value);
            }
        }
    }
    let mut at = position.index(count(tree));
    walk(tree, &mut at, &mut Some(value));
}
