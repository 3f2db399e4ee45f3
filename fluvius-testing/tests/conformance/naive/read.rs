//! Reading the logs.

use fluvius_core::{AnyRecord, LogKind, LogPage, LogQuery, RealmFilter, ResumeToken, StoreError};

use super::content::place;
use super::{Content, Naive};
use crate::mutant::Mutant;

impl Naive {
    pub(super) fn read(
        &self,
        kind: LogKind,
        query: &LogQuery,
    ) -> Result<LogPage<AnyRecord>, StoreError> {
        let content = self.shown();
        let newest = content.rows.last().map_or(ResumeToken::START, place);
        let mut after = query.after;
        if self.is(Mutant::BoundsSigned) && i64::try_from(after.position()).is_err() {
            after = ResumeToken::START;
        }
        self.check_place(&content, after, newest, kind)?;
        let mut limit = query.limit;
        if self.is(Mutant::LimitOverrun) {
            limit = limit.saturating_add(1);
        }
        let scan_limit = match self.mutant {
            Some(Mutant::ScanLimitIgnored) => usize::MAX,
            _ => query.scan_limit.max(1),
        };
        let early = if self.is(Mutant::LimitBeforeConditions) { limit } else { usize::MAX };
        let is_behind = |position: u64| match self.is(Mutant::AfterIncluded) {
            true => position >= after.position(),
            false => position > after.position(),
        };
        let mut page = LogPage::new(Vec::new(), newest, newest.position());
        let mut scanned_to = after;
        let mut count = 0;
        for row in content.rows.iter().filter(|row| is_behind(row.position)) {
            if row.record.kind() != kind {
                continue;
            }
            if count == early {
                break;
            }
            if page.rows.len() >= limit || count == scan_limit {
                page.scanned_to = scanned_to;
                break;
            }
            count += 1;
            let belongs = self.belongs(&content, query, &row.record);
            if belongs {
                page.rows.push(row.clone());
            }
            if belongs || !self.is(Mutant::TokenOnlyOfReturnedRows) {
                scanned_to = place(row);
            }
        }
        match self.mutant {
            Some(Mutant::TokenAlwaysNewest) => page.scanned_to = newest,
            Some(Mutant::TokenOnlyOfReturnedRows) => page.scanned_to = scanned_to,
            // As from a counter that the next commit has already increased.
            Some(Mutant::TokenAheadOfTheRows) if page.is_last() => {
                page.scanned_to = (newest.position() + 1).into();
            }
            _ => {}
        }
        Ok(page)
    }

    fn check_place(
        &self,
        content: &Content,
        after: ResumeToken,
        newest: ResumeToken,
        kind: LogKind,
    ) -> Result<(), StoreError> {
        let is_own =
            |row: &AnyRecord| row.kind() == kind || !self.is(Mutant::TokensOfOtherLogsRejected);
        let mut rows = content.rows.iter();
        let found = rows.find(|row| row.position == after.position() && is_own(&row.record));
        let found = found.and_then(|row| place(row).row_id());
        let checked = after.check(found, newest.position());
        match self.mutant {
            Some(Mutant::TokensUnchecked) => Ok(()),
            Some(Mutant::TokensAheadUnchecked) if after.row_id().is_none() => Ok(()),
            Some(Mutant::InvalidTokenIsRetryable) => {
                checked.map_err(|error| StoreError::unavailable(error.to_string()))
            }
            _ => checked,
        }
    }

    fn belongs(&self, content: &Content, query: &LogQuery, row: &AnyRecord) -> bool {
        let same = |one: &str, other: &str| match self.is(Mutant::NamesCompared) {
            true => one.trim_end().eq_ignore_ascii_case(other.trim_end()),
            false => one == other,
        };
        let aggregate_id = query.aggregate_id.as_ref().is_none_or(|aggregate_id| {
            same(&aggregate_id.resource, &row.aggregate_id().resource)
                && aggregate_id.id == row.aggregate_id().id
        });
        let realm = match self.mutant {
            Some(Mutant::RealmOfTheAggregate) => {
                let state = content.states.get(row.aggregate_id());
                state.and_then(|state| state.realm.as_deref().map(str::to_owned))
            }
            _ => content.realm_of(row),
        };
        let realm = match &query.realm {
            RealmFilter::Only(None) if self.is(Mutant::NoRealmIsAllRealms) => true,
            filter => filter.admits(realm.as_deref()) || self.is(Mutant::RealmsIgnored),
        };
        (aggregate_id || self.is(Mutant::AggregatesIgnored)) && realm
    }
}
