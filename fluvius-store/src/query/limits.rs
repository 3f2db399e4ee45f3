//! Limits of a query, which every store checks first.

use chrono::{DateTime, Datelike, TimeDelta, Utc};

use super::{Field, FieldSource, Filter, Kind, Operand, StateQuery};

/// Maximum depth of a filter; a single condition has depth 1.
pub const MAX_FILTER_DEPTH: usize = 16;
/// Maximum number of terms of a filter: each condition, each operand of `OneOf`, and each `All`,
/// `Any` and `Not` is one.
pub const MAX_TERMS: usize = 1_000;
/// Maximum number of sort keys.
pub const MAX_SORT_KEYS: usize = 8;
/// Maximum number of names in a path.
pub const MAX_PATH_LENGTH: usize = 16;

/// An error in a query. No store answers such a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    message: String,
}

impl QueryError {
    #[doc(hidden)]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl StateQuery {
    /// Checks that every store can answer the query.
    ///
    /// A store calls this first and reports an error as a permanent
    /// [`StoreError`](crate::StoreError), so that all stores accept the same queries.
    ///
    /// # Errors
    /// Returns an error if
    ///
    /// - a limit is exceeded ([`MAX_FILTER_DEPTH`], [`MAX_TERMS`], [`MAX_SORT_KEYS`],
    ///   [`MAX_PATH_LENGTH`]),
    /// - a path is empty,
    /// - an operand has another kind than its field, or `Contains` or `StartsWith` has a field that
    ///   is not a text,
    /// - a column is read as another kind than its own,
    /// - a text or a name contains U+0000,
    /// - a time has a year outside of 0001 to 9999, or is finer than microseconds,
    /// - `after` belongs to another resource or order.
    pub fn check(&self) -> Result<(), QueryError> {
        let mut terms = 0;
        check_filter(&self.filter, 1, &mut terms)?;
        if self.sort.len() > MAX_SORT_KEYS {
            return Err(QueryError::new(format!(
                "the order has {} keys, and at most {MAX_SORT_KEYS} are allowed",
                self.sort.len()
            )));
        }
        self.sort.iter().try_for_each(|key| check_field(&key.field))?;
        if let Some(resource) = &self.resource {
            check_text(resource)?;
        }
        let Some(after) = &self.after else {
            return Ok(());
        };
        if !after.belongs_to(self) {
            return Err(QueryError::new(
                "the cursor belongs to another resource or order: give it to the query whose \
                 page it came from",
            ));
        }
        // A cursor comes from outside, so its values are checked like any other.
        check_text(&after.aggregate_id().resource)?;
        after.values().iter().flatten().try_for_each(check_operand)
    }
}

fn check_filter(filter: &Filter, depth: usize, terms: &mut usize) -> Result<(), QueryError> {
    if depth > MAX_FILTER_DEPTH {
        return Err(QueryError::new(format!(
            "the filter is more than {MAX_FILTER_DEPTH} deep: write `a & (b & c)` as \
             `a & b & c`, and leave doubled negations out"
        )));
    }
    *terms += 1;
    if let Filter::OneOf { operands, .. } = filter {
        *terms = terms.saturating_add(operands.len());
    }
    if *terms > MAX_TERMS {
        return Err(QueryError::new(format!(
            "the filter has more than {MAX_TERMS} terms: ask several times, for some of \
             them each"
        )));
    }
    match filter {
        Filter::All(filters) | Filter::Any(filters) => {
            filters.iter().try_for_each(|filter| check_filter(filter, depth + 1, terms))
        }
        Filter::Not(filter) => check_filter(filter, depth + 1, terms),
        Filter::Compare { field, operand, .. } => check_pair(field, operand),
        Filter::OneOf { field, operands } => {
            check_field(field)?;
            operands.iter().try_for_each(|operand| check_pair(field, operand))
        }
        Filter::Contains { field, text } | Filter::StartsWith { field, text } => {
            check_field(field)?;
            if field.kind != Kind::Text {
                return Err(QueryError::new(format!(
                    "{field} is not a text, so it contains no other"
                )));
            }
            check_text(text)
        }
        Filter::IsNull { field } => check_field(field),
    }
}

fn check_pair(field: &Field, operand: &Operand) -> Result<(), QueryError> {
    check_field(field)?;
    if operand.kind() != field.kind {
        return Err(QueryError::new(format!(
            "{field} cannot be compared with the {} {}: it is read as a {}",
            operand.kind(),
            Shown(operand),
            field.kind
        )));
    }
    check_operand(operand)
}

fn check_field(field: &Field) -> Result<(), QueryError> {
    match &field.source {
        FieldSource::Column(column) if column.kind() != field.kind => Err(QueryError::new(
            format!("{field} is a {}, and cannot be read as {}", column.kind(), field.kind),
        )),
        FieldSource::Column(_) => Ok(()),
        FieldSource::Path(path) if path.is_empty() || path.len() > MAX_PATH_LENGTH => {
            Err(QueryError::new(format!(
                "a path has {} names, and from 1 to {MAX_PATH_LENGTH} are allowed",
                path.len()
            )))
        }
        FieldSource::Path(path) => path.iter().try_for_each(|name| check_text(name)),
    }
}

fn check_operand(operand: &Operand) -> Result<(), QueryError> {
    match operand {
        Operand::Text(text) => check_text(text),
        Operand::Time(time) => check_time(time),
        Operand::Boolean(_) | Operand::Number(_) | Operand::Uuid(_) => Ok(()),
    }
}

