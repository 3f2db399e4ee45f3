//! Pages: total order, limits, and stability under concurrent writes.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join;

use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure, same};
use crate::conformance::draft::json;
use crate::conformance::harness::Harness;
use crate::conformance::query_fixture::{Shelf, query};
use fluvius_store::query::{Column, Cursor, Field, Filter, SortKey};
use fluvius_store::{AggregateId, StateQuery, Store};

/// Returns states with many equal values and some nulls.
pub(super) fn states() -> Vec<String> {
    let amounts = ["10", r#""10.00""#, "9.5", r#""100""#, "null", r#""ten""#, "-1"];
    let owners = [r#""Ada""#, r#""ada""#, r#""Grace""#, "7"];
    let dues = [r#""2026-01-02T00:00:00Z""#, r#""2026-01-02T01:00:00+01:00""#, "null"];
    let state = |number: usize| {
        format!(
            r#"{{"amount":{},"owner":{},"due":{}}}"#,
            amounts[number % amounts.len()],
            owners[number % owners.len()],
            dues[number / 5 % dues.len()],
        )
    };
    (0..60).map(state).collect()
}

pub(super) fn orders() -> Vec<Vec<SortKey>> {
    let amount = || Field::number("amount");
    vec![
        vec![],
        vec![amount().ascending()],
        vec![amount().descending()],
        vec![Field::text("owner").descending(), amount().ascending()],
        vec![
            Field::time("due").descending(),
            Field::text("owner").ascending(),
            amount().descending(),
        ],
        vec![Field::column(Column::Version).ascending(), Field::time("due").ascending()],
        vec![Field::column(Column::Identifier).descending()],
        vec![Field::text("nowhere").descending()],
    ]
}

pub(crate) async fn pages_add_up_to_the_whole(harness: &Harness) -> CaseResult {
    let shelf = Shelf::of(harness, &states()).await?;
    let filters = [
        Filter::default(),
        Field::number("amount").ge(10),
        !Field::text("owner").eq("ada") | Field::text("owner").is_null(),
    ];
    for filter in &filters {
        for sort in orders() {
            let whole = shelf.store.query(&query(filter.clone(), &sort)).await?;
            let count = whole.len();
            for limit in [1, 2, 7, count - 1, count, count + 1] {
                let mut seen = Vec::new();
                let mut page = query(filter.clone(), &sort).limit(limit);
                loop {
                    let rows = shelf.store.query(&page).await?;
                    same("the length of a page", &limit.min(count - seen.len()), &rows.len())?;
                    let Some(last) = rows.last() else { break };
                    // Round-trips the cursor through its text, like a client.
                    let cursor = Cursor::of(&page, last).to_string();
                    page.after = Some(cursor.parse()?);
                    seen.extend(rows);
                    ensure!(seen.len() <= count, "the pages give rows twice: {sort:?}");
                }
                same(&format!("the pages of {limit} by {sort:?}"), &whole, &seen)?;
            }
        }
    }
    Ok(())
}

pub(crate) async fn pages_span_resources(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let mut expected: Vec<AggregateId> = Vec::new();
    for _ in 0..4 {
        // The same id in several resources, whose names are not in sort order.
        let identifier = harness.id();
        for resource in ["b", "B", "a", "", "\u{e9}", "a b"] {
            let aggregate_id = AggregateId::new(resource, identifier);
            let unit =
                harness.draft(&context, &aggregate_id).sets(&aggregate_id, 0, json("{}")).done();
            harness.commit_all(&store, [unit]).await?;
            expected.push(aggregate_id);
        }
    }
    expected.sort();
    let mut found: Vec<AggregateId> = Vec::new();
    let mut page = StateQuery::every(5);
    loop {
        let rows = store.query(&page).await?;
        let Some(last) = rows.last() else { break };
        page.after = Some(Cursor::of(&page, last));
        found.extend(rows.into_iter().map(|row| row.aggregate_id));
        ensure!(found.len() <= expected.len(), "the pages give aggregates twice");
    }
    same("the aggregates of all resources, 5 at a time", &expected, &found)
}

pub(crate) async fn any_limit_is_accepted(harness: &Harness) -> CaseResult {
    let shelf = Shelf::of(harness, &states()).await?;
    let whole = query(Field::number("amount").gt(9), &[Field::number("amount").ascending()]);
    let all = shelf.ask(&whole).await?;
    ensure!(all.len() > 20, "the filter finds {} of the rows that it should", all.len());
    for limit in [0, 1, 2, all.len(), usize::MAX / 2, usize::MAX / 2 + 1, usize::MAX] {
        let found = shelf.ask(&whole.clone().limit(limit)).await?;
        let expected: Vec<usize> = all.iter().copied().take(limit).collect();
        same(&format!("at most {limit} rows"), &expected, &found)?;
    }
    Ok(())
}

pub(crate) async fn pages_are_stable_under_concurrent_writes(harness: &Harness) -> CaseResult {
    let shelf = Shelf::of(harness, &states()).await?;
    let context = harness.context();
    let sort = [Field::number("amount").ascending(), Field::text("owner").descending()];
    let still: BTreeSet<usize> =
        (0..shelf.aggregate_ids.len()).filter(|number| number % 3 != 0).collect();
    let whole = shelf.ask(&query(Filter::default(), &sort)).await?;
    let mut moving = whole.iter().copied().filter(|number| !still.contains(number)).cycle();
    let mut versions = vec![1_u64; shelf.aggregate_ids.len()];

    let mut pages = 0;
    let mut seen: Vec<usize> = Vec::new();
    let mut page = query(Filter::default(), &sort).limit(4);
    loop {
        let rows = shelf.store.query(&page).await?;
        let Some(last) = rows.last() else { break };
        page.after = Some(Cursor::of(&page, last));
        for row in rows.iter().filter(|row| shelf.aggregate_ids.contains(&row.aggregate_id)) {
            seen.push(shelf.number(row)?);
        }
        // Between pages, rows are inserted, closed and moved in both directions. The writes stop
        // after some pages, so that even wrong pages end.
        pages += 1;
        let steps = if pages < 15 { &["-50", "5000", "9.7"][..] } else { &[] };
        for (step, amount) in steps.iter().enumerate() {
            let Some(number) = moving.next() else { break };
            let aggregate_id = &shelf.aggregate_ids[number];
            let state = json(&format!(r#"{{"amount":{amount},"owner":"Bo"}}"#));
            let draft = harness.draft(&context, aggregate_id);
            let unit = match versions[number] {
                version if step == 2 && version < 3 => draft.closes(aggregate_id, version),
                version => draft.sets(aggregate_id, version, state.clone()),
            };
            versions[number] += 1;
            let fresh = harness.aggregate_id();
            let new = harness.draft(&context, &fresh).sets(&fresh, 0, state);
            harness.commit_all(&shelf.store, [unit.done(), new.done()]).await?;
        }
        ensure!(seen.len() < 1_000, "the pages do not end");
    }
    let found: Vec<usize> = seen.into_iter().filter(|number| still.contains(number)).collect();
    let expected: Vec<usize> = whole.into_iter().filter(|number| still.contains(number)).collect();
    same("the untouched rows", &expected, &found)
}

pub(crate) async fn a_page_is_consistent(harness: &Harness) -> CaseResult {
    let shelf = Shelf::of(harness, &[r#"{"balance":100}"#, r#"{"balance":0}"#]).await?;
    let reader = harness.open().await;
    check_sums(harness, &shelf, || async {
        let rows = reader.query(&query(!Field::number("balance").is_null(), &[])).await?;
        Ok(rows.iter().map(|row| row.data.to_value()).collect())
    })
    .await
}

pub(crate) async fn a_snapshot_is_consistent(harness: &Harness) -> CaseResult {
    let shelf = Shelf::of(harness, &[r#"{"balance":100}"#, r#"{"balance":0}"#]).await?;
    let reader = harness.open().await;
    let aggregate_ids = shelf.aggregate_ids.clone();
    check_sums(harness, &shelf, || async {
        let rows = reader.snapshot(&aggregate_ids).await?;
        Ok(rows.iter().flatten().map(|row| row.data.to_value()).collect())
    })
    .await
}

/// Moves amounts between two aggregates, and checks that a reader always finds the same sum.
async fn check_sums<F>(harness: &Harness, shelf: &Shelf, read: impl Fn() -> F) -> CaseResult
where
    F: Future<Output = Result<Vec<serde_json::Value>, CaseFailure>>,
{
    let is_over = AtomicBool::new(false);
    let (first, second) = (&shelf.aggregate_ids[0], &shelf.aggregate_ids[1]);
    let reading = async {
        let mut balances = BTreeSet::new();
        while !is_over.load(Ordering::SeqCst) {
            let states = read().await?;
            let found: Vec<u64> =
                states.iter().filter_map(|state| state["balance"].as_u64()).collect();
            ensure!(found.len() == 2, "of two aggregates {} are found", found.len());
            ensure!(found.iter().sum::<u64>() == 100, "100 in all is found as {found:?}");
            balances.extend(found);
            tokio::task::yield_now().await;
        }
        ensure!(balances.len() > 2, "the reader has seen no change");
        Ok::<(), CaseFailure>(())
    };
    let writing = async {
        let mut written = Ok(());
        let context = harness.context();
        for version in 1..150 {
            let amount = version % 100;
            let sets = |balance: u64| json(&format!(r#"{{"balance":{balance}}}"#));
            let draft = harness.draft(&context, first).sets(first, version, sets(100 - amount));
            let unit = draft.command(second).sets(second, version, sets(amount)).done();
            written = harness.commit_all(&shelf.store, [unit]).await;
            if written.is_err() {
                break;
            }
        }
        is_over.store(true, Ordering::SeqCst);
        written
    };
    let (read, written) = join(reading, writing).await;
    written?;
    read
}

pub(crate) async fn a_snapshot_has_the_requested_rows(harness: &Harness) -> CaseResult {
    let shelf = Shelf::of(harness, &["0", "1", "2", "3", "4"]).await?;
    let context = harness.context();
    let closed = &shelf.aggregate_ids[3];
    let closing = harness.draft(&context, closed).closes(closed, 1).done();
    harness.commit_all(&shelf.store, [closing]).await?;
    let aggregate_ids = &shelf.aggregate_ids;
    let absent = harness.aggregate_id();
    let namesake = AggregateId::new("Conformance", aggregate_ids[0].id);
    let asked = [
        &aggregate_ids[4],
        &absent,
        &aggregate_ids[0],
        closed,
        &aggregate_ids[4],
        &namesake,
        &aggregate_ids[1],
        &aggregate_ids[1],
    ];
    let asked: Vec<AggregateId> = asked.into_iter().cloned().collect();
    let mut expected = Vec::new();
    for aggregate_id in &asked {
        expected.push(shelf.store.load(aggregate_id).await?);
    }
    ensure!(
        expected.iter().flatten().count() == 6,
        "of the aggregates that are there not all are loaded"
    );
    same("the rows of a snapshot", &expected, &shelf.store.snapshot(&asked).await?)?;
    same("the snapshot of nothing", &0, &shelf.store.snapshot(&[]).await?.len())?;
    // More ids than a statement may have parameters.
    let many: Vec<AggregateId> = aggregate_ids.iter().cycle().take(40_000).cloned().collect();
    let found = shelf.store.snapshot(&many).await?;
    ensure!(found.len() == many.len(), "of {} rows {} are given", many.len(), found.len());
    let is_right = many.iter().zip(&found).all(|(aggregate_id, row)| {
        row.as_ref().is_some_and(|row| row.aggregate_id == *aggregate_id)
    });
    ensure!(is_right, "the rows of many aggregates are not the requested ones");
    Ok(())
}
