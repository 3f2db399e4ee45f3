//! State queries, implemented independently over `serde_json` values.

use std::cmp::Ordering;

use fluvius_core::query::{Comparison, Field, FieldSource, Filter};
use fluvius_core::{AggregateId, RealmFilter, StateQuery, StateRecord, StoreError};

use super::commit::pause;
use super::value::{Found, order};
use super::{Content, Naive};
use crate::mutant::Mutant;

impl Naive {
    pub(super) async fn select(&self, query: &StateQuery) -> Result<Vec<StateRecord>, StoreError> {
        if query.check().is_err() && !self.is(Mutant::QueriesUnchecked) {
            return Err(self.failure("not a query", Mutant::InvalidQueryIsRetryable));
        }
        let term_count = match &query.filter {
            Filter::All(filters) | Filter::Any(filters) => filters.len(),
            _ => 1,
        };
        if self.is(Mutant::LargestFiltersRejected) && term_count > 900 {
            return Err(StoreError::permanent("too many terms"));
        }
        let mut rows: Vec<StateRecord> = self.shown().states.into_values().collect();
        if self.is(Mutant::QueryInSteps) {
            pause().await;
            let behind: Vec<StateRecord> = self.shown().states.into_values().collect();
            let half = rows.len() / 2;
            rows.splice(half.., behind.into_iter().skip(half));
        }
        let mut limit = query.limit;
        if self.is(Mutant::QueryLimitSigned) && i64::try_from(limit).is_err() {
            limit = 0;
        }
        if self.is(Mutant::QueryLimitOverrun) && limit > 0 {
            limit = limit.saturating_add(1);
        }
        self.sort(query, &mut rows);
        if self.is(Mutant::QueryLimitBeforeFilter) {
            rows.retain(|row| self.is_behind(query, row));
            rows.truncate(limit);
        }
        rows.retain(|row| self.is_asked_for(query, row));
        if self.is(Mutant::IndexHidesNulls)
            && let Some(key) = query.sort.first()
            && self.own().indexes.contains(&key.field)
        {
            rows.retain(|row| self.value(&key.field, row) != Found::Null);
        }
        if self.is(Mutant::IndexForgetsWrites)
            && let Some(key) = query.sort.first()
            && self.own().indexes.contains(&key.field)
        {
            let own = self.own();
            rows.retain(|row| own.indexed.states.get(&row.aggregate_id) == Some(row));
        }
        if self.is(Mutant::PagesByCounting) {
            // Like `offset`: counts the rows already returned.
            let mut own = self.own();
            own.given = if query.after.is_some() { own.given } else { 0 };
            rows.drain(..own.given.min(rows.len()));
            own.given += rows.len().min(limit);
        } else {
            rows.retain(|row| self.is_behind(query, row));
        }
        rows.truncate(limit);
        Ok(rows)
    }

    pub(super) async fn rows_of(&self, aggregate_ids: &[AggregateId]) -> Vec<Option<StateRecord>> {
        let row = |content: &Content, aggregate_id: &AggregateId| {
            let row = content.states.get(aggregate_id).cloned();
            row.filter(|row| !self.is(Mutant::SnapshotWithoutClosed) || row.closed_at.is_none())
        };
        let mut aggregate_ids = aggregate_ids.to_vec();
        match self.mutant {
            Some(Mutant::SnapshotInOtherOrder) => aggregate_ids.sort(),
            Some(Mutant::SnapshotWithoutAbsent) => {
                aggregate_ids.retain(|aggregate_id| self.shown().states.contains_key(aggregate_id));
            }
            Some(Mutant::SnapshotWithoutDuplicates) => aggregate_ids.dedup(),
            Some(Mutant::SnapshotTruncated) => aggregate_ids.truncate(32_766),
            _ => {}
        }
        let mut content = self.shown();
        let mut rows = Vec::new();
        for aggregate_id in &aggregate_ids {
            if self.is(Mutant::SnapshotInSteps) && aggregate_ids.len() == 2 {
                pause().await;
                content = self.shown();
            }
            rows.push(row(&content, aggregate_id));
        }
        rows
    }

