//! Cursors: the start of the next page, as a value that a client may keep and send back.

use std::fmt;
use std::str::FromStr;

use ::uuid::Uuid;
use chrono::{DateTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::sort::values;
use super::{FieldSource, Number, Operand, StateQuery};
use crate::aggregate_id::AggregateId;
use crate::record::StateRecord;

/// The location of a row in the order of a query; the next page begins after it.
///
/// A page is located by the sort keys of its last row, not by a number of rows (keyset pagination).
/// So unchanged rows are neither skipped nor returned twice, independent of writes between two
/// pages. A row whose sort keys change between two pages may be returned once, twice or not at all.
///
/// # Shape
/// An opaque text of hexadecimal digits, whose length depends on the values of the sort keys. It
/// belongs to one resource and one order; [`StateQuery::check`] fails for any other. A cursor
/// grants no access: realm and filter are those of the query that it is passed to. The text is not
/// encrypted, so it reveals the values of the sort keys.
///
/// # Examples
/// ```
/// use fluvius_store::query::Cursor;
///
/// fn next_page(sent_back: &str) -> Result<Cursor, Box<dyn std::error::Error>> {
///     Ok(sent_back.parse()?)
/// }
/// assert!(next_page("no cursor").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    order: String,
    values: Vec<Option<Operand>>,
    aggregate_id: AggregateId,
}

impl Cursor {
    /// Returns the location of a row in the order of a query.
    pub fn of(query: &StateQuery, row: &StateRecord) -> Self {
        Self {
            order: order(query),
            values: values(&query.sort, row),
            aggregate_id: row.aggregate_id.clone(),
        }
    }

    /// Returns the values of the sort keys; `None` is null.
    pub fn values(&self) -> &[Option<Operand>] {
        &self.values
    }

    /// Returns the aggregate of the row.
    pub fn aggregate_id(&self) -> &AggregateId {
        &self.aggregate_id
    }

    /// Returns true if the cursor is a location in the order of this query.
    pub(super) fn belongs_to(&self, query: &StateQuery) -> bool {
        let kinds = self.values.iter().zip(&query.sort);
        let resource = query.resource.as_ref();
        self.order == order(query)
            && self.values.len() == query.sort.len()
            && kinds.into_iter().all(|(value, key)| {
                value.as_ref().is_none_or(|value| value.kind() == key.field.kind)
            })
            && resource.is_none_or(|resource| *resource == self.aggregate_id.resource)
    }
}

/// Returns a fingerprint of a query's resource and order.
fn order(query: &StateQuery) -> String {
    let keys = query.sort.iter().map(|key| {
        let source = match &key.field.source {
            FieldSource::Column(column) => serde_json::json!(column.name()),
            FieldSource::Path(path) => serde_json::json!(path),
        };
        serde_json::json!([source, key.field.kind.name(), key.is_descending])
    });
    let text = serde_json::json!([query.resource, keys.collect::<Vec<_>>()]).to_string();
    // Long enough to detect a mistake; it is no protection.
    blake3::hash(text.as_bytes()).to_hex().chars().take(16).collect()
}

/// An error returned when parsing a [`Cursor`] fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor: send back the `next` of the page before, as it was given")]
pub struct ParseCursorError;

/// The serialized form of an operand; the letter is its kind.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
enum WrittenOperand {
    #[serde(rename = "b")]
    Boolean(bool),
    /// The result of [`Number::parts`], since the length limit of a number's text does not apply to
    /// it.
    #[serde(rename = "n")]
    Number(bool, String, i64),
    #[serde(rename = "t")]
    Text(String),
    #[serde(rename = "u")]
    Uuid(Uuid),
    #[serde(rename = "m")]
    Microseconds(i64),
}

impl WrittenOperand {
    fn of(operand: &Operand) -> Self {
        match operand {
            Operand::Boolean(value) => Self::Boolean(*value),
            Operand::Number(value) => {
                let (is_negative, digits, exponent) = value.parts();
                Self::Number(is_negative, digits.to_owned(), exponent)
            }
            Operand::Text(value) => Self::Text(value.clone()),
            Operand::Uuid(value) => Self::Uuid(*value),
            Operand::Time(value) => Self::Microseconds(value.timestamp_micros()),
        }
    }

    fn read(self) -> Result<Operand, ParseCursorError> {
        Ok(match self {
            Self::Boolean(value) => Operand::Boolean(value),
            Self::Number(is_negative, digits, exponent) => {
                let number = Number::from_parts(is_negative, &digits, exponent);
                Operand::Number(number.ok_or(ParseCursorError)?)
            }
            Self::Text(value) => Operand::Text(value),
            Self::Uuid(value) => Operand::Uuid(value),
            Self::Microseconds(value) => {
                let time: Option<DateTime<Utc>> = DateTime::from_timestamp_micros(value);
                Operand::Time(time.ok_or(ParseCursorError)?)
            }
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values: Vec<Option<WrittenOperand>> =
            self.values.iter().map(|value| value.as_ref().map(WrittenOperand::of)).collect();
        let parts = (&self.order, values, &self.aggregate_id.resource, self.aggregate_id.id);
        let text = serde_json::to_string(&parts).map_err(|_| fmt::Error)?;
        text.bytes().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> Result<Self, ParseCursorError> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let digit =
            |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let bytes: Option<Vec<u8>> =
            pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
        let bytes = bytes.filter(|_| rest.is_empty()).ok_or(ParseCursorError)?;
        let (order, values, resource, identifier): (
            String,
            Vec<Option<WrittenOperand>>,
            String,
            Uuid,
        ) = serde_json::from_slice(&bytes).map_err(|_| ParseCursorError)?;
        let values: Result<Vec<Option<Operand>>, ParseCursorError> =
            values.into_iter().map(|value| value.map(WrittenOperand::read).transpose()).collect();
        Ok(Self { order, values: values?, aggregate_id: AggregateId::new(resource, identifier) })
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
