//! Bounded queries: the rows among a limited number of scanned ones, and the end of the scan.

use super::{CompiledFilter, Cursor, Filter, StateQuery};
use crate::record::StateRecord;

/// Maximum number of rows that a store reads at once by an index, instead of scanning rows in the
/// order of a query.
pub const MAX_CANDIDATES: usize = 10_000;

/// The matching rows of a [scan](crate::Store::scan), and its end.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StateScan {
    /// The matching rows, in the order of the query. May be empty even if the scan has not reached
    /// the end.
    pub rows: Vec<StateRecord>,
    /// The location of the last scanned row, which need not match: the next scan begins after it.
    /// `None` if the scan has reached the end of the query.
    pub next: Option<Cursor>,
    /// Number of scanned rows.
    pub scanned: usize,
}

impl StateScan {
    /// Creates a scan, as a store has read it.
    pub const fn new(rows: Vec<StateRecord>, next: Option<Cursor>, scanned: usize) -> Self {
        Self { rows, next, scanned }
    }

    /// Creates the scan of a store that has read all rows after the cursor of a query which may
    /// match. `rows` is the result of the query without its limit, or the first rows of it, one
    /// more than the limit.
    pub fn complete(query: &StateQuery, mut rows: Vec<StateRecord>, scanned: usize) -> Self {
        let limit = query.limit.max(1);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(|row| Cursor::of(query, row));
        Self { rows, next, scanned }
    }
}

impl StateQuery {
    /// Returns the query for the rows that a scan of this query reads: those of its resource and
    /// its realm in its order, after its cursor, closed or not and without a filter. It has one
    /// more row than the scan, to detect the end.
    #[must_use]
    pub fn window(&self, scan_limit: usize) -> Self {
        let limit = scan_limit.max(1).saturating_add(1);
        Self { filter: Filter::default(), with_closed: true, limit, ..self.clone() }
    }

    /// Scans the rows of the [`window`](Self::window), in its order, until `limit` rows match or
    /// `scan_limit` rows are scanned. This defines [`Store::scan`](crate::Store::scan).
    ///
    /// # Errors
    /// Returns the first error of the rows.
    pub fn scan<E>(
        &self,
        window: impl IntoIterator<Item = Result<StateRecord, E>>,
        scan_limit: usize,
    ) -> Result<StateScan, E> {
        let filter = CompiledFilter::new(&self.filter);
        let mut window = window.into_iter();
        let mut scan = StateScan { rows: Vec::new(), next: None, scanned: 0 };
        while let Some(row) = window.next().transpose()? {
            scan.scanned += 1;
            let is_end = scan.scanned >= scan_limit.max(1);
            let is_match = self.admits(&row, &filter);
            if is_end || (is_match && scan.rows.len() + 1 >= self.limit.max(1)) {
                let cursor = Cursor::of(self, &row);
                scan.rows.extend(is_match.then_some(row));
                scan.next = window.next().transpose()?.map(|_| cursor);
                return Ok(scan);
            }
            scan.rows.extend(is_match.then_some(row));
        }
        Ok(scan)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::super::state_query::tests::row;
    use super::*;
    use crate::query::Field;

    /// Scans to the end. Returns the identifiers that each scan finds, and its number of rows.
    fn scans(query: &StateQuery, scan_limit: usize) -> Vec<(Vec<u128>, usize)> {
        let rows: Vec<StateRecord> =
            (1..=7).map(|id| row(id, &format!(r#"{{"a":{}}}"#, id % 4))).collect();
        let mut query = query.clone();
        let mut scans = Vec::new();
        loop {
            let window = query.window(scan_limit).select(rows.clone());
            let scan = query.scan(window.into_iter().map(Ok::<_, Infallible>), scan_limit).unwrap();
            let ids = scan.rows.iter().map(|row| row.aggregate_id.id.as_u128()).collect();
            scans.push((ids, scan.scanned));
            assert!(scans.len() <= 8, "the scans do not end");
            match scan.next {
                Some(next) => query.after = Some(next),
                None => return scans,
            }
        }
    }

    #[test]
    fn scan_ends_at_a_limit_or_the_end() {
        let all = StateQuery::for_resource("account", 10);
        let threes = all.clone().filter(Field::number("a").eq(3));
        let ids = |ids: &[u128]| ids.to_vec();
        assert_eq!(scans(&all, 10), [(ids(&[1, 2, 3, 4, 5, 6, 7]), 7)]);
        assert_eq!(scans(&all, 7), [(ids(&[1, 2, 3, 4, 5, 6, 7]), 7)]);
        assert_eq!(scans(&threes, 3), [(ids(&[3]), 3), (ids(&[]), 3), (ids(&[7]), 1)]);
        assert_eq!(scans(&threes.clone().limit(1), 10), [(ids(&[3]), 3), (ids(&[7]), 4)]);
        // Both limits count as 1.
        let one_by_one: Vec<_> = (1..=7).map(|id| (vec![id], 1)).collect();
        assert_eq!(scans(&all, 0), one_by_one);
        assert_eq!(scans(&all.clone().limit(0), 10), one_by_one);
        let sorted =
            all.sort(vec![Field::number("a").descending()]).filter(Field::number("a").lt(2));
        assert_eq!(scans(&sorted, 5), [(ids(&[1]), 5), (ids(&[5, 4]), 2)]);
    }

    #[test]
    fn complete_scan_continues_only_after_a_full_page() {
        let rows: Vec<StateRecord> = (1..=3).map(|id| row(id, "{}")).collect();
        let query = StateQuery::for_resource("account", 2);
        let scan = StateScan::complete(&query, rows.clone(), 3);
        assert_eq!((scan.rows.len(), scan.next), (2, Some(Cursor::of(&query, &rows[1]))));
        let scan = StateScan::complete(&query, rows[..2].to_vec(), 2);
        assert_eq!((scan.rows.len(), scan.next), (2, None));
    }
}
