//! Queries over stored states: the conditions, the order, the start and the number of rows.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::sort::values;
use super::{Column, Comparison, CompiledFilter, Cursor, Field, Filter, Operand, SortKey};
use crate::query::RealmFilter;
use crate::record::StateRecord;

/// A query over the rows of `resource_state`.
///
/// # Shape
/// A row is returned if all conditions hold. Rows are ordered by the keys of `sort`, then by
/// resource and identifier, so that no two are equal. Resources compare by code point, identifiers
/// by bytes. The query returns the first `limit` rows after the cursor: none for a `limit` of 0,
/// all for `usize::MAX`.
///
/// A query that fails [`check`](Self::check) has no rows: a store answers it with a permanent
/// error.
///
/// `after` starts the next page: see [`Cursor`].
///
/// # Examples
/// ```
/// use fluvius_store::StateQuery;
/// use fluvius_store::query::Field;
///
/// let query = StateQuery::for_resource("bank-account", 50)
///     .filter(Field::number("balance").ge(1_000))
///     .sort(vec![Field::number("balance").descending(), Field::text("owner_name").ascending()]);
/// assert!(query.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateQuery {
    /// The resource whose aggregates are returned; `None` for all.
    pub resource: Option<Cow<'static, str>>,
    /// The realms whose aggregates are returned, by the aggregate's own realm.
    pub realm: RealmFilter,
    /// Set if closed aggregates are returned too.
    pub with_closed: bool,
    /// The condition that returned rows meet.
    pub filter: Filter,
    /// The sort keys, the most significant first.
    pub sort: Vec<SortKey>,
    /// The cursor after which rows are returned.
    pub after: Option<Cursor>,
    /// Maximum number of returned rows.
    pub limit: usize,
}

impl StateQuery {
    /// Sets the resource; `None` for all.
    #[must_use]
    pub fn resource(mut self, resource: Option<Cow<'static, str>>) -> Self {
        self.resource = resource;
        self
    }

    /// Sets the realms whose aggregates are returned.
    #[must_use]
    pub fn realm(mut self, realm: RealmFilter) -> Self {
        self.realm = realm;
        self
    }

    /// Includes or excludes closed aggregates.
    #[must_use]
    pub const fn with_closed(mut self, with_closed: bool) -> Self {
        self.with_closed = with_closed;
        self
    }

    /// Sets the condition.
    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = filter;
        self
    }

    /// Sets the order.
    #[must_use]
    pub fn sort(mut self, sort: Vec<SortKey>) -> Self {
        self.sort = sort;
        self
    }

    /// Sets the cursor after which rows are returned.
    #[must_use]
    pub fn after(mut self, after: impl Into<Option<Cursor>>) -> Self {
        self.after = after.into();
        self
    }

    /// Sets the maximum number of returned rows.
    #[must_use]
    pub const fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Returns a query for the open aggregates of a resource, in all realms, ordered by identifier.
    pub fn for_resource(resource: impl Into<Cow<'static, str>>, limit: usize) -> Self {
        Self { resource: Some(resource.into()), with_closed: false, ..Self::every(limit) }
    }

    /// Returns a query for the aggregates of all resources and realms, closed ones too, ordered by
    /// resource and identifier.
    pub fn every(limit: usize) -> Self {
        Self {
            resource: None,
            realm: RealmFilter::All,
            with_closed: true,
            filter: Filter::default(),
            sort: Vec::new(),
            after: None,
            limit,
        }
    }

    /// Returns the result of the query among these rows. This defines the semantics of a query, and
    /// serves stores without a language of their own. The query must pass [`check`](Self::check).
    pub fn select(&self, rows: impl IntoIterator<Item = StateRecord>) -> Vec<StateRecord> {
        if self.limit == 0 {
            return Vec::new();
        }
        let filter = CompiledFilter::new(&self.filter);
        let mut selected: Vec<(Vec<Option<Operand>>, StateRecord)> = rows
            .into_iter()
            .filter(|row| self.admits(row, &filter))
            .map(|row| (values(&self.sort, &row), row))
            .filter(|(values, row)| self.is_behind(values, row))
            .collect();
        selected.sort_by(|(values, row), (other_values, other)| {
            self.order(values, other_values).then_with(|| row.aggregate_id.cmp(&other.aggregate_id))
        });
        selected.into_iter().map(|(_, row)| row).take(self.limit).collect()
    }

    /// Evaluates the conditions other than `after`.
    pub(super) fn admits(&self, row: &StateRecord, filter: &CompiledFilter) -> bool {
        self.resource.as_ref().is_none_or(|resource| *resource == row.aggregate_id.resource)
            && (self.with_closed || row.closed_at.is_none())
            && self.realm.admits(row.realm.as_deref())
            && filter.holds_of(row) == Some(true)
    }

    fn is_behind(&self, values: &[Option<Operand>], row: &StateRecord) -> bool {
        self.after.as_ref().is_none_or(|after| {
            self.order(values, after.values())
                .then_with(|| row.aggregate_id.cmp(after.aggregate_id()))
                .is_gt()
        })
    }

    fn order(&self, values: &[Option<Operand>], others: &[Option<Operand>]) -> Ordering {
        let pairs = self.sort.iter().zip(values.iter().zip(others));
        pairs.fold(Ordering::Equal, |order, (key, (value, other))| {
            order.then_with(|| key.order(value.as_ref(), other.as_ref()))
        })
    }

    /// Returns all sort keys: those of `sort`, then resource and identifier. The resource is
    /// omitted if the query names one.
    ///
    /// For a store that sorts in its own language.
    pub fn sort_keys(&self) -> Vec<SortKey> {
        let mut keys = self.sort.clone();
        if self.resource.is_none() {
            keys.push(Field::column(Column::Resource).ascending());
        }
        keys.push(Field::column(Column::Identifier).ascending());
        keys
    }

    /// Returns the condition of `after` as a filter, which is true for the rows after the cursor.
    ///
    /// A store that compiles filters needs nothing else for pages.
    pub fn after_filter(&self) -> Filter {
        let Some(after) = &self.after else {
            return Filter::default();
        };
        let mut before: Vec<Option<Operand>> = after.values().to_vec();
        if self.resource.is_none() {
            before.push(Some(after.aggregate_id().resource.as_ref().into()));
        }
        before.push(Some(after.aggregate_id().id.into()));
        let mut equal: Vec<Filter> = Vec::new();
        let mut behind = Vec::new();
        for (key, value) in self.sort_keys().into_iter().zip(before) {
            let mut conditions = equal.clone();
            conditions.push(beyond(&key, value.clone()));
            behind.push(Filter::All(conditions));
            equal.push(equals(key.field, value));
        }
        Filter::Any(behind)
    }
}

