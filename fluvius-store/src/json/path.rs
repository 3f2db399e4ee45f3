//! The JSON path of an error: `items[2].price`, in the format of serde_path_to_error.
//!
//! A path is computed after a failure, from the text up to the error. So success costs no tracking.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_path_to_error::Segment;

use super::tokenizer::{string_end, unescape};
use crate::excerpt::{self, excerpt};

/// A location in a JSON text, from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    text: String,
    /// Length of the name of the top-level member in `text`. Names may contain dots, so `text`
    /// alone does not show it.
    member: Option<usize>,
}

impl Path {
    /// Returns the path of the top-level value.
    pub(super) fn root() -> Self {
        Self { text: ".".to_owned(), member: None }
    }

    /// Returns the path of a top-level member.
    pub(super) fn of_member(name: &str) -> Self {
        let mut path = Builder::default();
        path.name(name);
        path.finish()
    }

    /// Returns the location at which an incomplete JSON text ends: `{"a":[1,` ends at `a[1]`.
    pub(super) fn of_prefix(prefix: &str) -> Self {
        let mut path = Builder::default();
        for level in open_levels(prefix, prefix.len()) {
            match level {
                Level::Array(index) => path.index(index),
                Level::Object(Some(key)) => path.name(&unescape(key)),
                Level::Object(None) => break,
            }
        }
        path.finish()
    }

    /// Returns the path that serde_path_to_error has tracked in a text. It does not know map keys
    /// that are read as anything but strings and integers, so these are taken from the text.
    ///
    /// # Shape
    /// `end` is a byte offset within the innermost array or object of the path.
    pub(super) fn of_tracked(tracked: &serde_path_to_error::Path, text: &str, end: usize) -> Self {
        let mut path = Builder::default();
        let mut levels = None;
        for (depth, segment) in tracked.iter().enumerate() {
            match segment {
                Segment::Seq { index } => path.index(*index),
                Segment::Map { key } => path.name(key),
                Segment::Enum { variant } => path.other(variant),
                Segment::Unknown => {
                    let levels = levels.get_or_insert_with(|| open_levels(text, end));
                    match levels.get(depth) {
                        Some(Level::Object(Some(key))) => path.name(&unescape(key)),
                        _ => path.other("?"),
                    }
                }
            }
        }
        path.finish()
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn member(&self) -> Option<&str> {
        self.member.and_then(|length| self.text.get(..length))
    }
}

#[derive(Default)]
struct Builder {
    text: String,
    member: Option<usize>,
    started: bool,
}

impl Builder {
    fn index(&mut self, index: usize) {
        let _ = write!(self.text, "[{index}]");
        self.started = true;
    }

    fn name(&mut self, name: &str) {
        let first = !self.started;
        self.other(name);
        if first {
            self.member = Some(name.len());
        }
    }

    fn other(&mut self, name: &str) {
        if self.started {
            self.text.push('.');
        }
        self.text.push_str(name);
        self.started = true;
    }

    fn finish(self) -> Path {
        if !self.started {
            return Path::root();
        }
        match excerpt(&self.text, excerpt::PATH) {
            Cow::Borrowed(_) => Path { text: self.text, member: self.member },
            // The first name is complete if it is short; a longer one is no field of a command.
            Cow::Owned(text) => {
                let member = self.member.filter(|length| *length <= excerpt::NAME);
                Path { text, member }
            }
        }
    }
}

/// An array or object that is still open at the end of a text.
enum Level<'a> {
    /// An array, at this index.
    Array(usize),
    /// An object, after this key as written in the text; `None` before a key.
    Object(Option<&'a str>),
}

/// Returns the arrays and objects that are open at a byte offset. A string that contains the offset
/// counts as a whole.
fn open_levels(text: &str, end: usize) -> Vec<Level<'_>> {
    let bytes = text.as_bytes();
    let mut levels = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at).filter(|_| at < end) {
        let mut next = at + 1;
        match byte {
            b'[' => levels.push(Level::Array(0)),
            b'{' => levels.push(Level::Object(None)),
            b']' | b'}' => {
                levels.pop();
            }
            b',' => match levels.last_mut() {
                Some(Level::Array(index)) => *index += 1,
                Some(Level::Object(key)) => *key = None,
                None => {}
            },
            b'"' => {
                next = string_end(bytes, at);
                if let Some(Level::Object(key @ None)) = levels.last_mut() {
                    *key = text.get(at..next);
                }
            }
            _ => {}
        }
        at = next;
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(prefix: &str, path: &str, member: Option<&str>) {
        let found = Path::of_prefix(prefix);
        assert_eq!((found.as_str(), found.member()), (path, member), "{prefix}");
    }

    #[test]
    fn incomplete_text_gives_its_path() {
        check("", ".", None);
        check("{", ".", None);
        check(r#"{"a":1,"#, ".", None);
        check(r#"{"a":"#, "a", Some("a"));
        check(r#"{"a":{"b":[1,[],{"c":"x, [{"},"#, "a.b[3]", Some("a"));
        check(r#"[{"a":1},{"b":"#, "[1].b", None);
        check(r#"[[1,2,"#, "[0][2]", None);
        check(r#"{"":{"x":"#, ".x", Some(""));
        check(r#"{"":"#, "", Some(""));
    }

    #[test]
    fn name_with_a_dot_is_one_member() {
        check(r#"{"a.b":"#, "a.b", Some("a.b"));
        check(r#"{"a\u002eb":{"c":"#, "a.b.c", Some("a.b"));
        assert_eq!(Path::of_member("a.b"), Path::of_prefix(r#"{"a.b":"#));
    }

    #[test]
    fn format_is_that_of_serde_path_to_error() {
        #[derive(Debug, serde::Deserialize)]
        struct Inner {
            #[serde(rename = "c")]
            _c: u8,
        }
        #[derive(Debug, serde::Deserialize)]
        struct Outer {
            #[serde(rename = "a")]
            _a: Vec<Inner>,
        }
        let text = r#"{"a":[{"c":1},{"c":"x"}]}"#;
        let reader = &mut serde_json::Deserializer::from_str(text);
        let error = serde_path_to_error::deserialize::<_, Outer>(reader).unwrap_err();
        let path = Path::of_tracked(error.path(), text, 0);
        assert_eq!(path, Path::of_prefix(r#"{"a":[{"c":1},{"c":"#));
        assert_eq!(path.as_str(), error.path().to_string());
    }
    #[test]
    fn long_path_is_shortened() {
        let name = "n".repeat(400);
        let path = Path::of_prefix(&format!(r#"{{"amount":{{"{name}":"#));
        assert_eq!((path.as_str().len(), path.member()), (excerpt::PATH + 4, Some("amount")));
        let path = Path::of_prefix(&format!(r#"{{"{name}":"#));
        assert_eq!((path.as_str().len(), path.member()), (excerpt::PATH + 4, None));
    }
}
