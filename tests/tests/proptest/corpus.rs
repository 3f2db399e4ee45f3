//! The corpus: inputs that are hard on a decoder. Each has its expected answer here, and goes
//! through every other entry point as well.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fluvius_core::{Aggregate, CommandBundle, ETag, Error, Json, Precondition, StateDelta};
use serde_json::{Value, json};

use crate::property;
use crate::sample_aggregate::{CODES, KEYS, SAMPLE, Sample, SampleTarget};

/// The files and their answers: `key: answer` for a payload, else the entry point.
const ANSWERS: &[(&str, &str)] = &[
    ("bundle-command-with-nul", "bundle: unknown-command"),
    ("bundle-if-match-twice", "rejected"),
    ("bundle-payload-missing", "rejected"),
    ("bundle-payload-nul", "rejected"),
    ("bundle-resource-empty", "bundle: resource-not-allowed"),
    ("bundle-resource-with-nul", "bundle: resource-not-allowed"),
    ("bundle-unknown-field", "rejected"),
    ("delta-add-far-index", "delta: rejected"),
    ("delta-empty", "delta: applied"),
    ("delta-not-an-operation", "delta: rejected"),
    ("delta-pointer-tilde", "delta: rejected"),
    ("delta-replace-all", "delta: applied"),
    ("delta-snapshot-and-more", "rejected"),
    ("delta-snapshot-escaped-key", "delta: applied"),
    ("etag-leading-zero", "rejected"),
    ("etag-upper-case", "rejected"),
    ("payload-alias-and-name", "transfer-money: invalid-payload at recipient_id"),
    ("payload-amount-1e2", "deposit-money: applied"),
    ("payload-amount-1e29", "deposit-money: invalid-payload at amount"),
    ("payload-amount-1e99", "deposit-money: invalid-payload at amount"),
    ("payload-amount-exponent-bomb", "deposit-money: invalid-payload at amount"),
    ("payload-amount-float-precise", "deposit-money: invalid-payload at amount"),
    ("payload-amount-infinite", "deposit-money: invalid-payload at amount"),
    ("payload-amount-integer-2-64", "deposit-money: invalid-payload at amount"),
    ("payload-amount-larger-than-largest", "deposit-money: invalid-payload at amount"),
    ("payload-amount-largest", "deposit-money: rejected balance-too-large"),
    ("payload-amount-negative-zero", "deposit-money: rejected deposit-not-positive"),
    ("payload-amount-smallest", "deposit-money: rejected balance-too-large"),
    ("payload-array", "deposit-money: invalid-payload at ."),
    ("payload-byte-order-mark", "deposit-money: invalid-payload at ."),
    ("payload-comment", "deposit-money: invalid-payload at ."),
    ("payload-control-character", "take-sample: invalid-payload at ."),
    ("payload-deep-1000", "take-sample: invalid-payload at name[0][0][0][0].."),
    ("payload-deep-127", "take-sample: invalid-payload at name"),
    ("payload-empty", "deposit-money: invalid-payload at ."),
    ("payload-escaped-key", "deposit-money: applied"),
    ("payload-field-twice", "deposit-money: invalid-payload at amount"),
    ("payload-field-twice-escaped", "deposit-money: invalid-payload at amount"),
    ("payload-half-surrogate", "take-sample: invalid-payload at name"),
    ("payload-key-long", "take-sample: invalid-payload at kkkkkkkkkkkkkkkk.."),
    ("payload-key-reserved", "take-sample: invalid-payload at ."),
    ("payload-name-of-everything", "take-sample: applied"),
    ("payload-not-a-number", "deposit-money: invalid-payload at ."),
    ("payload-nul-in-key", "take-sample: invalid-payload at ."),
    ("payload-nul-in-string", "take-sample: invalid-payload at name"),
    ("payload-nul-raw", "take-sample: invalid-payload at ."),
    ("payload-null", "deposit-money: invalid-payload at ."),
    ("payload-proto", "take-sample: invalid-payload at __proto__"),
    ("payload-recipient-self", "transfer-money: rejected transfer-to-self"),
    ("payload-recipient-urn", "transfer-money: rejected not-found"),
    ("payload-single-quotes", "deposit-money: invalid-payload at ."),
    ("payload-two-values", "deposit-money: invalid-payload at ."),
    ("payload-utf8-broken", "take-sample: applied"),
    ("precondition-two", "rejected"),
    ("precondition-version-float", "rejected"),
    ("precondition-version-negative", "rejected"),
    ("precondition-version-too-large", "rejected"),
    ("precondition-version-u64", "precondition: read"),
];