    pub(super) fn is_asked_for(&self, query: &StateQuery, row: &StateRecord) -> bool {
        let realm = match &query.realm {
            _ if self.is(Mutant::QueryRealmsIgnored) => true,
            RealmFilter::Only(None) if self.is(Mutant::NoRealmIsAllRealms) => true,
            filter => filter.admits(row.realm.as_deref()),
        };
        let same = |one: &str, other: &str| match self.is(Mutant::QueryResourcesFolded) {
            true => one.trim().eq_ignore_ascii_case(other.trim()),
            false => one == other,
        };
        let resource = query.resource.as_ref();
        realm
            && resource.is_none_or(|resource| same(resource, &row.aggregate_id.resource))
            && match self.mutant {
                Some(Mutant::ClosedShown) => true,
                Some(Mutant::ClosedNeverShown) => row.closed_at.is_none(),
                _ => query.with_closed || row.closed_at.is_none(),
            }
            && self.truth(&query.filter, row) == Some(true)
    }

    fn truth(&self, filter: &Filter, row: &StateRecord) -> Option<bool> {
        let known = |truth: Option<bool>| match self.is(Mutant::UnknownIsFalse) {
            true => Some(truth == Some(true)),
            false => truth,
        };
        match filter {
            Filter::All(all) => {
                let truths: Vec<_> = all.iter().map(|filter| self.truth(filter, row)).collect();
                let is_unknown = truths.contains(&None);
                let is_false = truths.contains(&Some(false));
                match self.is(Mutant::UnknownWins) {
                    true => (!is_unknown).then_some(!is_false),
                    false if is_false => Some(false),
                    false => (!is_unknown).then_some(true),
                }
            }
            Filter::Any(any) => {
                let truths: Vec<_> = any.iter().map(|filter| self.truth(filter, row)).collect();
                if truths.is_empty() && self.is(Mutant::EmptyListMatchesAll) {
                    return Some(true);
                }
                let is_unknown = truths.contains(&None);
                let is_true = truths.contains(&Some(true));
                if is_true { Some(true) } else { (!is_unknown).then_some(false) }
            }
            Filter::Not(filter) => match self.truth(filter, row) {
                None if self.is(Mutant::NotOfUnknownIsTrue) => Some(true),
                truth => truth.map(|truth| !truth),
            },
            Filter::Compare { field, comparison, operand } => {
                let value = self.value(field, row);
                let order = order(&value, &self.operand(operand));
                if value == Found::Null && self.is(Mutant::NullDiffers) {
                    return Some(*comparison == Comparison::Ne);
                }
                known(order.map(|order| comparison.holds(order)))
            }
            Filter::OneOf { field, operands } => {
                let value = self.value(field, row);
                if operands.is_empty() {
                    return Some(self.is(Mutant::EmptyListMatchesAll));
                }
                let is_equal =
                    |operand| order(&value, &self.operand(operand)) == Some(Ordering::Equal);
                known((value != Found::Null).then(|| operands.iter().any(is_equal)))
            }
            Filter::Contains { field, text } => {
                known(self.looked_into(field, row, |value| match self.mutant {
                    Some(Mutant::TextsArePatterns) => is_like(value, &format!("%{text}%")),
                    Some(Mutant::TextsFolded) => {
                        value.to_lowercase().contains(&text.to_lowercase())
                    }
                    _ => value.contains(text.as_str()),
                }))
            }
            Filter::StartsWith { field, text } => {
                known(self.looked_into(field, row, |value| match self.mutant {
                    Some(Mutant::TextsArePatterns) => is_like(value, &format!("{text}%")),
                    Some(Mutant::StartsAnywhere) => value.contains(text.as_str()),
                    _ => value.starts_with(text.as_str()),
                }))
            }
            Filter::IsNull { field } => {
                if self.is(Mutant::OnlyJsonNullIsNull)
                    && let FieldSource::Path(path) = &field.source
                {
                    return Some(self.at(path, row).is_none_or(|value| value.is_null()));
                }
                Some(self.value(field, row) == Found::Null)
            }
        }
    }

