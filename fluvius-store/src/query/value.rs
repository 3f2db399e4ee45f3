//! The compared values, and their kinds.

use std::cmp::Ordering;
use std::fmt;

use ::uuid::Uuid;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Number;

/// A kind of value, which defines how a field is read and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Booleans, `false` before `true`.
    Boolean,
    /// Numbers, ordered by value.
    Number,
    /// Texts, ordered by code point.
    Text,
    /// UUIDs, ordered by bytes.
    Uuid,
    /// Times, ordered by instant.
    Time,
}

impl Kind {
    /// Returns the name, which is also that of the [`Field`](super::Field) constructor and of the
    /// kind in the macro's `index(..)`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::Text => "text",
            Self::Uuid => "uuid",
            Self::Time => "time",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A value to compare with a field.
///
/// There is no null among them; use [`Field::is_null`](super::Field::is_null).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Operand {
    /// A boolean.
    Boolean(bool),
    /// A decimal value.
    Number(Number),
    /// A text.
    Text(String),
    /// A UUID.
    Uuid(Uuid),
    /// An instant, UTC with microseconds. Create it with `from`, which truncates finer parts.
    Time(DateTime<Utc>),
}

impl Operand {
    /// Returns the kind of the value.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Boolean(_) => Kind::Boolean,
            Self::Number(_) => Kind::Number,
            Self::Text(_) => Kind::Text,
            Self::Uuid(_) => Kind::Uuid,
            Self::Time(_) => Kind::Time,
        }
    }
}

impl PartialOrd for Operand {
    /// Returns `None` if the kinds differ.
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Boolean(one), Self::Boolean(other)) => Some(one.cmp(other)),
            (Self::Number(one), Self::Number(other)) => Some(one.cmp(other)),
            (Self::Text(one), Self::Text(other)) => Some(one.cmp(other)),
            (Self::Uuid(one), Self::Uuid(other)) => Some(one.cmp(other)),
            (Self::Time(one), Self::Time(other)) => Some(one.cmp(other)),
            _ => None,
        }
    }
}

impl From<bool> for Operand {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<&str> for Operand {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Operand {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Uuid> for Operand {
    fn from(value: Uuid) -> Self {
        Self::Uuid(value)
    }
}

impl From<DateTime<Utc>> for Operand {
    fn from(value: DateTime<Utc>) -> Self {
        Self::Time(to_microseconds(value))
    }
}

impl From<Number> for Operand {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

macro_rules! from_numbers {
    ($($number:ty)*) => {
        $(
            impl From<$number> for Operand {
                fn from(value: $number) -> Self {
                    Self::Number(value.into())
                }
            }
        )*
    };
}

from_numbers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

#[cfg(feature = "decimal")]
from_numbers!(rust_decimal::Decimal);

/// Truncates to microseconds; a leap second becomes the first second of the next minute.
pub(super) fn to_microseconds(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(time)
}
