//! Pages of a query that reads a limited number of aggregates.
//!
//! A page is read in parts, each of one scan of the store. So a slow store, or one with large
//! states, holds up a page for one part at most.

use std::time::Duration;

use crate::error::Error;
use crate::sync::Instant;
use fluvius_store::query::{Column, Cursor, Field, FieldIndex, FieldSource, QueryError, StateScan};
use fluvius_store::{DynStore, StateQuery, StateRecord, Store};

/// Maximum number of aggregates of one scan.
const MAX_SCAN: usize = 2_000;

/// The bounds of a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Maximum number of scanned aggregates.
    pub(super) rows: usize,
    /// Maximum time, after which no further scan begins.
    pub(super) time: Duration,
}

impl Bounds {
    pub(super) const NONE: Self = Self { rows: usize::MAX, time: Duration::MAX };
}

/// The rows of a page, and the cursor of the next one.
pub(super) type Rows = (Vec<StateRecord>, Option<Cursor>);

/// Reads the next page of a query. `indexes` are the declared fields of the resource.
pub(super) async fn bounded_page(
    store: &DynStore,
    query: &StateQuery,
    bounds: Bounds,
    indexes: &[FieldIndex],
) -> Result<Rows, Error> {
    match unordered(query, indexes) {
        None => page_in_order(store, query, bounds).await,
        Some(field) => sorted_page(store, query, bounds, field).await,
    }
}

/// Returns the first sort key, unless a store finds the rows in its order.
fn unordered<'q>(query: &'q StateQuery, indexes: &[FieldIndex]) -> Option<&'q Field> {
    let first = &query.sort.first()?.field;
    let is_declared = indexes.iter().any(|index| Field::from(index) == *first);
    let is_identifier = first.source == FieldSource::Column(Column::Identifier);
    (!is_declared && !is_identifier).then_some(first)
}

/// Scans in the order of the query. The page may end before it is full.
async fn page_in_order(
    store: &DynStore,
    query: &StateQuery,
    bounds: Bounds,
) -> Result<Rows, Error> {
    let begun = Instant::now();
    let limit = query.limit;
    let mut rest = query.clone();
    let mut rows = Vec::new();
    let mut rows_left = bounds.rows.max(1);
    // Without a condition, the first scan fills the page. Else the scans grow.
    let mut size = limit.saturating_add(1);
    loop {
        // One more row than the page holds, to detect a next page.
        rest.limit = limit.saturating_add(1) - rows.len();
        size = size.min(MAX_SCAN).min(rows_left);
        let scan = store.scan(&rest, size).await?;
        rows.extend(scan.rows);
        if rows.len() > limit {
            return Ok(truncated(query, rows));
        }
        rows_left = rows_left.saturating_sub(scan.scanned);
        let is_over = rows_left == 0 || begun.elapsed() >= bounds.time;
        if is_over || scan.next.is_none() {
            return Ok((rows, scan.next));
        }
        rest.after = scan.next;
        size = size.saturating_mul(2);
    }
}

/// Scans all aggregates that match, and sorts them.
async fn sorted_page(
    store: &DynStore,
    query: &StateQuery,
    bounds: Bounds,
    field: &Field,
) -> Result<Rows, Error> {
    let mut rest = query.clone().sort(Vec::new()).after(None).limit(usize::MAX);
    let one_more = query.clone().limit(query.limit.saturating_add(1));
    let mut rows = Vec::new();
    let mut rows_left = bounds.rows.max(1);
    loop {
        let StateScan { rows: found, next, scanned, .. } =
            store.scan(&rest, rows_left.min(MAX_SCAN)).await?;
        rows.extend(found);
        // The rows that may be on the page, so that no more of them are in memory.
        rows = one_more.select(rows);
        rows_left = rows_left.saturating_sub(scanned);
        match next {
            None => break,
            Some(_) if rows_left == 0 => return Err(too_many(field, bounds.rows).into()),
            next => rest.after = next,
        }
    }
    Ok(truncated(query, rows))
}

/// Returns the rows of a page from those and one more, and the cursor of the last one if there is
/// one more.
pub(super) fn truncated(query: &StateQuery, mut rows: Vec<StateRecord>) -> Rows {
    let has_more = rows.len() > query.limit;
    rows.truncate(query.limit);
    let next = rows.last().filter(|_| has_more).map(|last| Cursor::of(query, last));
    (rows, next)
}

fn too_many(field: &Field, max: usize) -> QueryError {
    QueryError::new(format!(
        "sorting by {field}, which has no index, would read more than {max} aggregates: sort by a \
         field with a declared index, or add a condition on one"
    ))
}