fn equals(field: Field, value: Option<Operand>) -> Filter {
    match value {
        Some(operand) => Filter::Compare { field, comparison: Comparison::Eq, operand },
        None => field.is_null(),
    }
}

/// Returns the filter for the values after a given one, in the order of a key.
fn beyond(key: &SortKey, value: Option<Operand>) -> Filter {
    let field = key.field.clone();
    match (value, key.is_descending) {
        (Some(operand), false) => Filter::Compare { field, comparison: Comparison::Gt, operand },
        (None, false) => !field.is_null(),
        (Some(operand), true) => {
            let null = field.clone().is_null();
            Filter::Compare { field, comparison: Comparison::Lt, operand } | null
        }
        (None, true) => Filter::Any(Vec::new()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use ::uuid::Uuid;
    use chrono::DateTime;

    use super::*;
    use crate::aggregate_id::AggregateId;
    use crate::etag::ETag;
    use crate::json::Json;
    use crate::query::Field;

    /// Returns a row of the resource `account`.
    pub(in crate::query) fn row(id: u128, data: &str) -> StateRecord {
        StateRecord {
            aggregate_id: AggregateId::new("account", Uuid::from_u128(id)),
            version: 1,
            etag: ETag::new(1, Uuid::nil()),
            revision: 1,
            data: Json::parse(data).unwrap(),
            created_at: DateTime::UNIX_EPOCH,
            created_by: None,
            updated_at: DateTime::UNIX_EPOCH,
            updated_by: None,
            closed_at: None,
            realm: None,
        }
    }

    fn ids(rows: &[StateRecord]) -> Vec<u128> {
        rows.iter().map(|row| row.aggregate_id.id.as_u128()).collect()
    }

    #[test]
    fn pages_follow_the_order_after_the_cursor() {
        let rows = [
            row(1, r#"{"balance":"10.00","owner":"b"}"#),
            row(2, r#"{"balance":9.5,"owner":"a"}"#),
            row(3, r#"{"owner":"c"}"#),
            row(4, r#"{"balance":"10","owner":"a"}"#),
            row(5, r#"{"balance":10.0,"owner":"b"}"#),
            row(6, r#"{"balance":"100"}"#),
        ];
        let mut query = StateQuery {
            sort: vec![Field::number("balance").descending(), Field::text("owner").ascending()],
            ..StateQuery::for_resource("account", 2)
        };
        let mut pages = Vec::new();
        loop {
            let page = query.select(rows.clone());
            let by_condition = query.after_filter();
            let by_condition = StateQuery { filter: by_condition, after: None, ..query.clone() };
            assert_eq!(by_condition.select(rows.clone()), page);
            let Some(last) = page.last() else { break };
            query.after = Some(Cursor::of(&query, last));
            pages.push(ids(&page));
        }
        assert_eq!(pages, [vec![6, 4], vec![1, 5], vec![2, 3]]);
    }

    #[test]
    fn number_beyond_the_text_limit_survives_in_a_cursor() {
        let tiny = format!(r#"{{"a":"0.{}1e-9999"}}"#, "0".repeat(4_000));
        let query = StateQuery {
            sort: vec![Field::number("a").ascending()],
            ..StateQuery::for_resource("account", 1)
        };
        let cursor = Cursor::of(&query, &row(1, &tiny));
        assert!(cursor.values()[0].is_some());
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }
}
