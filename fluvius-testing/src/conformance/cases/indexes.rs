//! Indexes do not change answers, whichever handle declares them or writes.

use futures_util::future::join;

use super::pages::{orders, states};
use crate::conformance::case_failure::{CaseResult, ensure, same};
use crate::conformance::draft::json;
use crate::conformance::handle::Handle;
use crate::conformance::harness::Harness;
use crate::conformance::query_fixture::{Shelf, query};
use fluvius_store::query::{Cursor, Field, Filter, Kind};
use fluvius_store::{AggregateId, StateRecord, Store};

pub(crate) async fn an_index_changes_no_answer(harness: &Harness) -> CaseResult {
    let shelf = Shelf::of(harness, &states()).await?;
    let filters = [
        Filter::default(),
        Field::number("amount").eq(10),
        !Field::number("amount").eq(10),
        Field::number("amount").is_null(),
        Field::time("due")
            .lt(chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default()),
        Field::text("owner").starts_with("A") | Field::text("owner").eq("ada"),
    ];
    let mut before = Vec::new();
    for filter in &filters {
        for sort in orders() {
            let asked = query(filter.clone(), &sort);
            before.push((shelf.ask(&asked).await?, asked));
        }
    }
    let declared = [
        vec![
            Field::number("amount"),
            Field::time("due"),
            Field::text("owner"),
            Field::text("amount"),
        ],
        vec![
            Field::time("due"),
            Field::text("nowhere.at all'"),
            Field::number("amount"),
            odd_name(),
        ],
        vec![],
    ];
    for fields in declared {
        shelf.store.declare_indexes("conformance", &fields).await?;
        // Declares them again, and for a resource without aggregates.
        shelf.store.declare_indexes("conformance", &fields).await?;
        shelf.store.declare_indexes("other", &fields).await?;
        for (expected, asked) in &before {
            let found = shelf.ask(asked).await?;
            same(&format!("with the indexes {fields:?}, by {asked:?}"), expected, &found)?;
        }
        let (aggregate_id, context) = (harness.aggregate_id(), harness.context());
        let state = json(r#"{"amount":"10.5","due":"no time","owner":["Ada"]}"#);
        let unit = harness
            .draft(&context, &aggregate_id)
            .sets(&aggregate_id, 0, state)
            .closes(&aggregate_id, 1)
            .done();
        harness.commit_all(&shelf.store, [unit]).await?;
    }
    Ok(())
}

/// Returns a field whose name needs escaping in a statement of the store.
fn odd_name() -> Field {
    Field::at([r#"$put$ $body$ %s %1$L '' \ "{a,b}" ; --"#], Kind::Text)
}

/// Indexes that one handle declares apply to the writes and later declarations of the other one.
pub(crate) async fn an_index_covers_the_writes_of_every_handle(harness: &Harness) -> CaseResult {
    let (shelf, other) = (Shelf::of(harness, &states()).await?, harness.open().await);
    let handles = [&shelf.store, &other];
    let declared: [&[Field]; 3] = [
        &[Field::number("amount"), Field::text("owner"), Field::time("due")],
        &[Field::text("owner"), Field::number("due"), Field::text("owner")],
        &[Field::number("amount"), Field::time("due")],
    ];
    let context = harness.context();
    for (round, fields) in declared.into_iter().enumerate() {
        handles[round % 2].declare_indexes("conformance", fields).await?;
        // Each aggregate takes the state of another one, so its old index entries are obsolete.
        let written = states().into_iter().cycle().skip(round + 1);
        for (number, (aggregate_id, state)) in shelf.aggregate_ids.iter().zip(written).enumerate() {
            let draft = harness.draft(&context, aggregate_id).sets(
                aggregate_id,
                round as u64 + 1,
                json(&state),
            );
            let is_last = round == 2 && number % 7 == 0;
            let unit = if is_last { draft.closes(aggregate_id, 4) } else { draft };
            harness.commit_all(handles[(round + number) % 2], [unit.done()]).await?;
        }
        for handle in handles {
            check_answers(handle, &shelf.aggregate_ids).await?;
        }
    }
    let one_declares = [Field::text("owner"), Field::time("due")];
    let other_declares = [Field::number("amount"), Field::text("owner")];
    let both = join(
        shelf.store.declare_indexes("conformance", &one_declares),
        other.declare_indexes("conformance", &other_declares),
    );
    let (one, another) = both.await;
    one?;
    another?;
    for handle in handles {
        check_answers(handle, &shelf.aggregate_ids).await?;
        handle.declare_indexes("conformance", &[]).await?;
        check_answers(handle, &shelf.aggregate_ids).await?;
    }
    harness.holds(&other).await
}

/// Checks that every page equals a selection from the stored rows.
async fn check_answers(store: &Handle, aggregate_ids: &[AggregateId]) -> CaseResult {
    let rows: Vec<StateRecord> =
        store.snapshot(aggregate_ids).await?.into_iter().flatten().collect();
    for filter in [
        Filter::default(),
        Field::number("amount").ge(10),
        Field::number("amount").is_null(),
        Field::text("owner").eq("ada") & Field::time("due").is_null(),
        Field::text("owner").starts_with("G") & !Field::number("amount").eq(10),
    ] {
        for sort in orders() {
            let mut page = query(filter.clone(), &sort).limit(9);
            let mut count = 0;
            loop {
                let found = store.query(&page).await?;
                same(&format!("a page of {page:?}"), &page.select(rows.clone()), &found)?;
                let Some(last) = found.last() else { break };
                count += found.len();
                ensure!(count <= rows.len(), "the pages give rows twice: {sort:?}");
                page.after = Some(Cursor::of(&page, last));
            }
        }
    }
    Ok(())
}
