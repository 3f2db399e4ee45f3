//! Scans: the rows of a query without its filter, one after the other.

use fluvius_core::query::{Cursor, Filter, StateScan};
use fluvius_core::{RealmFilter, StateQuery, StoreError};

use super::Naive;
use crate::mutant::Mutant;

impl Naive {
    pub(super) async fn scan_rows(
        &self,
        query: &StateQuery,
        scan_limit: usize,
    ) -> Result<StateScan, StoreError> {
        let mut all = query.clone().filter(Filter::default()).with_closed(true).limit(usize::MAX);
        if self.is(Mutant::ScanReadsAllRealms) {
            all.realm = RealmFilter::All;
        }
        if self.is(Mutant::ScansByCounting) {
            // Like `offset`: counts the rows already scanned.
            all.after = None;
        }
        let mut rows = self.select(&all).await?;
        if self.is(Mutant::ScansByCounting) {
            let mut own = self.own();
            own.scanned = if query.after.is_some() { own.scanned } else { 0 };
            rows.drain(..own.scanned.min(rows.len()));
        }
        let (mut limit, mut scan_limit) = (query.limit.max(1), scan_limit.max(1));
        if self.is(Mutant::ScansUnlimited) {
            scan_limit = usize::MAX;
        }
        if self.is(Mutant::ScanRowsUnlimited) {
            limit = usize::MAX;
        }
        let (mut found, mut scanned) = (Vec::new(), 0);
        let mut last_match = query.after.clone();
        for row in &rows {
            if found.len() >= limit || scanned >= scan_limit {
                break;
            }
            scanned += 1;
            if self.is_asked_for(query, row) {
                last_match = Some(Cursor::of(query, row));
                found.push(row.clone());
            }
        }
        self.own().scanned += scanned;
        let step = usize::from(self.is(Mutant::ScanSkipsOneRow));
        let end = rows.get((scanned + step).saturating_sub(1)).filter(|_| scanned < rows.len());
        let mut next = end.map(|row| Cursor::of(query, row));
        if self.is(Mutant::ScanEndsAtLastMatch) && next.is_some() {
            next = last_match;
        }
        if self.is(Mutant::EmptyScanIsLast) && found.is_empty() {
            next = None;
        }
        Ok(StateScan::new(found, next, scanned))
    }
}
