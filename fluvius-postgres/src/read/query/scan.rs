//! Queries with a bound on the scanned rows.

use fluvius_store::query::{MAX_CANDIDATES, StateScan};
use tokio_postgres::types::Type;

use super::{Sql, StateQuery, query as rows_of};
use crate::error::Fault;
use crate::indexes::{Index, Indexes};
use crate::pool::ReadPool;
use crate::read::saturating_i64;

/// Reads the rows that a query selects, among a limited number of scanned ones.
pub(crate) async fn scan(
    pool: &ReadPool,
    indexes: &Indexes,
    query: &StateQuery,
    scan_limit: usize,
) -> Result<StateScan, Fault> {
    if let Some(candidates) = fewest_candidates(pool, indexes, query).await? {
        let one_more = query.clone().limit(query.limit.max(1).saturating_add(1));
        let rows = rows_of(pool, indexes, &one_more).await?;
        return Ok(StateScan::complete(query, rows, candidates));
    }
    // The filter is evaluated here, so the statement has the scanned rows as well.
    let window = rows_of(pool, indexes, &query.window(scan_limit)).await?;
    query.scan(window.into_iter().map(Ok), scan_limit)
}

/// Returns the smallest number of values that meet the constraints on an indexed field, if it is
/// small enough to read them all.
async fn fewest_candidates(
    pool: &ReadPool,
    indexes: &Indexes,
    query: &StateQuery,
) -> Result<Option<usize>, Fault> {
    let Some(resource) = &query.resource else { return Ok(None) };
    let mut fewest = None;
    for index in indexes.for_resource(resource).iter() {
        if query.index_constraints(&index.field).is_empty() {
            continue;
        }
        let sql = Sql::count(query, index);
        let count = match pool.query_once(sql.text, sql.params).await {
            Ok(rows) => rows.first().map_or(Ok(0), |row| row.try_get::<_, i64>(0))?,
            // Another process has removed the index.
            Err(fault) if fault.is_undefined_table() => continue,
            Err(fault) => return Err(fault),
        };
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count < fewest.unwrap_or(MAX_CANDIDATES) {
            fewest = Some(count);
        }
    }
    Ok(fewest)
}

impl Sql<'_> {
    /// Returns the statement that counts the values which meet the constraints on an indexed field,
    /// up to `MAX_CANDIDATES`.
    fn count(query: &StateQuery, index: &Index) -> Self {
        let id = index.id;
        let text = format!("SELECT count(*) FROM (SELECT FROM field_{id} AS f{id} WHERE true");
        let mut sql = Self { text, params: Vec::new(), joined: Vec::new(), read: Vec::new() };
        sql.index_constraints(&query.clone().sort(Vec::new()).after(None), index);
        sql.push(" LIMIT ");
        sql.param(saturating_i64(MAX_CANDIDATES as u64), Type::INT8);
        sql.push(") AS c");
        sql
    }
}
