//! Hostile texts: JSON, deltas, etags, preconditions, hashes and log rows that fluvius did not
//! write.

use banking_domain::{Account, AccountCommand, AccountEvent};
use fluvius_core::json::PayloadHash;
use fluvius_core::{
    Aggregate, CommitOutcome, ETag, ExpectedVersion, Json, Precondition, StateDelta, Store,
    UnitOfWork,
};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::hostile_commands::inputs::{any_mutation, any_text, any_value};
use crate::property;
use crate::sample_aggregate::{ACCOUNT, CODES, SampleTarget};

#[test]
fn parsed_text_is_preserved() {
    property::check("parsed_text_is_preserved", 3_000, any_text(), |text| {
        let parsed = Json::parse(text.as_str());
        let embedded: Result<Json, _> = serde_json::from_str(&text);
        assert_eq!(parsed.is_ok(), embedded.is_ok(), "{parsed:?} {embedded:?}");
        let Ok(json) = parsed else { return Ok(()) };
        assert_eq!(json.as_str(), text);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json.to_value(), value);
        assert_eq!(json.decode::<Value>().unwrap(), value);
        // A value that was read can be written again, but for the few levels that a patch needs.
        if let Ok(again) = Json::from_value(&value) {
            assert_eq!(again.to_value(), value);
        } else {
            assert!(text.matches(['[', '{']).count() > 120, "{text}");
        }
        Ok(())
    });
}

#[test]
fn a_written_value_is_read_back() {
    property::check("a_written_value_is_read_back", 1_000, any_value(), |value| {
        if let Ok(json) = Json::from_value(&value) {
            assert_eq!(json.to_value(), value);
            assert_eq!(Json::parse(json.as_str()), Ok(json));
        }
        Ok(())
    });
}

#[test]
fn any_json_as_delta_is_rejected_or_preserved() {
    let strategy = (any_change(), any_value(), prop::collection::vec(any_mutation(), 0..3));
    property::check(
        "any_json_as_delta_is_rejected_or_preserved",
        2_000,
        strategy,
        |(change, state, mutations)| {
            let mut text = change.to_string();
            for mutation in &mutations {
                text = mutation.apply(&text);
            }
            let Ok(json) = Json::parse(text) else { return Ok(()) };
            if let Ok(change) = StateDelta::from_json(&json) {
                assert_eq!(change.to_json().to_value(), json.to_value());
                assert_eq!(StateDelta::from_json(&change.to_json()).as_ref(), Ok(&change));
                for state in [Some(state), Some(change.to_json().to_value()), None] {
                    let before = state.clone();
                    let applied = change.apply(state);
                    assert!(applied.is_ok() || before.is_none() || !change.is_snapshot());
                }
            }
            Ok(())
        },
    );
}

#[test]
fn an_etag_of_any_text_has_one_spelling() {
    let etag = (any::<u64>(), any::<u128>())
        .prop_map(|(version, id)| ETag::new(version, Uuid::from_u128(id)).to_string());
    let spelled = (etag.clone(), 0..4_u8).prop_map(|(etag, how)| match how {
        0 => etag.to_uppercase().replacen('V', "v", 1),
        1 => etag.replacen('v', "v0", 1),
        2 => etag.replacen('v', "v+", 1),
        _ => {
            let mut etag = etag;
            // As a UUID is usually written.
            for at in [32 - 24, 32 - 20, 32 - 16, 32 - 12] {
                etag.insert(etag.len() - at, '-');
            }
            etag
        }
    });
    let strategy = prop_oneof![
        any_text(),
        spelled,
        (etag, prop::collection::vec(any_mutation(), 0..3)).prop_map(|(etag, mutations)| {
            mutations.iter().fold(etag, |text, mutation| mutation.apply(&text))
        }),
        "v[0-9]{1,22}-[0-9a-fA-F-]{30,36}",
    ];
    property::check("an_etag_of_any_text", 2_000, strategy, |text| {
        let quoted = Value::from(text.as_str()).to_string();
        let read: Result<ETag, _> = serde_json::from_str(&quoted);
        assert_eq!(text.parse::<ETag>().ok(), read.ok());
        if let Ok(etag) = text.parse::<ETag>() {
            assert_eq!(etag.to_string(), text);
            assert_eq!(serde_json::to_string(&etag).unwrap(), quoted);
        }
        if let Ok(hash) = text.parse::<PayloadHash>() {
            assert_eq!(hash.to_string(), text.to_lowercase());
        }
        Ok(())
    });
}

#[test]
fn any_json_as_precondition_is_rejected_or_preserved() {
    let etag = Value::from(ETag::new(3, Uuid::from_u128(9)).to_string());
    let shaped = (select(vec!["version", "etag", "e-tag", ""]), any_value()).prop_map(
        move |(name, value)| json!({ name: if value.is_null() { etag.clone() } else { value } }),
    );
    let strategy = prop_oneof![shaped, any_value()].prop_map(|value| value.to_string());
    let strategy = (strategy, prop::collection::vec(any_mutation(), 0..2));
    property::check(
        "any_json_as_precondition_is_rejected_or_preserved",
        1_000,
        strategy,
        |(text, mutations)| {
            let text = mutations.iter().fold(text, |text, mutation| mutation.apply(&text));
            if let Ok(expected) = serde_json::from_str::<Precondition>(&text) {
                let written = serde_json::to_string(&expected).unwrap();
                assert_eq!(serde_json::from_str::<Precondition>(&written).unwrap(), expected);
                assert!(!expected.to_string().is_empty());
            }
            Ok(())
        },
    );
}

