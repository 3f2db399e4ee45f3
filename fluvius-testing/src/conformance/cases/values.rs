//! Values round-trip unchanged.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure, same};
use crate::conformance::draft::{hash_of, json};
use crate::conformance::handle::Handle;
use crate::conformance::harness::Harness;
use fluvius_store::{
    ActivityKind, Actor, AggregateId, ContextRecord, ETag, EventRecord, Json, LogKind, LogQuery,
    RealmFilter, StateDelta, Store, Transport, UnitOfWork,
};

/// Texts that break if they are interpreted.
const TEXTS: &[&str] = &[
    "",
    " ",
    "  two spaces on each side  ",
    "tab\tline\nfeed\r\nand return\r",
    "'",
    "''",
    "\"",
    "`",
    "\\",
    "\\'; \\\\",
    "Robert'); DROP TABLE event_log;--",
    "$1 ?1 :name @p %s %d {0} ${x}",
    "NULL",
    "null",
    "true",
    "0",
    "-0",
    "007",
    "1e308",
    "9223372036854775808",
    "\\x41 \\u0041 &amp; <b>",
    "{\"a\":1}",
    "\u{1}\u{2}\u{7}\u{8}\u{b}\u{1b}\u{7f}\u{80}\u{9f}",
    "\u{feff}mark",
    "\u{e9} and e\u{301}",
    "\u{130}\u{131}\u{df}\u{17f}\u{212a}",
    "\u{5e2}\u{5d1}\u{5e8}\u{202e}",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "\u{d7ff}\u{e000}\u{fffd}\u{ffff}\u{10000}\u{10ffff}",
    "%_*?[a-z]",
];

/// JSON texts that break if numbers, keys or strings are reinterpreted.
const DOCUMENTS: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0.0",
    "1",
    "-1",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "9007199254740993",
    "0.1",
    "10.50",
    "1e308",
    "1.7976931348623157e308",
    "5e-324",
    "2.2250738585072014e-308",
    "1e-7",
    "\"\"",
    "\"10.50\"",
    "\"2026-01-01T00:00:00Z\"",
    "[]",
    "{}",
    "[[],{},[null],{\"\":null}]",
    "{\"\":\"\",\" \":\" \"}",
    "{\"z\":1,\"a\":{\"z\":[3,1,2],\"a\":null}}",
    "{\"$type\":\"x\",\"__proto__\":{},\"'; --\":\"\\\"\"}",
    "{\"\\u00e9\":1,\"e\\u0301\":2}",
    "\"\\ud83d\\ude00 \\u001f \\\\ \\/ \\\"\"",
    " { \"spaced\" : [ 1 , 2 ] } ",
];

pub(crate) async fn hostile_strings_round_trip(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    for text in TEXTS {
        let unit = with_texts(harness, text);
        let aggregate_id = unit.commands[0].aggregate_id.clone();
        let realm = unit.context.realm.clone();
        harness.commit_all(&store, [unit]).await?;
        harness.holds(&store).await?;
        // Query by the same values.
        let realm = RealmFilter::Only(realm);
        let query = LogQuery::all().aggregate_id(Some(aggregate_id)).realm(realm);
        for (log, count) in counts(&store, &query).await? {
            same(&format!("rows of {text:?} in the {log} log"), &1, &count)?;
        }
    }
    Ok(())
}

async fn counts(store: &Handle, query: &LogQuery) -> Result<[(LogKind, usize); 4], CaseFailure> {
    let mut counts = LogKind::ALL.map(|kind| (kind, 0));
    for (kind, count) in &mut counts {
        *count = store.log(*kind, query).await?.rows.len();
    }
    Ok(counts)
}

