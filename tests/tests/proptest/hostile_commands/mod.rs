//! Hostile commands: for any key and payload, nothing panics and every error has a code. An
//! accepted payload is logged and read back unchanged.

pub(crate) mod inputs;

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
    CODES, KEYS, LockSample, SAMPLE, SampleEvent, SampleTarget, valid_payload,
};

use inputs::*;

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
                attempt(&SampleTarget::new().await, &key, &text).await
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
            let answer =
                property::block_on(async { attempt(&SampleTarget::new().await, key, &text).await });
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
                let target = SampleTarget::new().await;
                tally.count(&attempt(&target, key, &payload.to_string()).await);
                // As a Rust value too.
                let session = target.session.aggregate(target.aggregate_id(key));
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
            attempt(&SampleTarget::new().await, "fill-sample", &payload.to_string()).await
        });
        assert!(answer.is_ok(), "{answer:?}");
        Ok(())
    });
}

#[test]
fn an_unregistered_key_is_unknown() {
    property::check("an_unregistered_key_is_unknown", 500, any_key(), |key| {
        property::block_on(async {
            let target = SampleTarget::new().await;
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
                    let target = SampleTarget::new().await;
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
            let target = SampleTarget::new().await;
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
                let target = SampleTarget::new().await;
                let error = attempt(&target, "fill-sample", &text).await.unwrap_err();
                assert_eq!(error.code(), "invalid-payload");
            });
        }
    }
}

/// Returns true if an error shows a key with escaped control characters, and shortens a long one.
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
async fn attempt(target: &SampleTarget, key: &str, text: &str) -> Result<(), Error> {
    let session = target.session.aggregate(target.aggregate_id(key));
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
        Err(error) => matches!(error.framework_code(), "rejected" | "not-found" | "already-exists"),
    };
    assert_eq!(rows.commands.len(), before.commands.len() + usize::from(is_kept));
    if let Err(error) = &answer {
        assert_eq!(rows.event_count, before.event_count, "{error}");
    }
    if is_kept {
        let row = rows.commands.last().unwrap();
        let status = if answer.is_ok() { CommandStatus::Applied } else { CommandStatus::Rejected };
        assert_eq!((row.record.id, row.record.key(), row.record.status), (command.id, key, status));
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
        assert!(CODES.contains(&error.framework_code()), "{error:?}");
        assert_ne!(error.code(), "panicked", "{error:?}");
        assert!(!error.to_string().is_empty());
    }
}

/// Checks that the logged command has its payload, without secrets.
fn assert_comes_back(command: &CommandBundle, row: &LogEntry<CommandRecord>) {
    let mut sent = command.payload.to_value();
    if row.record.key() == LockSample::ACTION.key {
        for secret in ["pin", "code", "digits", "parts"] {
            sent.as_object_mut().unwrap().remove(secret);
        }
    }
    assert_eq!(row.record.payload.to_value(), sent);
}

/// Checks that the logged event decodes into the fields that were sent.
async fn assert_event_comes_back(target: &SampleTarget, command: &CommandBundle) {
    let log =
        target.domain.log().for_aggregate(crate::sample_aggregate::Sample::aggregate_id(SAMPLE));
    let row = log.events().await.unwrap().rows.pop().unwrap();
    assert_eq!(row.record.command_id, command.id);
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

/// Returns true if two spellings of a payload write their numbers in the same way, which is part of
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
        let code = answer.as_ref().err().map_or("applied", Error::framework_code);
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
    async fn read(target: &SampleTarget) -> Self {
        let log = target.domain.log();
        let (commands, events) = (log.commands().await.unwrap(), log.events().await.unwrap());
        Self { commands: commands.rows, event_count: events.rows.len() }
    }
}
