//! The error of reading and writing JSON: a path and a message.
//!
//! The error has a flag for a message that may quote the input, so that
//! [`hide_values`](super::hide_values) can remove unsafe text. It is independent of the command or
//! event that was read.

use std::borrow::Cow;
use std::fmt;

use super::path::JsonPath;
use crate::excerpt::{self, excerpt};

/// An error in a JSON text, or in a value that was to be encoded.
///
/// # Shape
/// [`path`](Self::path) is the location from the top, as text `items[2].price`, or `.` for the
/// top-level value; [`JsonPath::pointer`] returns it as a JSON Pointer. The message is a sentence
/// without the path. Long texts are shortened: a path to about 300 bytes, a message to about 500.
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
    path: JsonPath,
    message: Cow<'static, str>,
    quotes: bool,
}

impl JsonError {
    /// Returns the path of the value; of a missing field, that of the field.
    pub fn path(&self) -> &JsonPath {
        &self.path
    }

    /// Returns the message, without the path.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Creates an error whose message quotes no input: a fixed sentence, or a syntax error.
    pub(super) fn plain(path: JsonPath, message: impl Into<Cow<'static, str>>) -> Self {
        Self { path, message: message.into(), quotes: false }
    }

    /// Creates a [`plain`](Self::plain) error of the top-level value.
    #[doc(hidden)]
    pub fn whole(message: impl Into<Cow<'static, str>>) -> Self {
        Self::plain(JsonPath::root(), message)
    }

    /// Creates an error whose message comes from other code and may quote the input. A long message
    /// is shortened.
    pub(super) fn quoting(path: JsonPath, message: &str) -> Self {
        let message = excerpt(message, excerpt::MESSAGE).into_owned();
        Self { path, message: message.into(), quotes: true }
    }

    /// Creates an error of the top-level value from an error of the author's code.
    #[doc(hidden)]
    pub fn of_author(error: &dyn std::error::Error) -> Self {
        Self::quoting(JsonPath::root(), &error.to_string())
    }

    /// Prefixes the message with the operation that failed.
    #[doc(hidden)]
    pub fn during(self, what: &str) -> Self {
        Self { message: format!("{what}: {}", self.message).into(), ..self }
    }

    /// Returns true if the message may quote the input. The path always may.
    pub(super) fn quotes(&self) -> bool {
        self.quotes
    }

    /// Returns the top-level member that contains the error.
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
    fn path_is_shown_unless_it_is_the_top_level() {
        let inside =
            JsonError::plain(JsonPath::of_prefix(r#"{"items":[1,2,{"price":"#), "not a price");
        assert_eq!(inside.to_string(), "not a price at `items[2].price`");
        assert_eq!(JsonError::plain(JsonPath::root(), "not JSON").to_string(), "not JSON");
    }
}