    fn looked_into(
        &self,
        field: &Field,
        row: &StateRecord,
        holds: impl Fn(&str) -> bool,
    ) -> Option<bool> {
        match self.value(field, row) {
            Found::Text(value) => Some(holds(&value)),
            _ => None,
        }
    }

    fn sort(&self, query: &StateQuery, rows: &mut [StateRecord]) {
        rows.sort_by(|one, other| self.row_order(query, one, other));
    }

    fn row_order(&self, query: &StateQuery, one: &StateRecord, other: &StateRecord) -> Ordering {
        let values = |row: &StateRecord| -> Vec<Found> {
            query.sort.iter().map(|key| self.value(&key.field, row)).collect()
        };
        self.place_order(
            query,
            (&values(one), &one.aggregate_id),
            (&values(other), &other.aggregate_id),
        )
    }

    fn place_order(
        &self,
        query: &StateQuery,
        (one, aggregate_id): (&[Found], &AggregateId),
        (other, other_aggregate): (&[Found], &AggregateId),
    ) -> Ordering {
        let mut found = Ordering::Equal;
        for (key, (one, other)) in query.sort.iter().zip(one.iter().zip(other)) {
            let nulls_last = self.is(Mutant::NullsLast);
            let by_null = (*one != Found::Null).cmp(&(*other != Found::Null));
            let by_null = if nulls_last { by_null.reverse() } else { by_null };
            let by_value = order(one, other).unwrap_or(Ordering::Equal);
            let mut by_key = by_null.then(by_value);
            if key.is_descending && !self.is(Mutant::DirectionsIgnored) {
                by_key = by_key.reverse();
            }
            found = found.then(by_key);
            if self.is(Mutant::OnlyFirstSortKey) {
                break;
            }
        }
        let by_aggregate = match self.mutant {
            Some(Mutant::TiesReversed) => other_aggregate.cmp(aggregate_id),
            Some(Mutant::ResourcesUnordered) => aggregate_id.id.cmp(&other_aggregate.id),
            _ => aggregate_id.cmp(other_aggregate),
        };
        found.then(by_aggregate)
    }

    fn is_behind(&self, query: &StateQuery, row: &StateRecord) -> bool {
        let Some(after) = &query.after else { return true };
        let before: Vec<Found> = after
            .values()
            .iter()
            .map(|value| value.as_ref().map_or(Found::Null, |value| self.operand(value)))
            .collect();
        let values: Vec<Found> = query.sort.iter().map(|key| self.value(&key.field, row)).collect();
        let order = match self.mutant {
            Some(Mutant::AfterByIdentifierOnly) => row.aggregate_id.cmp(after.aggregate_id()),
            _ => self.place_order(
                query,
                (&values, &row.aggregate_id),
                (&before, after.aggregate_id()),
            ),
        };
        match self.mutant {
            Some(Mutant::QueryAfterIncluded) => order.is_ge(),
            // Like `(key, id) > (?, ?)` in SQL.
            Some(Mutant::NothingAfterNull) => order.is_gt() && !before.contains(&Found::Null),
            _ => order.is_gt(),
        }
    }
}

/// Like `LIKE` in SQL, without an escape.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut pattern = pattern.chars();
    match pattern.next() {
        None => text.is_empty(),
        Some('%') => {
            let rest = pattern.as_str();
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| is_like(&text[at..], rest))
        }
        Some(letter) => {
            let mut text = text.chars();
            text.next().is_some_and(|found| letter == '_' || letter == found)
                && is_like(text.as_str(), pattern.as_str())
        }
    }
}
