//! Hostile commands: for any key and payload, nothing panics and every error has a code. An accepted payload is
//! logged and read back unchanged.

use std::cell::RefCell;
use std::collections::BTreeMap;

use fluvius_core::{
    Aggregate, Command, CommandBundle, CommandRecord, CommandStatus, Error, Json, LogEntry,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::property;
use crate::sample_aggregate::{
    CODES, IntoAggregateId, KEYS, LockSample, SAMPLE, SampleEvent, valid_payload,
};

#[test]
fn any_text_as_payload_is_rejected_or_preserved() {
    let strategy = (any_key(), any_text());
    let tally = Tally::default();
    property::check(
        "any_text_as_payload_is_rejected_or_preserved",
        300,
        strategy,
        |(key, text)| {
            let answer = property::block_on(async {
                attempt(&IntoAggregateId::new().await, &key, &text).await
            });
            tally.count(&answer);
            Ok(())
        },
    );
    tally.assert_all(&["invalid-payload", "unknown-command"]);
}

#[test]
fn a_mutated_payload_is_rejected_or_preserved() {
    let strategy = (select(&KEYS[..]), prop::collection::vec(any_mutation(), 1..4));
    let tally = Tally::default();
    property::check(
        "a_mutated_payload_is_rejected_or_preserved",
        1_500,
        strategy,
        |(key, mutations)| {
            let mut text = valid_payload(key).to_string();
            for mutation in &mutations {
                text = mutation.apply(&text);
            }
            let answer = property::block_on(async {
                attempt(&IntoAggregateId::new().await, key, &text).await
            });
            tally.count(&answer);
            Ok(())
        },
    );
    tally.assert_all(&["applied", "rejected", "invalid-payload", "unknown-command"]);
}

#[test]
fn a_payload_with_a_wrong_value_is_rejected_or_preserved() {
    let value = prop_oneof![any_plausible(), any_value()];
    let strategy = (select(&KEYS[..]), any::<Index>(), value);
    let tally = Tally::default();
    property::check(
        "a_payload_with_a_wrong_value_is_rejected_or_preserved",
        1_000,
        strategy,
        |(key, position, value)| {
            let mut payload = valid_payload(key);
            replace_one(&mut payload, position, value);
            property::block_on(async {
                let target = IntoAggregateId::new().await;
                tally.count(&attempt(&target, key, &payload.to_string()).await);
                // As a Rust value too.
                let session = target.session.on(target.aggregate_id(key));
                if let Ok(command) = session.create_command(key, payload) {
                    assert_coded(&session.process_command(command).await);
                }
            });
            Ok(())
        },
    );
    tally.assert_all(&["applied", "rejected", "invalid-payload", "unknown-command"]);
}

#[test]
fn a_valid_payload_is_accepted_and_preserved() {
    property::check("a_valid_payload_is_accepted_and_preserved", 400, any_fitting(), |payload| {
        let answer = property::block_on(async {
            attempt(&IntoAggregateId::new().await, "fill-sample", &payload.to_string()).await
        });
        assert!(answer.is_ok(), "{answer:?}");
        Ok(())
    });
}

#[test]
fn an_unregistered_key_is_unknown() {
    property::check("an_unregistered_key_is_unknown", 500, any_key(), |key| {
        property::block_on(async {
            let target = IntoAggregateId::new().await;
            let answer = attempt(&target, &key, "{}").await;
            let action = target.domain.registry().find(&key);
            let is_known = action.is_some_and(|action| !action.internal);
            match answer {
                Err(Error::UnknownCommand { key: unknown, nearest }) => {
                    assert!(!is_known);
                    assert!(is_excerpt(&unknown, &key));
                    assert!(nearest.len() <= 3 && nearest.iter().all(|near| KEYS.contains(near)));
                    assert!(!nearest.contains(&"receive-transfer"), "internal keys are not named");
                }
                _ => assert!(is_known, "`{key}` is not registered"),
            }
        });
        Ok(())
    });
}

#[test]
fn any_text_as_bundle_is_rejected_or_preserved() {
    let strategy = (select(&KEYS[..]), prop::collection::vec(any_mutation(), 0..3), any_text());
    property::check(
        "any_text_as_bundle_is_rejected_or_preserved",
        1_000,
        strategy,
        |(key, mutations, text)| {
            let bundle = json!({
                "id": Uuid::from_u128(1), "command": key,
                "aggregate_id": { "resource": "sample", "identifier": SAMPLE },
                "payload": valid_payload(key), "if_match": { "version": 1 },
            });
            let mut mutated = bundle.to_string();
            for mutation in &mutations {
                mutated = mutation.apply(&mutated);
            }
            for text in [mutated, text] {
                let read: Result<CommandBundle, _> = serde_json::from_str(&text);
                let from_bytes: Result<CommandBundle, _> = serde_json::from_reader(text.as_bytes());
                assert_eq!(read.as_ref().ok(), from_bytes.as_ref().ok());
                if let Ok(value) = serde_json::from_str::<Value>(&text) {
                    let _ = serde_json::from_value::<CommandBundle>(value);
                }
                let Ok(bundle) = read else { continue };
                let written = serde_json::to_string(&bundle).unwrap();
                assert_eq!(serde_json::from_str::<CommandBundle>(&written).unwrap(), bundle);
                property::block_on(async {
                    let target = IntoAggregateId::new().await;
                    assert_coded(&target.session.process_command(bundle.clone()).await);
                    assert_coded(&target.session.process_atomic([bundle]).await);
                });
            }
            Ok(())
        },
    );
}

#[test]
fn a_secret_of_a_wrong_type_is_in_no_error() {
    const MARKER: &str = "7351864209";
    let wrong = select(vec![
        json!({ "pin": 7_351_864_209_u64 }),
        json!({ "pin": [MARKER] }),
        json!({ "pin": { MARKER: MARKER } }),
        json!({ "code": { "x": [7_351_864_209_u64] } }),
        json!({ "digits": MARKER }),
        json!({ "digits": 7_351_864_209_u64 }),
        json!({ "digits": -7_351_864_209_i64 }),
        json!({ "digits": [7_351_864_209_u64] }),
        json!({ "parts": MARKER }),
        json!({ "parts": { MARKER: 1 } }),
        json!({ "parts": { "a": { MARKER: 1 } } }),
        json!({ "parts": { "a": { "label": 7_351_864_209_u64, "price": 1 } } }),
        json!({ "parts": { "a": { "label": "", "price": MARKER.repeat(4) } } }),
        json!({ "parts": [{ "label": MARKER }] }),
    ]);
    property::check("a_secret_of_a_wrong_type", 100, wrong, |wrong| {
        let mut payload = valid_payload("lock-sample");
        if wrong.get("code").is_some() {
            payload.as_object_mut().unwrap().remove("pin");
        }
        for (name, value) in wrong.as_object().unwrap() {
            payload[name] = value.clone();
        }
        let error = property::block_on(async {
            let target = IntoAggregateId::new().await;
            attempt(&target, "lock-sample", &payload.to_string()).await.unwrap_err()
        });
        assert_eq!(error.code(), "invalid-payload");
        let text = format!("{error} {error:?}");
        assert!(!text.contains(MARKER), "{text}");
        Ok(())
    });
}

#[test]
fn deep_nesting_is_rejected_without_stack_overflow() {
    for level in ["[", "{\"a\":", "[{\"a\":", "\"", "[1,"] {
        let open = level.repeat(200_000);
        for text in
            [open.clone(), format!("{{\"any\":{open}"), format!("{open}1{}", "]".repeat(200_000))]
        {
            property::block_on(async {
                let target = IntoAggregateId::new().await;
                let error = attempt(&target, "fill-sample", &text).await.unwrap_err();
                assert_eq!(error.code(), "invalid-payload");
            });
        }
    }
}

/// Returns whether an error shows a key with escaped control characters, and shortens a long one.
fn is_excerpt(shown: &str, key: &str) -> bool {
    let escaped: String = key
        .chars()
        .map(|letter| match letter.is_control() {
            true => letter.escape_default().to_string(),
            false => letter.to_string(),
        })
        .collect();
    match shown.split_once("[..]") {
        Some((begin, end)) if key.len() > 100 => {
            escaped.starts_with(begin) && escaped.ends_with(end)
        }
        _ => shown == escaped,
    }
}

/// Sends one command by key, and checks the invariants of every input.
async fn attempt(target: &IntoAggregateId, key: &str, text: &str) -> Result<(), Error> {
    let session = target.session.on(target.aggregate_id(key));
    let before = Rows::read(target).await;
    let command = match session.create_command(key, text) {
        Ok(command) => command,
        Err(error) => {
            assert!(
                matches!(&error, Error::InvalidPayload { command, .. } if is_excerpt(command, key))
            );
            return Err(error);
        }
    };
    assert_eq!(command.payload.as_str(), text, "the payload is unchanged");
    let answer = session.process_command(command.clone()).await;
    assert_coded(&answer);
    let rows = Rows::read(target).await;
    let is_kept = match &answer {
        Ok(_) => true,
        Err(error) => matches!(error.code(), "rejected" | "not-found" | "already-exists"),
    };
    assert_eq!(rows.commands.len(), before.commands.len() + usize::from(is_kept));
    if let Err(error) = &answer {
        assert_eq!(rows.event_count, before.event_count, "{error}");
    }
    if is_kept {
        let row = rows.commands.last().unwrap();
        let status = if answer.is_ok() { CommandStatus::Applied } else { CommandStatus::Rejected };
        assert_eq!((row.id, row.key(), row.status), (command.id, key, status));
        assert_comes_back(&command, row);
        // The same id is the same command, however its payload is spelled.
        let mut again = command.clone();
        again.payload = Json::from_value(&command.payload.to_value()).unwrap();
        let is_spelled_alike = numbers_as_written(&again.payload, &command.payload);
        let second = session.process_command(again).await;
        if is_spelled_alike {
            assert_eq!(
                answer.as_ref().map(|response| response.version).map_err(Error::code),
                second.as_ref().map(|response| response.version).map_err(Error::code),
            );
        } else {
            assert_coded(&second);
        }
        assert_eq!(Rows::read(target).await.commands.len(), rows.commands.len());
    }
    if answer.is_ok() && key == "fill-sample" {
        assert_event_comes_back(target, &command).await;
    }
    answer.map(|_| ())
}

fn assert_coded<T: std::fmt::Debug>(answer: &Result<T, Error>) {
    if let Err(error) = answer {
        assert!(CODES.contains(&error.code()), "{error:?}");
        assert_ne!(error.code(), "panicked", "{error:?}");
        assert!(!error.to_string().is_empty());
    }
}

/// Checks that the logged command has its payload, without secrets.
fn assert_comes_back(command: &CommandBundle, row: &LogEntry<CommandRecord>) {
    let mut sent = command.payload.to_value();
    if row.key() == LockSample::ACTION.key {
        for secret in ["pin", "code", "digits", "parts"] {
            sent.as_object_mut().unwrap().remove(secret);
        }
    }
    assert_eq!(row.payload.to_value(), sent);
}

/// Checks that the logged event decodes into the fields that were sent.
async fn assert_event_comes_back(target: &IntoAggregateId, command: &CommandBundle) {
    let log =
        target.domain.log().for_aggregate(crate::sample_aggregate::Sample::aggregate_id(SAMPLE));
    let row = log.events().await.unwrap().rows.pop().unwrap();
    assert_eq!(row.command_id, command.id);
    let SampleEvent::SampleFilled(event) = SampleEvent::try_from(&row.record).unwrap() else {
        panic!("{row:?}");
    };
    let sent: crate::sample_aggregate::FillSample = command.payload.decode().unwrap();
    assert_eq!(format!("{event:?}").replacen("SampleFilled", "FillSample", 1), format!("{sent:?}"));
    let stored =
        target.session.statemgr().fetch::<crate::sample_aggregate::Sample>(SAMPLE).await.unwrap();
    assert_eq!((&stored.text, &stored.map, &stored.any), (&sent.text, &sent.map, &sent.any));
    assert_eq!(stored.float.to_bits(), sent.float.to_bits());
}

/// Returns whether two spellings of a payload write their numbers in the same way, which is part of
/// a command's identity.
fn numbers_as_written(one: &Json, other: &Json) -> bool {
    let digits = |json: &Json| {
        let mut numbers: Vec<String> = json
            .as_str()
            .split(|letter: char| !letter.is_ascii_alphanumeric() && !"+-.".contains(letter))
            .filter(|word| word.starts_with(|first: char| first.is_ascii_digit() || first == '-'))
            .map(str::to_owned)
            .collect();
        numbers.sort();
        numbers
    };
    digits(one) == digits(other)
}

/// Number of answers by code. A property whose runs all have one answer proves nothing.
#[derive(Debug, Default)]
struct Tally(RefCell<BTreeMap<&'static str, usize>>);

impl Tally {
    fn count(&self, answer: &Result<(), Error>) {
        let code = answer.as_ref().err().map_or("applied", Error::code);
        *self.0.borrow_mut().entry(code).or_default() += 1;
    }

    fn assert_all(&self, codes: &[&str]) {
        let seen = self.0.borrow();
        assert!(codes.iter().all(|code| seen.get(code) >= Some(&5)), "{seen:?}");
    }
}

/// Number of rows in the logs.
struct Rows {
    commands: Vec<LogEntry<CommandRecord>>,
    event_count: usize,
}

impl Rows {
    async fn read(target: &IntoAggregateId) -> Self {
        let log = target.domain.log();
        let (commands, events) = (log.commands().await.unwrap(), log.events().await.unwrap());
        Self { commands: commands.rows, event_count: events.rows.len() }
    }
}

/// Fragments that are hard on a JSON parser.
const NASTY: [&str; 48] = [
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
fn any_key() -> impl Strategy<Value = String> {
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
fn any_plausible() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(vec![json!(1), json!(0.5), json!(SAMPLE), json!({}), json!([]), Value::Null]),
        "[0-9]{1,9}(\\.[0-9]{1,9})?".prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ]
}

/// A value that is hard on a decoder.
fn any_leaf() -> impl Strategy<Value = Value> {
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
fn any_fitting() -> impl Strategy<Value = Value> {
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
fn replace_one(tree: &mut Value, position: Index, value: Value) {
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
