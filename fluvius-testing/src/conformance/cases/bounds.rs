//! Queries at the limits that every store must support.

use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure, same};
use crate::conformance::harness::Harness;
use crate::conformance::query_fixture::{Shelf, query};
use fluvius_store::query::{Column, Cursor, Field, Filter, MAX_SORT_KEYS, MAX_TERMS, SortKey};
use fluvius_store::{StateQuery, Store};

pub(crate) async fn the_largest_filters_succeed(harness: &Harness) -> CaseResult {
    let states = ["1", "2", "3", "null"].map(|v| format!(r#"{{"v":{v},"t":"t{v}"}}"#));
    let shelf = Shelf::of(harness, &states).await?;
    for is_indexed in [false, true] {
        if is_indexed {
            shelf
                .store
                .declare_indexes("conformance", &[Field::number("v"), Field::text("t")])
                .await?;
        }
        for (filter, expected) in largest() {
            for sort in [Vec::new(), longest_order()] {
                let whole = query(filter.clone(), &sort);
                let mut found = shelf.ask(&whole).await?;
                found.sort_unstable();
                same("the rows found by one of the largest filters", &expected, &found)?;
                same("its pages", &expected, &paged(&shelf, whole).await?)?;
            }
        }
    }
    Ok(())
}

/// Returns filters with the maximum number of terms, and the numbers of the matching states.
fn largest() -> Vec<(Filter, Vec<usize>)> {
    // The enclosing filter is a term too.
    let numbers = || 1..MAX_TERMS;
    let any = |of: &dyn Fn(usize) -> Filter| Filter::Any(numbers().map(of).collect());
    let all = |of: &dyn Fn(usize) -> Filter| Filter::All(numbers().map(of).collect());
    let v = || Field::number("v");
    vec![
        (any(&|n| v().eq(n + 1)), vec![1, 2]),
        (any(&|n| Field::text("t").contains(format!("t{n}"))), vec![0, 1, 2]),
        (any(&|n| Field::number(&format!("v{n}")).eq(n)), vec![]),
        (any(&|n| Field::column(Column::Version).eq(n)), vec![0, 1, 2, 3]),
        (all(&|n| v().le(n + 1)), vec![0, 1]),
        (all(&|n| v().eq(n + 1)), vec![]),
        (all(&|n| Field::text("t").ne(format!("t{}", n + 2))), vec![0, 1, 3]),
        (all(&|n| Field::number(&format!("v{n}")).is_null()), vec![0, 1, 2, 3]),
        (all(&|n| Field::column(Column::Version).le(n)), vec![0, 1, 2, 3]),
        (v().one_of(numbers().map(|n| n + 1)), vec![1, 2]),
        (Field::text("t").one_of(numbers().map(|n| format!("t{n}"))), vec![0, 1, 2]),
        (Field::column(Column::Version).one_of(numbers()), vec![0, 1, 2, 3]),
    ]
}

fn longest_order() -> Vec<SortKey> {
    let keys = [
        Field::number("v").descending(),
        Field::text("t").ascending(),
        Field::time("t").ascending(),
        Field::uuid("t").descending(),
        Field::boolean("v").ascending(),
        Field::column(Column::UpdatedAt).descending(),
        Field::column(Column::Version).ascending(),
        Field::column(Column::CreatedAt).ascending(),
    ];
    debug_assert_eq!(keys.len(), MAX_SORT_KEYS);
    keys.into()
}

/// Returns the numbers of the states found page by page.
async fn paged(shelf: &Shelf, mut query: StateQuery) -> Result<Vec<usize>, CaseFailure> {
    query.limit = 1;
    let mut found = Vec::new();
    loop {
        let rows = shelf.store.query(&query).await?;
        ensure!(rows.len() <= 1, "a page of one row has {}", rows.len());
        let Some(row) = rows.first() else { break };
        query.after = Some(Cursor::of(&query, row));
        found.push(shelf.number(row)?);
    }
    found.sort_unstable();
    Ok(found)
}