/// Returns a unit in which every text is `text`.
fn with_texts(harness: &Harness, text: &'static str) -> UnitOfWork {
    let context = Arc::new({
        let mut record = ContextRecord::new(harness.id(), text, text.to_owned());
        record.transport = Transport::Queue;
        record.headers = BTreeMap::from([(text.to_owned(), text.to_owned())]);
        record.roles = vec![text.to_owned(), String::new(), text.to_owned()];
        record.realm = Some(text.to_owned());
        record
    });
    let aggregate_id = AggregateId::new(text, harness.id());
    let written = Json::from_value(&serde_json::json!({ text: text }));
    let written = written.unwrap_or_else(|_| Json::null());
    let draft = harness.draft(&context, &aggregate_id).sets(&aggregate_id, 0, written.clone());
    let mut unit = draft.message().activity().done();
    let name = || Cow::Borrowed(text);
    let command = Arc::make_mut(&mut unit.commands[0]);
    (command.domain, command.command, command.code) = (name(), name(), Some(name()));
    (command.payload, command.response) = (written.clone(), Some(written.clone()));
    let event = Arc::make_mut(&mut unit.events[0]);
    (event.domain, event.event, event.data) = (name(), name(), Some(written.clone()));
    let message = Arc::make_mut(&mut unit.messages[0]);
    (message.key, message.data) = (name(), written.clone());
    let activity = Arc::make_mut(&mut unit.activities[0]);
    (activity.message, activity.label, activity.code) = (name(), Some(name()), Some(name()));
    activity.data = Some(written);
    Arc::make_mut(&mut unit.states[0]).realm = Some(text.into());
    unit
}