#[test]
fn any_json_as_log_row_is_read_or_rejected() {
    let keys = select(vec![
        "money-deposited",
        "account-opened",
        "deposit-money",
        "transfer-money",
        "x",
        "",
    ]);
    let strategy = (keys, any_value(), prop::option::of(any_value()));
    property::check(
        "any_json_as_log_row_is_read_or_rejected",
        500,
        strategy,
        |(key, args, data)| {
            let (Ok(args), Ok(data)) =
                (Json::from_value(&args), data.as_ref().map(Json::from_value).transpose())
            else {
                return Ok(());
            };
            property::block_on(async {
                let target = SampleTarget::new().await;
                let log = target.domain.log().for_aggregate(Account::aggregate_id(ACCOUNT));
                let mut event = log.events().await.unwrap().rows.remove(0).record;
                event.event = key.into();
                event.args = args.clone();
                event.data = data;
                if let Err(error) = AccountEvent::try_from(&event) {
                    assert!(!error.to_string().is_empty());
                }
                let mut command = log.commands().await.unwrap().rows.remove(0).record;
                command.command = key.into();
                command.payload = args;
                if let Err(error) = AccountCommand::try_from(&command) {
                    assert!(!error.to_string().is_empty());
                }
            });
            Ok(())
        },
    );
}

#[test]
fn any_json_as_state_is_read_or_invalid_state() {
    let near = any_value().prop_map(
        |value| json!({ "account_number": "1", "owner_name": "Ada Lovelace", "balance": value }),
    );
    let strategy = prop_oneof![any_value(), near];
    property::check("any_json_as_state_is_read_or_invalid_state", 300, strategy, |state| {
        let Ok(data) = Json::from_value(&state) else { return Ok(()) };
        property::block_on(async {
            let target = SampleTarget::new().await;
            let aggregate_id = Account::aggregate_id(ACCOUNT);
            let mut record = Store::load(&target.store, &aggregate_id).await.unwrap().unwrap();
            record.data = data.clone();
            record.version = 2;
            // As another process may have written it.
            let log = target.domain.log().for_aggregate(aggregate_id.clone());
            let mut command = log.commands().await.unwrap().rows.remove(0).record;
            let mut event = log.events().await.unwrap().rows.remove(0).record;
            let context = log.context(command.context_id).await.unwrap();
            command.id = Uuid::from_u128(4_711);
            event.command_id = command.id;
            event.version = 2;
            event.delta = StateDelta::snapshot(&data);
            let mut unit = UnitOfWork::new(context.unwrap());
            unit.expected =
                vec![ExpectedVersion { aggregate_id: aggregate_id.clone(), version: 1 }].into();
            unit.states = vec![record.clone().into()].into();
            unit.commands = vec![command.into()].into();
            unit.events = vec![event.into()].into();
            let outcomes = Store::commit(&target.store, [unit].into()).await;
            assert!(matches!(outcomes[..], [CommitOutcome::Committed { .. }]), "{outcomes:?}");

            let decodes = data.decode::<Account>().is_ok();
            let fetched = target.session.statemgr().fetch::<Account>(ACCOUNT).await;
            let session = target.session.aggregate(aggregate_id.clone());
            let deposit = session.create_command("deposit-money", json!({ "amount": 1 })).unwrap();
            let answer = session.process_command(deposit).await;
            match (decodes, fetched, answer) {
                (true, Ok(_), answer) => {
                    let code = answer
                        .as_ref()
                        .err()
                        .map_or("rejected", fluvius_core::Error::framework_code);
                    assert_eq!(code, "rejected", "{answer:?}");
                }
                (false, Err(read), Err(decided)) => {
                    assert_eq!((read.code(), decided.code()), ("invalid-state", "invalid-state"));
                    assert!(CODES.contains(&read.code()));
                    let after = Store::load(&target.store, &aggregate_id).await.unwrap().unwrap();
                    assert_eq!(after, record, "an error leaves the aggregate as it is");
                }
                other => panic!("{other:?}"),
            }
        });
        Ok(())
    });
}

/// Arbitrary patches: any operations at any paths, few enough to bound the growth.
fn any_change() -> impl Strategy<Value = Value> {
    let path = || {
        prop_oneof![
            select(vec![
                "",
                "/",
                "/a",
                "/0",
                "/-",
                "/~",
                "/~2",
                "/a/b/0",
                "x",
                "/99999999999999999999",
                "/01",
                "/whole"
            ])
            .prop_map(str::to_owned),
            "(/[a-c0-9~-]{0,3}){0,4}",
        ]
    };
    let operation = (
        select(vec!["add", "remove", "replace", "move", "copy", "test", "none"]),
        path(),
        path(),
        any_value(),
    )
        .prop_map(|(name, path, from, value)| {
            json!({ "op": name, "path": path, "from": from, "value": value })
        });
    prop_oneof![
        4 => prop::collection::vec(operation, 0..5).prop_map(Value::from),
        1 => any_value().prop_map(|state| json!({ "whole": state })),
        1 => any_value(),
    ]
}
