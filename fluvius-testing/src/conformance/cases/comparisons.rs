//! Fields compare with operands as values of their kind, never as JSON text.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure, same};
use crate::conformance::draft::json;
use crate::conformance::harness::Harness;
use crate::conformance::query_fixture::{Shelf, query};
use fluvius_store::Store;
use fluvius_store::query::{Column, Comparison, Field, Filter, Kind, Operand};

/// Values that no kind can read, besides a missing member.
const NEVER_A_VALUE: &[&str] = &["null", "[]", "{}", "[10]", r#"{"v":10}"#];

/// JSON values with their ranks. Equal ranks are equal values, and a higher rank is a greater
/// value.
type Ranked<'a> = &'a [(&'a str, usize)];

const NUMBERS: Ranked<'_> = &[
    ("-1e300", 0),
    ("-100", 1),
    (r#""-100.00""#, 1),
    ("-99.5", 2),
    (r#""-10.000000000000000000000000001""#, 3),
    ("-10", 4),
    (r#""-10.000000000000000000000000000""#, 4),
    ("-9.5", 5),
    ("0", 6),
    ("-0.0", 6),
    (r#""-0.00""#, 6),
    (r#""0e7""#, 6),
    (r#""0e-00007""#, 6),
    (r#""0.1""#, 7),
    ("0.1", 7),
    (r#""0.1000000000000000055511151231257827""#, 8),
    ("9.99", 9),
    ("10", 10),
    ("10.0", 10),
    (r#""10""#, 10),
    (r#""10.00""#, 10),
    (r#""1e1""#, 10),
    (r#""100E-1""#, 10),
    // Leading zeros do not count towards the four digits of an exponent.
    (r#""1e00001""#, 10),
    (r#""1E+0000000001""#, 10),
    (r#""100e-00001""#, 10),
    (r#""10.000000000000000000000000001""#, 11),
    ("100", 12),
    (r#""100.00""#, 12),
    ("9007199254740992", 13),
    ("9007199254740993", 14),
    (r#""9007199254740993.00""#, 14),
    ("9223372036854775807", 15),
    (r#""9223372036854775808""#, 16),
    ("18446744073709551615", 17),
    (r#""18446744073709551616""#, 18),
    (r#""79228162514264337593543950335""#, 19),
    (r#""79228162514264337593543950336""#, 20),
    (r#""123456789012345678901234567890123456789012345678901234567890.5""#, 21),
    ("1e300", 22),
];

const NO_NUMBERS: &[&str] = &[
    "true",
    r#""""#,
    r#"" 10""#,
    r#""10 ""#,
    r#""+10""#,
    r#""010""#,
    r#"".5""#,
    r#""5.""#,
    r#""1_000""#,
    r#""1,5""#,
    r#""0x10""#,
    r#""ten""#,
    r#""NaN""#,
    r#""Infinity""#,
    r#""-""#,
    r#""1e""#,
    r#""null""#,
    r#""1e99999""#,
    r#""1e010000""#,
    r#""'; --""#,
];

pub(crate) async fn numbers_are_compared_by_value(harness: &Harness) -> CaseResult {
    let operands: Result<Vec<(Operand, usize)>, _> = NUMBERS
        .iter()
        .map(|(json, rank)| Ok((Operand::Number(json.trim_matches('"').parse()?), *rank)))
        .collect();
    let operands = operands
        .map_err(|error: fluvius_store::query::ParseNumberError| CaseFailure::from(error))?;
    compare(harness, Kind::Number, NUMBERS, NO_NUMBERS, &operands).await
}

const TIMES: Ranked<'_> = &[
    (r#""0001-01-01T00:00:00Z""#, 0),
    (r#""1969-12-31T23:59:59.999999Z""#, 1),
    (r#""1969-12-31T23:59:59.9999999Z""#, 1),
    (r#""1970-01-01T00:00:00Z""#, 2),
    (r#""1970-01-01T05:30:00+05:30""#, 2),
    (r#""2026-01-02T03:04:05Z""#, 3),
    (r#""2026-01-02T03:04:05.000Z""#, 3),
    (r#""2026-01-02T03:04:05.000000999Z""#, 3),
    (r#""2026-01-01T22:04:05-05:00""#, 3),
    (r#""2026-01-02T04:04:05.000000+01:00""#, 3),
    (r#""2026-01-02T03:04:05.000001Z""#, 4),
    (r#""2026-01-02T03:04:05.1Z""#, 5),
    (r#""2026-01-02T03:04:05.100000Z""#, 5),
    (r#""2026-01-02T02:04:06-01:00""#, 6),
    (r#""2026-01-02T09:04:06.5+06:00""#, 7),
    (r#""2028-02-29T00:00:00Z""#, 8),
    (r#""9999-12-31T23:59:59.999999Z""#, 9),
];

const NO_TIMES: &[&str] = &[
    "0",
    "1767323045",
    "true",
    r#""""#,
    r#""2026-01-02""#,
    r#""2026-01-02 03:04:05Z""#,
    r#""2026-01-02T03:04:05""#,
    r#""2026-01-02t03:04:05z""#,
    r#""2026-02-29T00:00:00Z""#,
    r#""2026-13-01T00:00:00Z""#,
    r#""2026-01-02T24:00:00Z""#,
    r#""2026-01-02T03:04:60Z""#,
    r#""2026-01-02T03:04Z""#,
    r#""2026-01-02T03:04:05.Z""#,
    r#""2026-01-02T03:04:05+0100""#,
    r#"" 2026-01-02T03:04:05Z""#,
    r#""2026-01-02T03:04:05Z ""#,
    r#""now""#,
    r#""infinity""#,
    r#""0000-01-01T00:00:00Z""#,
    r#""10000-01-01T00:00:00Z""#,
    r#""2026-01-02T03:04:05 UTC""#,
];

pub(crate) async fn times_are_compared_by_instant(harness: &Harness) -> CaseResult {
    let operands: Result<Vec<(Operand, usize)>, chrono::ParseError> = TIMES
        .iter()
        .map(|(json, rank)| {
            let time: DateTime<Utc> = json.trim_matches('"').parse()?;
            Ok((time.into(), *rank))
        })
        .collect();
    compare(harness, Kind::Time, TIMES, NO_TIMES, &operands?).await
}

/// Texts in the order of their code points.
const TEXTS: &[&str] = &[
    "",
    "\t",
    " ",
    " a",
    "\"",
    "$.a",
    "%",
    "%_*?[a-z]",
    "'",
    "' OR 1=1 --",
    "''",
    "-0",
    "0",
    "007",
    "10",
    "10.00",
    "2",
    "A",
    "Robert'); DROP TABLE resource_state;--",
    "Z",
    "\\",
    "\\'",
    "\\u0041",
    "_",
    "a",
    "a ",
    "a\u{301}",
    "b",
    "null",
    "true",
    "z",
    "{\"a\":1}",
    "\u{7f}",
    "\u{df}",
    "\u{e1}",
    "\u{130}",
    "\u{131}",
    "\u{5e2}\u{5d1}\u{5e8}",
    "\u{d7ff}",
    "\u{e000}",
    "\u{fffd}",
    "\u{10000}",
    "\u{1f468}\u{200d}\u{1f469}",
    "\u{10ffff}",
];

const NO_TEXTS: &[&str] = &["0", "10", "10.5", "true", "false"];

pub(crate) async fn texts_are_compared_by_code_point(harness: &Harness) -> CaseResult {
    let mut written = Vec::new();
    for (rank, text) in TEXTS.iter().enumerate() {
        written.push((serde_json::to_string(text)?, rank));
    }
    let ranked: Vec<(&str, usize)> =
        written.iter().map(|(json, rank)| (json.as_str(), *rank)).collect();
    let operands: Vec<(Operand, usize)> =
        TEXTS.iter().enumerate().map(|(rank, text)| ((*text).into(), rank)).collect();
    compare(harness, Kind::Text, &ranked, NO_TEXTS, &operands).await
}

const IDENTIFIERS: Ranked<'_> = &[
    (r#""00000000-0000-0000-0000-000000000000""#, 0),
    (r#""0195f3c2-a4b8-7c10-a1b2-c3d4e5f60718""#, 1),
    (r#""0195F3C2-A4B8-7C10-A1B2-C3D4E5F60718""#, 1),
    (r#""9fffffff-0000-4000-8000-000000000000""#, 2),
    (r#""A0000000-0000-4000-8000-000000000000""#, 3),
    (r#""b0000000-0000-4000-8000-000000000000""#, 4),
    (r#""ffffffff-ffff-ffff-ffff-ffffffffffff""#, 5),
];

const NO_IDENTIFIERS: &[&str] = &[
    "0",
    "true",
    r#""""#,
    r#""0195f3c2a4b87c10a1b2c3d4e5f60718""#,
    r#""{0195f3c2-a4b8-7c10-a1b2-c3d4e5f60718}""#,
    r#""0195f3c2-a4b8-7c10-a1b2-c3d4e5f6071""#,
    r#""urn:uuid:0195f3c2-a4b8-7c10-a1b2-c3d4e5f60718""#,
    r#""0195f3c2-a4b8-7c10-a1b2-c3d4e5f6071g""#,
    r#"" 0195f3c2-a4b8-7c10-a1b2-c3d4e5f60718""#,
];

pub(crate) async fn identifiers_are_compared_by_bytes(harness: &Harness) -> CaseResult {
    let operands: Result<Vec<(Operand, usize)>, uuid::Error> = IDENTIFIERS
        .iter()
        .map(|(json, rank)| Ok((Uuid::try_parse(json.trim_matches('"'))?.into(), *rank)))
        .collect();
    compare(harness, Kind::Uuid, IDENTIFIERS, NO_IDENTIFIERS, &operands?).await
}

pub(crate) async fn booleans_are_compared(harness: &Harness) -> CaseResult {
    let others = ["0", "1", r#""true""#, r#""""#, r#""t""#];
    let operands = [(false.into(), 0), (true.into(), 1)];
    compare(harness, Kind::Boolean, &[("false", 0), ("true", 1)], &others, &operands).await
}

/// Checks every comparison with every operand, and the sort order, against the ranks.
async fn compare(
    harness: &Harness,
    kind: Kind,
    ranked: Ranked<'_>,
    others: &[&str],
    operands: &[(Operand, usize)],
) -> CaseResult {
    let values = ranked.iter().map(|(json, _)| *json).chain(others.iter().copied());
    let values = values.chain(NEVER_A_VALUE.iter().copied());
    let mut states: Vec<String> = values.map(|json| format!(r#"{{"v":{json}}}"#)).collect();
    states.extend(["{}", r#"{"V":1}"#].map(str::to_owned));
    let shelf = Shelf::of(harness, &states).await?;
    let field = || Field::at(["v"], kind);
    let rank = |number: usize| ranked.get(number).map(|(_, rank)| *rank);
    let is_unknown = |number| rank(number).is_none();

    let comparisons = [
        Comparison::Eq,
        Comparison::Ne,
        Comparison::Lt,
        Comparison::Le,
        Comparison::Gt,
        Comparison::Ge,
    ];
    for (operand, at) in operands {
        for comparison in comparisons {
            let filter = Filter::Compare { field: field(), comparison, operand: operand.clone() };
            let is_true = |number| rank(number).is_some_and(|rank| comparison.holds(rank.cmp(at)));
            shelf.check(&filter, is_true, is_unknown).await?;
        }
    }
    let some: Vec<&(Operand, usize)> = operands.iter().step_by(3).collect();
    let filter = field().one_of(some.iter().map(|(operand, _)| operand.clone()));
    let is_true = |number| rank(number).is_some_and(|rank| some.iter().any(|(_, at)| *at == rank));
    shelf.check(&filter, is_true, is_unknown).await?;
    shelf.check(&field().is_null(), is_unknown, |_| false).await?;

    for key in [field().ascending(), field().descending()] {
        let found = shelf.ask(&query(Filter::default(), std::slice::from_ref(&key))).await?;
        let mut expected = found.clone();
        expected.sort_unstable();
        same("the rows in order", &(0..shelf.aggregate_ids.len()).collect::<Vec<_>>(), &expected)?;
        // Ties are sorted by ascending id in both directions.
        expected.sort_by_key(|number| shelf.aggregate_ids[*number].id);
        match key.is_descending {
            false => expected.sort_by_key(|number| rank(*number)),
            true => expected.sort_by_key(|number| std::cmp::Reverse(rank(*number))),
        }
        same(&format!("the order by {key:?}"), &expected, &found)?;
    }
    Ok(())
}

pub(crate) async fn columns_are_compared(harness: &Harness) -> CaseResult {
    // Members of the state with the names of columns.
    let state = r#"{"version":7,"realm":"east","created":"2020-01-01T00:00:00Z","resource":"x","identifier":"00000000-0000-0000-0000-000000000000","revision":"9","deleted":"2020-01-01T00:00:00Z"}"#;
    let shelf = Shelf::of(harness, &[state, "{}", "{}"]).await?;
    let context = harness.context_of(Some("north"));
    let aggregate_id = &shelf.aggregate_ids[1];
    let created_by = harness.id();
    for version in 1..4 {
        let mut unit =
            harness.draft(&context, aggregate_id).sets(aggregate_id, version, json(state)).done();
        Arc::make_mut(&mut unit.states[0]).created_at -= chrono::TimeDelta::days(1);
        Arc::make_mut(&mut unit.states[0]).created_by = Some(created_by);
        harness.commit_all(&shelf.store, [unit]).await?;
    }
    let Some(row) = shelf.store.load(aggregate_id).await? else {
        return Err(CaseFailure::new("a row that was stored is not there"));
    };
    let actor = row.updated_by.unwrap_or_default();
    ensure!(row.created_at < row.updated_at, "the row was created_at when it was last changed");
    for filter in [
        Field::column(Column::Version).gt(3),
        Field::column(Column::Version).one_of([4, 9]),
        Field::column(Column::Realm).eq("north"),
        Field::column(Column::Realm).starts_with("nor")
            & Field::column(Column::Realm).contains("th"),
        Field::column(Column::CreatedAt).eq(row.created_at),
        Field::column(Column::CreatedAt).between(row.created_at, row.created_at),
        Field::column(Column::CreatedAt).lt(row.updated_at) & Field::column(Column::Version).gt(1),
        Field::column(Column::UpdatedAt).ge(row.updated_at),
        Field::column(Column::CreatedBy).eq(created_by),
        Field::column(Column::UpdatedBy).eq(actor),
        Field::column(Column::Identifier).eq(aggregate_id.id),
        Field::column(Column::Revision).eq(1)
            & Field::column(Column::Resource).eq("conformance")
            & Field::column(Column::Version).eq(4),
    ] {
        shelf.check_finds(filter, vec![1]).await?;
    }
    let everything = vec![0, 1, 2];
    shelf.check_finds(Field::column(Column::ClosedAt).is_null(), everything.clone()).await?;
    shelf.check_finds(Field::column(Column::ClosedAt).lt(row.updated_at), Vec::new()).await?;
    shelf.check_finds(!Field::column(Column::ClosedAt).lt(row.updated_at), Vec::new()).await?;
    shelf.check_finds(Field::column(Column::Realm).is_null(), vec![0, 2]).await?;
    shelf.check_finds(!Field::column(Column::Realm).eq("north"), Vec::new()).await?;
    shelf.check_finds(Field::column(Column::Revision).ne(9), everything).await?;
    // Such members are found by field, beside the columns.
    shelf.check_finds(Field::number("version").eq(7), vec![0, 1]).await?;
    shelf.check_finds(Field::time("deleted").lt(row.updated_at), vec![0, 1]).await?;
    shelf.check_finds(Field::column(Column::CreatedBy).eq(actor), Vec::new()).await?;
    let order = [
        Field::column(Column::Version).descending(),
        Field::column(Column::CreatedAt).descending(),
    ];
    let found = shelf.ask(&query(Filter::default(), &order)).await?;
    ensure!(
        found == [1, 2, 0],
        "by version and then creation, the last one first: found {found:?}"
    );

    let closing =
        harness.draft(&context, &shelf.aggregate_ids[2]).closes(&shelf.aggregate_ids[2], 1).done();
    let closed_at = closing.states[0].updated_at;
    harness.commit_all(&shelf.store, [closing]).await?;
    let closed = query(
        Field::column(Column::ClosedAt).eq(closed_at),
        &[Field::column(Column::ClosedAt).ascending()],
    )
    .with_closed(true);
    same("the aggregate that was closed then", &vec![2], &shelf.ask(&closed).await?)?;
    let open = closed.filter(Field::column(Column::ClosedAt).is_null());
    same("how many are open", &2, &shelf.ask(&open).await?.len())
}
