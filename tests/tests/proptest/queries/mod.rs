//! State queries: every answer equals that of a plain filter over Rust values. A query and its
//! negation split the rows whose field is not null. The pages make up the whole result. Indexes,
//! declared before or after the writes, do not change the answers.

mod plain_filter;
mod strategies;

use std::mem;
use std::ops::Deref;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use fluvius_core::query::{Cursor, Field, Filter, Kind, SortKey};
use fluvius_core::{
    AggregateId, CommandRecord, CommitOutcome, ContextRecord, ETag, EventRecord, ExpectedVersion,
    Json, StateDelta, StateQuery, StateRecord, Store, Transport, UnitOfWork,
};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::property;
use crate::stores::AnyStore;

use plain_filter::*;
use strategies::*;

const RESOURCE: &str = "thing";

/// A value in Rust.
#[derive(Debug, Clone, PartialEq)]
enum Plain {
    Flag(bool),
    Amount(Decimal),
    Words(String),
    Id(Uuid),
    At(DateTime<Utc>),
}

/// The fields of a thing, one of each kind; `None` is null.
type Thing = Vec<Option<Plain>>;

/// A thing, and the spelling of each of its fields in JSON.
type Row = (Thing, Vec<Value>);

/// Rows, and the declared fields: at first, and after a number of rows.
#[derive(Debug)]
struct Rows {
    rows: Vec<Row>,
    declared: [Vec<usize>; 2],
    at: usize,
}

impl Deref for Rows {
    type Target = [Row];

    fn deref(&self) -> &[Row] {
        &self.rows
    }
}

const FIELDS: [(&str, Kind); 5] = [
    ("flag", Kind::Boolean),
    ("amount", Kind::Number),
    ("words", Kind::Text),
    ("id", Kind::Uuid),
    ("at", Kind::Time),
];

#[test]
fn queries_equal_a_plain_filter() {
    property::check(
        "queries_equal_a_plain_filter",
        96,
        any_case(),
        |(rows, filter, sort, limit)| {
            let (stores, states) = property::block_on(stored(&rows));
            let whole = query(&filter, &sort);
            let mut expected: Vec<usize> =
                (0..rows.len()).filter(|row| truth(&filter, &rows[*row].0) == Some(true)).collect();
            expected.sort_by(|one, other| {
                let by_keys = order(&sort, &rows[*one].0, &rows[*other].0);
                by_keys.then(states[*one].aggregate_id.cmp(&states[*other].aggregate_id))
            });
            let expected: Vec<StateRecord> =
                expected.into_iter().map(|row| states[row].clone()).collect();
            prop_assert_eq!(&ask(&stores, &whole), &expected);
            let some = whole.limit(limit);
            prop_assert_eq!(&ask(&stores, &some)[..], &expected[..limit.min(expected.len())]);
            Ok(())
        },
    );
}

#[test]
fn a_filter_and_its_negation_split_the_rows() {
    let condition = (0..FIELDS.len()).prop_flat_map(|field| (Just(field), any_condition(field)));
    let case = (any_rows(1..12), condition);
    property::check("a_filter_and_its_negation", 96, case, |(rows, (field, filter))| {
        let (stores, states) = property::block_on(stored(&rows));
        let ask = |filter: Filter| ask(&stores, &query(&filter, &[]));
        let (holds, does_not) = (ask(filter.clone()), ask(!filter));
        prop_assert!(holds.iter().all(|row| !does_not.contains(row)), "a row is in both");
        let (name, kind) = FIELDS[field];
        let mut both = [holds, does_not].concat();
        both.sort_by(|one, other| one.aggregate_id.cmp(&other.aggregate_id));
        let mut with_value: Vec<StateRecord> = (0..rows.len())
            .filter(|row| rows[*row].0[field].is_some())
            .map(|row| states[row].clone())
            .collect();
        with_value.sort_by(|one, other| one.aggregate_id.cmp(&other.aggregate_id));
        prop_assert_eq!(&both, &with_value);
        prop_assert_eq!(&ask(!Field::at([name], kind).is_null()), &with_value);
        Ok(())
    });
}