fn check_text(text: &str) -> Result<(), QueryError> {
    if text.contains('\0') {
        return Err(QueryError::new("a text holds U+0000, which no stored text does"));
    }
    Ok(())
}

fn check_time(time: &DateTime<Utc>) -> Result<(), QueryError> {
    // A text of these years with an offset may denote a time up to a day before or after them. The
    // cursor of a page contains that time.
    let day = TimeDelta::days(1);
    let is_within =
        |time: Option<DateTime<Utc>>| time.is_some_and(|time| (1..=9999).contains(&time.year()));
    if !is_within(time.checked_add_signed(day)) && !is_within(time.checked_sub_signed(day)) {
        return Err(QueryError::new(format!(
            "the year {} of a time is not one from 0001 to 9999",
            time.year()
        )));
    }
    if !time.timestamp_subsec_nanos().is_multiple_of(1_000)
        || time.timestamp_subsec_nanos() >= 1_000_000_000
    {
        return Err(QueryError::new(
            "a time is finer than microseconds: make the operand with `Operand::from`",
        ));
    }
    Ok(())
}

/// An operand, shortened for a message.
struct Shown<'a>(&'a Operand);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self.0 {
            Operand::Boolean(value) => value.to_string(),
            Operand::Number(value) => value.to_string(),
            Operand::Text(value) => format!("{value:?}"),
            Operand::Uuid(value) => value.to_string(),
            Operand::Time(value) => value.to_rfc3339(),
        };
        match text.char_indices().nth(60) {
            Some((end, _)) => write!(f, "{}..", &text[..end]),
            None => f.write_str(&text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Column, Cursor, Field, SortKey};

    #[track_caller]
    fn check_fault(query: &StateQuery, expected: &str) {
        let message = query.check().map_err(|error| error.to_string());
        assert_eq!(message, Err(expected.to_owned()));
    }

    fn of(filter: Filter) -> StateQuery {
        StateQuery { filter, ..StateQuery::for_resource("account", 10) }
    }

    #[test]
    fn message_states_the_fault_and_the_fix() {
        check_fault(
            &of(Field::number("balance").eq("10")),
            "number `balance` cannot be compared with the text \"10\": it is read as a number",
        );
        check_fault(
            &of(Field::column(Column::Version).one_of(["a".repeat(100)])),
            &format!(
                "column `version` cannot be compared with the text \"{}..: it is read as a \
                number",
                "a".repeat(59)
            ),
        );
        check_fault(
            &of(Field::time("due").contains("x")),
            "time `due` is not a text, so it contains no other",
        );
        check_fault(
            &of(Field { kind: Kind::Text, ..Field::column(Column::CreatedAt) }.eq("x")),
            "column `created_at` is a time, and cannot be read as text",
        );
        check_fault(
            &of(Field::text("a\0").is_null()),
            "a text holds U+0000, which no stored text does",
        );
        check_fault(
            &of(Field::at(["a"; 17], Kind::Text).is_null()),
            "a path has 17 names, and from 1 to 16 are allowed",
        );
        let sort = vec![Field::number("a").ascending(); 9];
        check_fault(
            &StateQuery { sort, ..StateQuery::every(1) },
            "the order has 9 keys, and at most 8 are allowed",
        );
        let far = DateTime::<Utc>::MAX_UTC;
        check_fault(
            &of(Field::time("due").lt(far)),
            "the year 262142 of a time is not one from 0001 to 9999",
        );
        for text in ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59"] {
            let edge: DateTime<Utc> = text.parse().unwrap();
            assert!(!(1..=9999).contains(&edge.year()));
            assert_eq!(of(Field::time("due").lt(edge)).check(), Ok(()));
        }
        let fine = DateTime::from_timestamp_nanos(1);
        check_fault(
            &of(Filter::Compare {
                field: Field::time("due"),
                comparison: crate::query::Comparison::Eq,
                operand: Operand::Time(fine),
            }),
            "a time is finer than microseconds: make the operand with `Operand::from`",
        );
        assert_eq!(of(Field::time("due").eq(fine)).check(), Ok(()));
    }

    #[test]
    fn too_deep_filter_fails_without_a_full_walk() {
        let deep = (0..10_000).fold(Field::number("a").eq(1), |filter, _| !filter);
        assert!(of(deep).check().is_err());
        let long = (0..998)
            .fold(Field::number("a").eq(1), |filter, step| filter & Field::number("a").eq(step));
        assert_eq!(of(long.clone()).check(), Ok(()));
        assert!(of(long & Field::number("a").eq(1)).check().is_err());
    }

    #[test]
    fn cursor_of_another_order_or_resource_fails() {
        let sort =
            |key: SortKey| StateQuery { sort: vec![key], ..StateQuery::for_resource("account", 1) };
        let row = crate::query::state_query::tests::row(1, r#"{"a":1}"#);
        let own = sort(Field::number("a").ascending());
        let cursor = Some(Cursor::of(&own, &row));
        assert_eq!(StateQuery { after: cursor.clone(), ..own }.check(), Ok(()));
        for other in [
            sort(Field::number("a").descending()),
            sort(Field::number("b").ascending()),
            sort(Field::text("a").ascending()),
            StateQuery::for_resource("account", 1),
            StateQuery { resource: Some("other".into()), ..sort(Field::number("a").ascending()) },
            StateQuery { resource: None, ..sort(Field::number("a").ascending()) },
        ] {
            assert!(StateQuery { after: cursor.clone(), ..other }.check().is_err());
        }
    }
}
