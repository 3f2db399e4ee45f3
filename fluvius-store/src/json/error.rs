//! The error of everything that reads or writes JSON: where, and what is wrong there.
//!
//! It knows whether its message may quote what was read, so that [`hide_values`](super::hide_values) can tell what is
//! safe to show. It does not know which command or event was read.

use std::borrow::Cow;
use std::fmt;

use super::path::Path;
use crate::excerpt::{self, excerpt};

/// What is wrong with a JSON text, or with a value that was to become one.
///
/// # Shape
/// [`path`](Self::path) leads to the place from the top: `items[2].price`, or `.` for the whole. The message is a
/// sentence without the path. Long ones are shortened: a path to about 300 bytes, a message to about 500.
///
/// # Examples
/// ```
/// use fluvius_store::json::Json;
///
/// let error = Json::parse(r#"{"items": [{"price": 0.12345678901234567890}]}"#).unwrap_err();
/// assert_eq!(error.path(), "items[0].price");
/// assert!(error.message().ends_with("send it as a string"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    path: Path,
    message: Cow<'static, str>,
    quotes: bool,
}

impl JsonError {
    /// Where: `items[2].price`, or `.` for the whole.
    pub fn path(&self) -> &str {
        self.path.as_str()
    }

    /// What is wrong, without the path.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// An error whose message quotes nothing that was read: a sentence of ours, or of a grammar.
    pub(super) fn plain(path: Path, message: impl Into<Cow<'static, str>>) -> Self {
        Self { path, message: message.into(), quotes: false }
    }

    /// [`plain`](Self::plain), of the whole.
    #[doc(hidden)]
    pub fn whole(message: impl Into<Cow<'static, str>>) -> Self {
        Self::plain(Path::root(), message)
    }

    /// An error whose message was written by someone else and may quote what was read.
    /// A long message is shortened.
    pub(super) fn quoting(path: Path, message: &str) -> Self {
        let message = excerpt(message, excerpt::MESSAGE).into_owned();
        Self { path, message: message.into(), quotes: true }
    }

    /// What an author's function said of a whole.
    #[doc(hidden)]
    pub fn of_author(error: &dyn std::error::Error) -> Self {
        Self::quoting(Path::root(), &error.to_string())
    }

    /// The same fault, with what was being done before its message.
    #[doc(hidden)]
    pub fn during(self, what: &str) -> Self {
        Self { message: format!("{what}: {}", self.message).into(), ..self }
    }

    /// Whether the message may quote what was read. The path may, always.
    pub(super) fn quotes(&self) -> bool {
        self.quotes
    }

    /// The member of the whole in which the fault lies.
    pub(super) fn member(&self) -> Option<&str> {
        self.path.member()
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "." => out.write_str(&self.message),
            path => write!(out, "{} at `{path}`", self.message),
        }
    }
}

impl std::error::Error for JsonError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_shown_unless_it_is_the_whole() {
        let inside = JsonError::plain(Path::of_prefix(r#"{"items":[1,2,{"price":"#), "not a price");
        assert_eq!(inside.to_string(), "not a price at `items[2].price`");
        assert_eq!(JsonError::plain(Path::root(), "not JSON").to_string(), "not JSON");
    }
}