#[test]
fn pages_make_up_the_whole_result() {
    property::check(
        "pages_make_up_the_whole_result",
        96,
        any_case(),
        |(rows, filter, sort, limit)| {
            let (stores, _) = property::block_on(stored(&rows));
            let whole = ask(&stores, &query(&filter, &sort));
            let limit = limit.max(1);
            let mut page = query(&filter, &sort).limit(limit);
            let mut seen: Vec<StateRecord> = Vec::new();
            loop {
                let found = ask(&stores, &page);
                // The cursor as a condition, for stores that compile conditions.
                let condition = Filter::All(vec![filter.clone(), page.after_filter()]);
                let by_condition = query(&condition, &sort).limit(limit);
                prop_assert_eq!(&ask(&stores, &by_condition), &found);
                let Some(last) = found.last() else { break };
                let cursor = Cursor::of(&page, last);
                let sent: Cursor =
                    serde_json::from_str(&serde_json::to_string(&cursor).unwrap()).unwrap();
                prop_assert_eq!(&sent, &cursor);
                page.after = Some(sent);
                seen.extend(found);
                prop_assert!(seen.len() <= whole.len());
            }
            prop_assert_eq!(seen, whole);
            Ok(())
        },
    );
}

#[test]
fn scans_make_up_the_whole_result() {
    let case = (any_case(), 1..8_usize, any::<bool>());
    property::check("scans_make_up_the_whole_result", 96, case, |(case, scan_limit, is_short)| {
        let (rows, filter, sort, limit) = case;
        let (stores, _) = property::block_on(stored(&rows));
        let whole = ask(&stores, &query(&filter, &sort));
        let limit = if is_short { limit.max(1) } else { usize::MAX };
        for store in &stores {
            let mut asked = query(&filter, &sort).limit(limit);
            let (mut seen, mut scans, mut scanned) = (Vec::new(), 0, 0);
            loop {
                let scan = property::block_on(store.scan(&asked, scan_limit)).unwrap();
                prop_assert!(scan.rows.len() <= limit, "{store:?}");
                seen.extend(scan.rows);
                (scans, scanned) = (scans + 1, scanned + scan.scanned);
                let Some(next) = scan.next else { break };
                prop_assert!(scans <= rows.len(), "the scans of {store:?} do not end");
                asked.after = Some(next);
            }
            prop_assert_eq!(&seen, &whole, "{:?}", store);
            // Without an index, each row is scanned once.
            let is_indexed = rows.declared.iter().any(|fields| !fields.is_empty());
            prop_assert!(is_indexed || scanned == rows.len(), "{store:?}: {scanned}");
        }
        Ok(())
    });
}

/// A string from a client is a cursor or is rejected, without other effects.
#[test]
fn any_text_as_cursor_is_rejected_or_valid() {
    let bytes = prop_oneof![
        "[0-9a-f]{0,80}",
        any::<String>(),
        prop::collection::vec(any::<String>(), 0..4).prop_map(|texts| {
            let text = json!(["0", texts, "thing", Uuid::nil()]).to_string();
            text.bytes().map(|byte| format!("{byte:02x}")).collect()
        }),
    ];
    let none = Rows { rows: Vec::new(), declared: [(0..FIELDS.len()).collect(), vec![]], at: 1 };
    let (stores, _) = property::block_on(stored(&none));
    property::check("any_text_as_cursor_is_rejected_or_valid", 256, bytes, |text| {
        if let Ok(cursor) = text.parse::<Cursor>() {
            let query = StateQuery::for_resource(RESOURCE, 10).after(Some(cursor));
            prop_assert!(query.check().is_err(), "{text}");
            for store in &stores {
                prop_assert!(property::block_on(store.query(&query)).is_err());
            }
        }
        Ok(())
    });
}

fn query(filter: &Filter, sort: &[SortKey]) -> StateQuery {
    StateQuery::for_resource(RESOURCE, usize::MAX).filter(filter.clone()).sort(sort.to_vec())
}

