//! Filters: field paths, unknown values, and combined conditions.

use std::sync::Arc;

use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure, same};
use crate::conformance::draft::json;
use crate::conformance::harness::Harness;
use crate::conformance::query_fixture::{Shelf, query};
use fluvius_store::query::{
    Column, Cursor, Field, Filter, Kind, MAX_FILTER_DEPTH, MAX_SORT_KEYS, MAX_TERMS,
};
use fluvius_store::{AggregateId, RealmFilter, StateQuery, Store};

/// Names of members that break if they are interpreted.
const NAMES: &[&str] = &[
    "a",
    "A",
    "a.b",
    "a b",
    " ",
    "",
    "'",
    "''",
    "\"",
    "\\",
    "\\\"",
    "`",
    "$",
    "$.a",
    "$put$",
    "$body$",
    "%s %1$s %L %%",
    "[0]",
    "0",
    "*",
    "#",
    "-1",
    "%",
    "?1",
    ":a",
    "@a",
    "--",
    "'; DROP TABLE resource_state; --",
    "{}",
    "a,b",
    "~0",
    "/a",
    "null",
    "\u{e9}",
    "e\u{301}",
    "\u{1f468}\u{200d}\u{1f469}",
    "\n",
];

pub(crate) async fn fields_are_found_by_name(harness: &Harness) -> CaseResult {
    let mut states = Vec::new();
    for (number, name) in NAMES.iter().enumerate() {
        // Each name at the top level and one level down, among all others.
        let others = NAMES.iter().filter(|other| *other != name);
        let mut members: serde_json::Map<_, _> =
            others.map(|other| ((*other).to_owned(), serde_json::json!("other"))).collect();
        members.insert((*name).to_owned(), serde_json::json!("top"));
        members.insert("inner".to_owned(), serde_json::json!({ *name: number }));
        states.push(serde_json::Value::Object(members).to_string());
    }
    let shelf = Shelf::of(harness, &states).await?;
    for (index, name) in NAMES.iter().enumerate() {
        let at_top = Field::at([*name], Kind::Text);
        shelf.check(&at_top.eq("top"), |number| number == index, |_| false).await?;
        let inside = Field::at(["inner", name], Kind::Number);
        shelf.check(&inside.eq(index), |number| number == index, |number| number != index).await?;
        let too_far = Field::at([*name, "inner"], Kind::Text);
        shelf.check(&too_far.is_null(), |_| true, |_| false).await?;
    }
    Ok(())
}

pub(crate) async fn a_path_leads_through_objects_only(harness: &Harness) -> CaseResult {
    let states = [
        r#"{"a":{"b":{"c":"x"}}}"#,
        r#"{"a":{"b":"{\"c\":\"x\"}"}}"#,
        r#"{"a":[{"b":{"c":"x"}}]}"#,
        r#"{"a.b.c":"x"}"#,
        r#"{"a":{"b.c":"x"}}"#,
        r#"{"a":{"b":[{"c":"x"}]}}"#,
        r#"{"a":null}"#,
        r#"[{"a":{"b":{"c":"x"}}}]"#,
        r#""x""#,
        "null",
        r#" { "a" : { "z" : 1 , "b" : { "c" : "y" } } } "#,
    ];
    let shelf = Shelf::of(harness, &states).await?;
    let is_null = |number| !matches!(number, 0 | 10);
    shelf.check(&Field::text("a.b.c").eq("x"), |number| number == 0, is_null).await?;
    shelf.check(&Field::text("a.b.c").is_null(), is_null, |_| false).await?;
    shelf
        .check_finds(
            Field::text("a.0.b").eq("x") | Field::at(["a", "[0]"], Kind::Text).eq("x"),
            vec![],
        )
        .await?;
    shelf.check_finds(Field::at(["a.b.c"], Kind::Text).eq("x"), vec![3]).await?;
    shelf.check_finds(Field::at(["a", "b.c"], Kind::Text).eq("x"), vec![4]).await
}