#[test]
fn corpus_inputs_keep_their_answers() {
    let files = files();
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let listed: Vec<&str> = ANSWERS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, listed, "the table lists each file, sorted by name");
    let mut wrong = Vec::new();
    for (name, expected) in ANSWERS {
        let found = property::block_on(answer(expected, &files[*name]));
        if found != *expected {
            wrong.push(format!("{name}: expected `{expected}`, found `{found}`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_entry_point_panics_on_corpus_inputs() {
    for text in files().values() {
        property::block_on(async {
            let target = SampleTarget::new().await;
            for key in KEYS {
                drop(process(&target, key, text).await);
            }
            drop(process(&target, text, "{}").await);
            drop(read_bundle(&target, text).await);
        });
        drop(read_change(text));
        let _ = serde_json::from_str::<Precondition>(text);
        let _ = serde_json::from_str::<ETag>(text);
        let _ = text.trim().parse::<ETag>();
    }
}

/// Returns the answer of the entry point that the expected answer names.
async fn answer(expected: &str, text: &str) -> String {
    let target = SampleTarget::new().await;
    let (entry, _) = expected.split_once(": ").unwrap_or((expected, ""));
    let found = match entry {
        "bundle" => read_bundle(&target, text).await,
        "delta" => read_change(text),
        "precondition" => {
            serde_json::from_str::<Precondition>(text).ok().map(|_| "read".to_owned())
        }
        "rejected" => {
            let nowhere = read_bundle(&target, text).await.is_none()
                && read_change(text).is_none()
                && serde_json::from_str::<Precondition>(text).is_err()
                && serde_json::from_str::<ETag>(text).is_err();
            return if nowhere { "rejected" } else { "read" }.to_owned();
        }
        key => Some(process(&target, key, text).await),
    };
    format!("{entry}: {}", found.unwrap_or("not read".to_owned()))
}

async fn process(target: &SampleTarget, key: &str, text: &str) -> String {
    let session = target.session.aggregate(target.aggregate_id(key));
    let answer = match session.create_command(key, text) {
        Ok(command) => session.process_command(command).await.map(drop),
        Err(error) => Err(error),
    };
    described(answer)
}

async fn read_bundle(target: &SampleTarget, text: &str) -> Option<String> {
    let bundle: CommandBundle = serde_json::from_str(text).ok()?;
    Some(described(target.session.process_command(bundle).await.map(drop)))
}

fn read_change(text: &str) -> Option<String> {
    let json = Json::parse(text).ok()?;
    let change = StateDelta::from_json(&json).ok()?;
    let state: Value = json!({ "list": [1, 2], "a~b": 1 });
    let applied = change.apply(Some(state));
    Some(if applied.is_ok() { "applied" } else { "rejected" }.to_owned())
}

fn described(answer: Result<(), Error>) -> String {
    match answer {
        Ok(()) => "applied".to_owned(),
        Err(error) => {
            assert!(CODES.contains(&error.framework_code()));
            assert_ne!(error.framework_code(), "panicked");
            match &error {
                Error::InvalidPayload { path, .. } => match path.as_str().get(..16) {
                    Some(start) if path.as_str().len() > 20 => {
                        format!("{} at {start}..", error.framework_code())
                    }
                    _ => format!("{} at {path}", error.framework_code()),
                },
                Error::Rejected { code, .. } => format!("{} {code}", error.framework_code()),
                _ => error.framework_code().to_owned(),
            }
        }
    }
}

/// Returns the files of the corpus by name. Invalid UTF-8 is replaced, as a transport would do.
fn files() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let read = |entry: fs::DirEntry| {
        let path = entry.path();
        assert_eq!(path.extension(), Some("json".as_ref()), "{}", path.display());
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned())
    };
    fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap())).collect()
}

#[test]
fn the_corpus_varies_a_valid_bundle() {
    // The bundles of the corpus vary this one as their names say.
    let bundle = json!({
        "id": "00000000-0000-0000-0000-000000000001", "command": "ask-sample",
        "aggregate_id": Sample::aggregate_id(SAMPLE), "payload": { "prefix": "" },
    });
    property::block_on(async {
        let target = SampleTarget::new().await;
        let answer = read_bundle(&target, &bundle.to_string()).await;
        assert_eq!(answer.as_deref(), Some("applied"));
    });
}
