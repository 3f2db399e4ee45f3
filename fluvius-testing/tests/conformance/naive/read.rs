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
        if let Some(before) = query.before.filter(|before| before.row_id().is_some())
            && !self.is(Mutant::BeforeUnchecked)
        {
            self.check_place(&content, before, newest, kind)?;
        }
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
        let is_ahead = |position: u64| match query.before.map(|before| before.position()) {
            None => false,
            Some(_) if self.is(Mutant::BeforeIgnored) => false,
            Some(before) if self.is(Mutant::BeforeIncluded) => position > before,
            Some(before) => position >= before,
        };
        let is_descending = query.descending && !self.is(Mutant::DescendingIgnored);
        let is_in_range = |position: u64| is_behind(position) && !is_ahead(position);
        let mut in_range: Vec<_> =
            content.rows.iter().filter(|row| is_in_range(row.position)).collect();
        let last = in_range.last().map_or(after, |row| place(row));
        let is_sorted_late = self.is(Mutant::DescendingPagesFromBelow);
        if is_descending && !is_sorted_late {
            in_range.reverse();
        }
        let mut scanned_to = match (is_descending, query.before) {
            (false, _) => after,
            (true, Some(before)) => before,
            (true, None) => (newest.position() + 1).into(),
        };
        let end = if is_descending { after } else { last };
        let mut page = LogPage::new(Vec::new(), end, newest.position()).with_last(true);
        let own = in_range.into_iter().filter(|row| row.record.kind() == kind);
        for (count, row) in own.enumerate() {
            if count == early {
                break;
            }
            if page.rows.len() >= limit || count == scan_limit {
                page.scanned_to = scanned_to;
                page = page.with_last(self.is(Mutant::EveryPageIsLast));
                break;
            }
            let belongs = self.belongs(&content, query, &row.record);
            if belongs {
                page.rows.push(row.clone());
            }
            if belongs || !self.is(Mutant::TokenOnlyOfReturnedRows) {
                scanned_to = place(row);
            }
        }
        if limit == 0 {
            page.scanned_to = scanned_to;
            page = page.with_last(scanned_to == end);
        }
        if is_descending && is_sorted_late {
            page.rows.reverse();
        }
        match self.mutant {
            Some(Mutant::TokenAlwaysNewest) => page.scanned_to = newest,
            Some(Mutant::TokenOnlyOfReturnedRows) => page.scanned_to = scanned_to,
            Some(Mutant::DescendingTokenIsFirst) if query.descending => {
                page.scanned_to = page.rows.first().map_or(page.scanned_to, place);
            }
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
        let context = content.context_of(row);
        let realm = match self.mutant {
            Some(Mutant::RealmOfTheAggregate) => {
                let state = content.states.get(row.aggregate_id());
                state.and_then(|state| state.realm.as_deref().map(str::to_owned))
            }
            _ => context.and_then(|context| context.realm.clone()),
        };
        let realm = match &query.realm {
            RealmFilter::Only(None) if self.is(Mutant::NoRealmIsAllRealms) => true,
            filter => filter.admits(realm.as_deref()) || self.is(Mutant::RealmsIgnored),
        };
        let actor = context.and_then(|context| match self.is(Mutant::ProfilesAreActors) {
            true => context.actor.id(),
            false => context.actor.user_id,
        });
        let is_by_actor = query.actor.is_none_or(|wanted| actor == Some(wanted));
        (aggregate_id || self.is(Mutant::AggregatesIgnored))
            && realm
            && (is_by_actor || self.is(Mutant::ActorsIgnored))
            && self.has_name(content, query, row)
    }

    /// Returns true if the domain and the key of a row are those of the query.
    fn has_name(&self, content: &Content, query: &LogQuery, row: &AnyRecord) -> bool {
        let domain = match self.is(Mutant::DomainsOfContexts) {
            true => content.context_of(row).map(|context| &*context.domain),
            false => content.domain_of(row),
        };
        let is_domain = query.domain.is_none() || query.domain.as_deref() == domain;
        let key = match row {
            AnyRecord::Command(row) => Some(&row.command),
            AnyRecord::Event(row) => Some(&row.event),
            AnyRecord::Message(row) => Some(&row.key),
            AnyRecord::Activity(row) => row.code.as_ref(),
        };
        let is_key = match (&query.keys, key) {
            (None, _) => true,
            (Some(keys), _) if keys.is_empty() && self.is(Mutant::NoKeysAreAllKeys) => true,
            (Some(_), None) => self.is(Mutant::NoCodeIsAnyKey),
            (Some(keys), Some(key)) if self.is(Mutant::KeysFolded) => {
                keys.iter().any(|wanted| wanted.eq_ignore_ascii_case(key))
            }
            (Some(keys), Some(key)) => keys.contains(&**key),
        };
        (is_domain || self.is(Mutant::DomainsIgnored)) && (is_key || self.is(Mutant::KeysIgnored))
    }
}