pub(crate) async fn hostile_json_round_trips(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    for text in DOCUMENTS {
        let aggregate_id = harness.aggregate_id();
        let document = json(text);
        let mut units = Vec::new();
        for version in 0..2 {
            let draft = harness.draft(&context, &aggregate_id).sets(
                &aggregate_id,
                version,
                document.clone(),
            );
            let mut unit = draft.message().activity().done();
            Arc::make_mut(&mut unit.commands[0]).payload = document.clone();
            Arc::make_mut(&mut unit.commands[0]).response = Some(document.clone());
            Arc::make_mut(&mut unit.events[0]).data = Some(document.clone());
            Arc::make_mut(&mut unit.messages[0]).data = document.clone();
            Arc::make_mut(&mut unit.activities[0]).data = Some(document.clone());
            units.push(unit);
        }
        let patch = format!(r#"[{{"op":"replace","path":"","value":{text}}}]"#);
        Arc::make_mut(&mut units[1].events[0]).delta = StateDelta::Patch(json(&patch));
        harness.commit_all(&store, units).await?;
    }
    harness.holds(&store).await
}

pub(crate) async fn similar_names_are_different(harness: &Harness) -> CaseResult {
    const NAMES: &[&str] = &[
        "name",
        "Name",
        "NAME",
        " name",
        "name ",
        "name\t",
        "n\u{e4}me",
        "na\u{308}me",
        "na\u{200b}me",
        "nam\u{435}",
        "name\u{301}",
        "nam",
        "namee",
        "stra\u{df}e",
        "strasse",
        "STRASSE",
        "",
    ];
    let store = harness.open().await;
    let id = harness.id();
    let mut aggregate_ids = Vec::new();
    for (index, name) in NAMES.iter().enumerate() {
        let aggregate_id = AggregateId::new(*name, id);
        let context = harness.context_of(Some(name));
        // Distinct numbers of versions, so that the counts identify the aggregates.
        for version in 0..=u64::try_from(index)? {
            let unit = harness.draft(&context, &aggregate_id).writes(&aggregate_id, version).done();
            harness.commit_all(&store, [unit]).await?;
        }
        aggregate_ids.push((aggregate_id, (*name).to_owned(), index + 1));
    }
    for (aggregate_id, name, count) in aggregate_ids {
        let of_aggregate = LogQuery::all().aggregate_id(Some(aggregate_id.clone()));
        let found = store.read_log::<EventRecord>(&of_aggregate).await?.rows;
        same(&format!("how many events the aggregate {name:?} has"), &count, &found.len())?;
        let of_realm = of_aggregate.aggregate_id(None).realm(RealmFilter::Only(Some(name.clone())));
        let found = store.read_log::<EventRecord>(&of_realm).await?.rows;
        same(&format!("how many events the realm {name:?} has"), &count, &found.len())?;
    }
    harness.holds(&store).await
}

pub(crate) async fn times_round_trip_in_microseconds(harness: &Harness) -> CaseResult {
    const TIMES: &[&str] = &[
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00.000001Z",
        "1969-12-31T23:59:59.999999Z",
        "2026-02-28T23:59:59.123456Z",
        "2026-03-29T01:30:00.100000Z",
        "2000-02-29T12:00:00.000010Z",
        "1900-01-01T00:00:00.500000Z",
        "9999-12-31T23:59:59.999999Z",
    ];
    let store = harness.open().await;
    let context = harness.context();
    for text in TIMES {
        let time: DateTime<Utc> = text.parse()?;
        let aggregate_id = harness.aggregate_id();
        let mut unit = harness.draft(&context, &aggregate_id).closes(&aggregate_id, 0).done();
        Arc::make_mut(&mut unit.commands[0]).received_at = time;
        Arc::make_mut(&mut unit.events[0]).occurred_at = time;
        let state = Arc::make_mut(&mut unit.states[0]);
        (state.created_at, state.updated_at, state.closed_at) = (time, time, Some(time));
        harness.commit_all(&store, [unit]).await?;
    }
    harness.holds(&store).await
}

pub(crate) async fn identifiers_round_trip(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let ids = [
        Uuid::nil(),
        Uuid::max(),
        Uuid::from_u128(1),
        Uuid::from_u128(u128::MAX - 1),
        Uuid::from_u128(0x8000_0000_0000_0000_0000_0000_0000_0000),
        Uuid::from_u128(0x0195_f3c2_a4b8_7c10_a1b2_c3d4_e5f6_0718),
        Uuid::from_u128(0x0027_005c_2500_5f00_4142_4300_ff00_0a0d),
    ];
    for (index, id) in ids.into_iter().enumerate() {
        let context = Arc::new({
            let mut record = (*harness.context()).clone();
            record.id = id;
            record.actor =
                Actor { user_id: Some(id), profile_id: Some(id), organization_id: Some(id) };
            record.correlation = Some(id);
            record.causation = Some(id);
            record
        });
        let aggregate_id = AggregateId::new("conformance", id);
        let draft = harness.draft(&context, &aggregate_id).with_id(id).writes(&aggregate_id, 0);
        let mut unit = draft.message().activity().done();
        let invoked = harness.draft(&context, &aggregate_id).done().commands.remove(0);
        unit.commands.push(invoked);
        Arc::make_mut(&mut unit.commands[1]).parent = Some(id);
        Arc::make_mut(&mut unit.commands[0]).payload_hash = hash_of(u8::try_from(index * 42)?);
        Arc::make_mut(&mut unit.events[0]).id = id;
        Arc::make_mut(&mut unit.messages[0]).id = id;
        Arc::make_mut(&mut unit.activities[0]).id = id;
        Arc::make_mut(&mut unit.states[0]).etag = ETag::new(1, id);
        harness.commit_all(&store, [unit]).await?;
    }
    harness.holds(&store).await
}

pub(crate) async fn empty_values_are_not_absent(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let texts: [Option<Cow<'static, str>>; 3] = [None, Some("".into()), Some("null".into())];
    let values = [None, Some(Json::null()), Some(json("\"\"")), Some(json("\"null\""))];
    // The lengths are coprime, so every text is combined with every value.
    for index in 0..texts.len() * values.len() {
        let (text, value) = (&texts[index % texts.len()], &values[index % values.len()]);
        let context = Arc::new({
            let mut record = (*harness.context()).clone();
            record.realm = text.as_deref().map(str::to_owned);
            record.roles = Vec::new();
            record.headers = BTreeMap::new();
            record.actor = Actor::default();
            record.correlation = None;
            record
        });
        let aggregate_id = harness.aggregate_id();
        let mut unit =
            harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).activity().done();
        let command = Arc::make_mut(&mut unit.commands[0]);
        (command.code, command.response) = (text.clone(), value.clone());
        Arc::make_mut(&mut unit.events[0]).data.clone_from(value);
        let activity = Arc::make_mut(&mut unit.activities[0]);
        (activity.label, activity.code, activity.data) =
            (text.clone(), text.clone(), value.clone());
        let state = Arc::make_mut(&mut unit.states[0]);
        state.realm = text.as_deref().map(Arc::from);
        (state.created_by, state.updated_by) = (None, Some(Uuid::nil()));
        harness.commit_all(&store, [unit]).await?;
    }
    harness.holds(&store).await
}

pub(crate) async fn long_texts_round_trip(harness: &Harness) -> CaseResult {
    /// Exceeds 16-bit lengths and database pages, with multi-byte characters.
    const LENGTH: usize = 100_000;
    let store = harness.open().await;
    let context = Arc::new({
        let mut record = (*harness.context()).clone();
        record.source = "\u{1f4b6}".repeat(LENGTH / 10);
        record
    });
    let aggregate_id = harness.aggregate_id();
    let long = Json::from_value(&serde_json::json!({ "text": "\u{20ac}'".repeat(LENGTH / 2) }))?;
    let draft = harness.draft(&context, &aggregate_id).sets(&aggregate_id, 0, long.clone());
    let mut unit = draft.message().activity().done();
    Arc::make_mut(&mut unit.commands[0]).payload = long.clone();
    Arc::make_mut(&mut unit.messages[0]).data = long.clone();
    Arc::make_mut(&mut unit.activities[0]).message = "\u{e9}".repeat(LENGTH).into();
    harness.commit_all(&store, [unit]).await?;
    let row = store.load(&aggregate_id).await?;
    ensure!(row.is_some_and(|row| row.data.to_value() == long.to_value()), "the state is cut");
    harness.holds(&store).await
}

pub(crate) async fn every_column_round_trips(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let transports = [
        Transport::InProcess,
        Transport::Http,
        Transport::Queue,
        Transport::Cli,
        Transport::Mcp,
        Transport::Console,
    ];
    let kinds = [ActivityKind::UserAction, ActivityKind::AppRequest, ActivityKind::SystemCall];
    for (index, transport) in transports.into_iter().enumerate() {
        let context = Arc::new({
            let mut record = (*harness.context_of(Some("north"))).clone();
            record.transport = transport;
            record.revision = u32::MAX;
            record.roles = vec!["second".to_owned(), "first".to_owned(), "second".to_owned()];
            record
        });
        let (aggregate_id, other) = (harness.aggregate_id(), harness.aggregate_id());
        let draft = harness
            .draft(&context, &aggregate_id)
            .writes(&aggregate_id, 0)
            .writes(&aggregate_id, 1);
        let mut unit = draft.message().activity().activity().done();
        Arc::make_mut(&mut unit.commands[0]).revision = u32::MAX;
        Arc::make_mut(&mut unit.events[0]).revision = u32::MAX;
        Arc::make_mut(&mut unit.events[1]).revision = 0;
        let state = Arc::make_mut(&mut unit.states[0]);
        state.revision = u32::MAX;
        (state.created_by, state.updated_by) = (Some(harness.id()), Some(harness.id()));
        state.updated_at = state.created_at + chrono::TimeDelta::microseconds(1);
        state.realm = Some("south".into());
        Arc::make_mut(&mut unit.activities[0]).kind = kinds[index % kinds.len()];
        // Rows may name another aggregate than the changed one.
        Arc::make_mut(&mut unit.activities[1]).aggregate_id = other.clone();
        Arc::make_mut(&mut unit.messages[0]).aggregate_id = other;
        harness.commit_all(&store, [unit]).await?;
    }
    harness.holds(&store).await
}