/// Checks the answers of every store.
fn ask(stores: &[AnyStore], query: &StateQuery) -> Vec<StateRecord> {
    let ask = |store: &AnyStore| property::block_on(store.query(query)).unwrap();
    let (first, others) = stores.split_first().unwrap();
    let answer = ask(first);
    for other in others {
        assert_eq!(ask(other), answer, "{other:?}");
    }
    answer
}

/// Creates a store of each kind with an aggregate per row. Returns the rows as they are stored.
async fn stored(rows: &Rows) -> (Vec<AnyStore>, Vec<StateRecord>) {
    let stores = AnyStore::all().await;
    let mut states = Vec::new();
    let [first, then] = &rows.declared;
    let mut last = Value::Null;
    declare(&stores, first).await;
    for (number, (_, spelled)) in rows.iter().enumerate() {
        if number == rows.at {
            declare(&stores, then).await;
        }
        let members = FIELDS.iter().zip(spelled).filter(|(_, value)| **value != json!("absent"));
        let state: serde_json::Map<String, Value> =
            members.map(|((name, _), value)| ((*name).to_owned(), value.clone())).collect();
        let number = u128::try_from(number).unwrap();
        // Ids in another order than the rows.
        let number = number * 0x9E37_79B9 % 1_000_003;
        // The first state of the aggregate was that of the preceding row.
        let written = mem::replace(&mut last, Value::Object(state));
        for unit in [unit(number, 1, &written), unit(number, 2, &last)] {
            for store in &stores {
                let outcomes = store.commit([unit.clone()].into()).await;
                assert!(matches!(outcomes[..], [CommitOutcome::Committed { .. }]));
            }
            if unit.states[0].version == 2 {
                states.push(unit.states[0].as_ref().clone());
            }
        }
    }
    (stores, states)
}

async fn declare(stores: &[AnyStore], fields: &[usize]) {
    let fields: Vec<Field> =
        fields.iter().map(|field| Field::at([FIELDS[*field].0], FIELDS[*field].1)).collect();
    for store in stores {
        store.declare_indexes(RESOURCE, &fields).await.unwrap();
    }
}

/// Returns a unit that brings an aggregate to a version.
fn unit(number: u128, version: u32, state: &Value) -> UnitOfWork {
    let aggregate_id = AggregateId::new(RESOURCE, Uuid::from_u128(number));
    let data = Json::from_value(state).unwrap();
    let (command, context) =
        (Uuid::from_u128(number + (u128::from(version) << 90) + (1 << 80)), Uuid::from_u128(1));
    let now = DateTime::UNIX_EPOCH;
    let mut unit = UnitOfWork::new(Arc::new({
        let mut record = ContextRecord::new(context, "things", "property".to_owned());
        record.transport = Transport::default();
        record.headers = std::collections::BTreeMap::new();
        record
    }));
    unit.expected = vec![ExpectedVersion {
        aggregate_id: aggregate_id.clone(),
        version: u64::from(version) - 1,
    }]
    .into();
    unit.states = vec![
        StateRecord::new(
            aggregate_id.clone(),
            version.into(),
            ETag::new(version.into(), command),
            data.clone(),
            now,
        )
        .into(),
    ]
    .into();
    unit.commands = vec![
        CommandRecord::new(
            command,
            "things",
            "make-thing",
            aggregate_id.clone(),
            Json::null(),
            fluvius_core::json::PayloadHash::from_bytes([0; 32]),
            context,
            now,
        )
        .into(),
    ]
    .into();
    unit.events = vec![
        {
            let mut record = EventRecord::new(
                Uuid::from_u128(number + (u128::from(version) << 90) + (2 << 80)),
                "things",
                "thing-made",
                aggregate_id,
                version.into(),
                command,
                StateDelta::snapshot(&data),
                now,
            );
            record.args = Json::null();
            record
        }
        .into(),
    ]
    .into();
    unit
}