pub(crate) async fn substrings_and_prefixes_are_found(harness: &Harness) -> CaseResult {
    let texts = [
        "",
        "a",
        "A",
        "ab",
        "ba",
        "aab",
        "%",
        "a%b",
        "_",
        "a_b",
        "axb",
        "*",
        "[a]",
        "\\",
        "\\%",
        "'",
        "it's",
        "\"",
        "\u{e9}",
        "e\u{301}",
        "\u{df}",
        "ss",
        "a\nb",
        "\u{1f468}\u{200d}\u{1f469}",
        "\u{1f468}",
        "10.00",
        " a",
        "\u{130}",
        "i",
    ];
    let mut states = Vec::new();
    for text in texts {
        states.push(format!(r#"{{"v":{}}}"#, serde_json::to_string(text)?));
    }
    states.extend([r#"{"v":10}"#, r#"{"v":null}"#, "{}", r#"{"v":["a"]}"#].map(str::to_owned));
    let shelf = Shelf::of(harness, &states).await?;
    let is_unknown = |number| number >= texts.len();
    for part in texts {
        let holds = |number: usize| texts.get(number).is_some_and(|text| text.contains(part));
        shelf.check(&Field::text("v").contains(part), holds, is_unknown).await?;
        let holds = |number: usize| texts.get(number).is_some_and(|text| text.starts_with(part));
        shelf.check(&Field::text("v").starts_with(part), holds, is_unknown).await?;
    }
    Ok(())
}

pub(crate) async fn filter_conditions_are_combined(harness: &Harness) -> CaseResult {
    // All combinations of true, false and unknown for two fields.
    let truths = ["true", "false", "null"];
    let mut states = Vec::new();
    for one in truths {
        states.extend(truths.map(|other| format!(r#"{{"one":{one},"other":{other}}}"#)));
    }
    let shelf = Shelf::of(harness, &states).await?;
    let value = |at: usize| [Some(true), Some(false), None][at];
    let one = || Field::boolean("one").eq(true);
    let other = || Field::boolean("other").eq(true);
    let both = |number: usize| match (value(number / 3), value(number % 3)) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    };
    let either = |number: usize| match (value(number / 3), value(number % 3)) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    };
    let same_truth = |number: usize| Some(value(number / 3)? == value(number % 3)?);
    type Truth<'a> = &'a (dyn Fn(usize) -> Option<bool> + Sync);
    let all: [(Filter, Truth<'_>); 8] = [
        (one() & other(), &both),
        (one() | other(), &either),
        (!(!one() | !other()), &both),
        (!(!one() & !other()), &either),
        ((one() & other()) | (!one() & !other()), &same_truth),
        (Filter::All(vec![]), &|_| Some(true)),
        (Filter::Any(vec![]), &|_| Some(false)),
        (Field::boolean("one").one_of(Vec::<bool>::new()), &|_| Some(false)),
    ];
    for (filter, truth) in all {
        let is_true = |number| truth(number) == Some(true);
        shelf.check(&filter, is_true, |number| truth(number).is_none()).await?;
    }
    Ok(())
}

pub(crate) async fn only_requested_aggregates_are_found(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let realms = [None, Some("north"), Some("North"), Some("")];
    let mut rows: Vec<(AggregateId, Option<&str>, bool)> = Vec::new();
    for realm in realms {
        let context = harness.context_of(realm);
        let foreign = harness.context_of(Some("south"));
        for resource in ["conformance", "Conformance", "conformance ", "con'formance", "other"] {
            for is_closed in [false, true] {
                let aggregate_id = AggregateId::new(resource, harness.id());
                let created_at = harness
                    .draft(&context, &aggregate_id)
                    .sets(&aggregate_id, 0, json("{}"))
                    .done();
                harness.commit_all(&store, [created_at]).await?;
                if is_closed {
                    // Closed from a realm that is not the aggregate's own.
                    let mut closing =
                        harness.draft(&foreign, &aggregate_id).closes(&aggregate_id, 1).done();
                    Arc::make_mut(&mut closing.states[0]).realm = realm.map(Into::into);
                    harness.commit_all(&store, [closing]).await?;
                }
                rows.push((aggregate_id, realm, is_closed));
            }
        }
    }
    let mut filters = vec![RealmFilter::All];
    filters.extend(realms.iter().map(|realm| RealmFilter::Only(realm.map(str::to_owned))));
    filters.push(RealmFilter::Only(Some("south".to_owned())));
    let resources =
        [None, Some("conformance"), Some("Conformance"), Some("con'formance"), Some("x")];
    for realm in filters {
        for resource in resources {
            for with_closed in [false, true] {
                let query = StateQuery::every(usize::MAX)
                    .resource(resource.map(Into::into))
                    .realm(realm.clone())
                    .with_closed(with_closed);
                let mut expected: Vec<&AggregateId> = rows
                    .iter()
                    .filter(|(aggregate_id, of, is_closed)| {
                        resource.is_none_or(|resource| aggregate_id.resource == resource)
                            && realm.admits(*of)
                            && (with_closed || !is_closed)
                    })
                    .map(|(aggregate_id, ..)| aggregate_id)
                    .collect();
                expected.sort();
                let found = store.query(&query).await?;
                let found: Vec<&AggregateId> = found.iter().map(|row| &row.aggregate_id).collect();
                same(&format!("what is found by {query:?}"), &expected, &found)?;
            }
        }
    }
    let rows_are_whole = store.query(&StateQuery::every(usize::MAX)).await?;
    for row in rows_are_whole {
        let loaded = store.load(&row.aggregate_id).await?;
        same("the row that is found and the one that is loaded", &loaded, &Some(row))?;
    }
    Ok(())
}

pub(crate) async fn an_invalid_query_fails(harness: &Harness) -> CaseResult {
    let shelf = Shelf::of(harness, &[r#"{"v":1}"#, r#"{"v":2}"#]).await?;
    let deep = |depth: usize| {
        (1..depth).fold(Field::number("v").eq(1), |filter, level| match level % 2 {
            0 => Filter::All(vec![filter]),
            _ => Filter::Any(vec![filter]),
        })
    };
    let many = |count: usize| Field::number("v").one_of(1..count);
    let first = shelf.store.query(&query(Filter::default(), &[])).await?;
    let cursor = first.first().map(|row| Cursor::of(&query(Filter::default(), &[]), row));
    let mut faults = vec![
        query(deep(MAX_FILTER_DEPTH + 1), &[]),
        query(many(MAX_TERMS + 1), &[]),
        query(Filter::default(), &vec![Field::number("v").ascending(); MAX_SORT_KEYS + 1]),
        query(Field::number("v").eq("1"), &[]),
        query(Field::text("v").gt(1), &[]),
        query(Filter::Contains { field: Field::number("v"), text: "1".to_owned() }, &[]),
        query(Field::column(Column::Version).eq("1"), &[]),
        query(Field { kind: Kind::Text, ..Field::column(Column::Version) }.eq("1"), &[]),
        query(Field::text("v").eq("a\0b"), &[]),
        query(Field::at(["a\0b"], Kind::Text).is_null(), &[]),
        query(Field::at(Vec::<String>::new(), Kind::Text).is_null(), &[]),
    ];
    faults.push(query(Filter::default(), &[Field::number("v").ascending()]).after(cursor.clone()));
    for fault in faults {
        match shelf.store.query(&fault).await {
            Ok(_) => {
                return Err(CaseFailure::new(format!(
                    "a query is answered that is not valid: {fault:?}"
                )));
            }
            Err(error) => {
                ensure!(
                    !error.is_retryable(),
                    "a query that is not valid may be tried again: {error}"
                );
            }
        }
    }
    // Queries at the limits succeed.
    let sort = vec![Field::number("v").ascending(); MAX_SORT_KEYS];
    same("the deepest filter", &vec![0], &shelf.ask(&query(deep(MAX_FILTER_DEPTH), &[])).await?)?;
    let found = shelf.ask(&query(many(MAX_TERMS), &sort)).await?;
    same("the filter and the order of the most terms", &vec![0, 1], &found)?;
    let behind = query(Filter::default(), &[]).after(cursor);
    same("the rows behind the first", &1, &shelf.ask(&behind).await?.len())
}
