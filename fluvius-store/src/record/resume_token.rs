//! Resume tokens: locations in the logs where readers continue.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::record::{LogEntry, LogRecord};

/// A location in the logs of a store: a position, and the identifier of the row at it.
///
/// A reader keeps the token of the last row that it has read, and continues after it with
/// `LogReader::after`. The row may be of any log, any aggregate and any realm. On each read, the
/// store checks that the row is still at that position. So a read fails if the store was restored
/// from a backup or replaced by another one. A token remains valid in an exact copy of the store.
///
/// A bare position is a token without a row (`ResumeToken::from(position)`). The store can only
/// check that it is not ahead of the newest position.
///
/// # Shape
/// As text and in serde `{position}.{identifier of the row}`, for example
/// `42.0190163d-8694-739b-aea5-966c26f8ad91`, or `{position}` alone. Programs store it and pass it
/// on without parsing it.
///
/// # Examples
///
/// ```
/// use fluvius_store::ResumeToken;
///
/// let text = "42.0190163d-8694-739b-aea5-966c26f8ad91";
/// let token: ResumeToken = text.parse()?;
/// assert_eq!((token.position(), token.to_string().as_str()), (42, text));
/// assert_eq!(ResumeToken::from(0), ResumeToken::START);
/// # Ok::<(), fluvius_store::ParseResumeTokenError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ResumeToken {
    position: u64,
    row_id: Option<Uuid>,
}

impl ResumeToken {
    /// The start of the logs, before all rows.
    pub const START: Self = Self { position: 0, row_id: None };

    /// Creates the token of a row. Stores create tokens from the rows that they read; programs get
    /// them from pages and rows.
    pub const fn new(position: u64, row_id: Uuid) -> Self {
        Self { position, row_id: Some(row_id) }
    }

    /// Returns the position.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Returns the identifier of the row at the position: of a command, an event, a message or an
    /// activity. `None` for a bare position.
    pub const fn row_id(&self) -> Option<Uuid> {
        self.row_id
    }
}

/// Converts a bare position.
impl From<u64> for ResumeToken {
    fn from(position: u64) -> Self {
        Self { position, row_id: None }
    }
}

/// Converts a row to its token.
impl<T: LogRecord> From<&LogEntry<T>> for ResumeToken {
    fn from(row: &LogEntry<T>) -> Self {
        Self::new(row.position, row.record.row_id())
    }
}

impl fmt::Display for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row_id {
            Some(row_id) => write!(f, "{}.{}", self.position, row_id.hyphenated()),
            None => write!(f, "{}", self.position),
        }
    }
}

/// An error returned when parsing a [`ResumeToken`] fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a resume token: expected `{{position}}.{{identifier of the row}}` or `{{position}}`")]
pub struct ParseResumeTokenError;

impl FromStr for ResumeToken {
    type Err = ParseResumeTokenError;

    fn from_str(text: &str) -> Result<Self, ParseResumeTokenError> {
        let (position, row_id) = match text.split_once('.') {
            Some((position, row_id)) => (position, Some(row_id)),
            None => (text, None),
        };
        let row_id = row_id.map(Uuid::try_parse).transpose().map_err(|_| ParseResumeTokenError)?;
        let position = position.parse().map_err(|_| ParseResumeTokenError)?;
        let token = Self { position, row_id };
        // Each token has one spelling: `+1` or upper case would compare equal after parsing.
        if token.to_string() == text { Ok(token) } else { Err(ParseResumeTokenError) }
    }
}

impl Serialize for ResumeToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ResumeToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_has_one_spelling() {
        let row_id = Uuid::from_u128(0xabc);
        for token in [ResumeToken::START, u64::MAX.into(), ResumeToken::new(7, row_id)] {
            assert_eq!(token.to_string().parse(), Ok(token));
            let json = serde_json::to_string(&token).unwrap();
            assert_eq!(json, format!("\"{token}\""));
            assert_eq!(serde_json::from_str::<ResumeToken>(&json).unwrap(), token);
        }
        let upper = format!("7.{row_id}").to_uppercase();
        let simple = format!("7.{}", row_id.simple());
        let texts = ["", ".", "7.", "+7", "07", "-1", " 7", "18446744073709551616", "7.8"];
        for text in texts.into_iter().chain([upper.as_str(), simple.as_str()]) {
            assert_eq!(text.parse::<ResumeToken>(), Err(ParseResumeTokenError), "{text:?}");
        }
    }

    #[test]
    fn token_is_valid_only_at_its_row() {
        let (row, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for (token, found, newest, is_valid) in [
            (ResumeToken::START, None, 0, true),
            (5.into(), None, 5, true),
            (5.into(), Some(other), 9, true),
            (6.into(), None, 5, false),
            (ResumeToken::new(5, row), Some(row), 9, true),
            (ResumeToken::new(5, row), Some(other), 9, false),
            (ResumeToken::new(5, row), None, 9, false),
            (ResumeToken::new(5, row), None, 0, false),
        ] {
            let checked = token.check(found, newest);
            assert_eq!(checked.is_ok(), is_valid, "{token} {found:?} {newest}");
            // A bare upper bound may be ahead of all rows.
            let checked = token.check_upper(found, newest);
            let is_valid = is_valid || token.row_id().is_none();
            assert_eq!(checked.is_ok(), is_valid, "{token} {found:?} {newest}");
        }
    }
}
