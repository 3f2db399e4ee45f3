//! The JSON path of an error: `items[2].price`, in the format of serde_path_to_error.
//!
//! A path is computed after a failure, from the text up to the error. So success costs no tracking.

use std::fmt;
use std::fmt::Write as _;

use serde_json::Value;
use serde_path_to_error::Segment;

use super::tokenizer::{string_end, unescape};
use crate::excerpt::{self, excerpt};

/// A location in a JSON text, from the top.
///
/// # Shape
/// The text is that of [`as_str`](Self::as_str): `items[2].price`, or `.` for the top-level value.
/// A name may contain a dot, so only [`segments`](Self::segments) and [`pointer`](Self::pointer)
/// are unambiguous. A long text is shortened to about 300 bytes. Then the segments end at the last
/// one that fits, which contains the location.
///
/// # Examples
/// ```
/// use fluvius_store::json::{Json, PathSegment};
///
/// let error = Json::parse(r#"{"a.b": [true, 1e999]}"#).unwrap_err();
/// assert_eq!(error.path(), "a.b[1]");
/// assert_eq!(error.path().pointer(), "/a.b/1");
/// let segments = [PathSegment::Name("a.b".to_owned()), PathSegment::Index(1)];
/// assert_eq!(error.path().segments(), segments);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath {
    text: String,
    segments: Box<[PathSegment]>,
}

/// One step of a [`JsonPath`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathSegment {
    /// The member of an object with this name.
    Name(String),
    /// The item of an array at this index, counted from 0.
    Index(usize),
}

/// A field that an error names, which belongs to the object at the location of the error.
#[derive(Clone, Copy, Debug)]
pub(super) enum NamedField<'a> {
    Missing(&'a str),
    Duplicate(&'a str),
}

impl JsonPath {
    /// Returns the path of the top-level value.
    pub fn root() -> Self {
        Self { text: ".".to_owned(), segments: Box::default() }
    }

    /// Returns the path with these segments.
    pub fn from_segments(segments: impl IntoIterator<Item = PathSegment>) -> Self {
        let mut path = Builder::default();
        for segment in segments {
            match segment {
                PathSegment::Name(name) => path.name(&name),
                PathSegment::Index(index) => path.index(index),
            }
        }
        path.finish()
    }

    /// Returns the path through objects with these names.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self::from_segments(names.into_iter().map(|name| PathSegment::Name(name.to_owned())))
    }

    /// Returns the path as text: `items[2].price`, or `.` for the top-level value.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the segments, from the top; none for the top-level value.
    pub fn segments(&self) -> &[PathSegment] {
        &self.segments
    }

    /// Returns the path as a JSON Pointer (RFC 6901): `/items/2/price`, or an empty text for the
    /// top-level value.
    ///
    /// The names are those of the JSON text, control characters included.
    pub fn pointer(&self) -> String {
        let mut pointer = String::new();
        for segment in &self.segments {
            pointer.push('/');
            match segment {
                PathSegment::Name(name) => {
                    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                }
                PathSegment::Index(index) => {
                    let _ = write!(pointer, "{index}");
                }
            }
        }
        pointer
    }

    /// Returns true for the path of the top-level value.
    pub fn is_root(&self) -> bool {
        self.segments.is_empty() && self.text == "."
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
    /// that are read as anything but strings and integers, so these are taken from the text. The
    /// path ends at the field that the error names, if its location is the object of that field.
    ///
    /// # Shape
    /// `end` is a byte offset within the innermost array or object of the path.
    pub(super) fn of_tracked(
        tracked: &serde_path_to_error::Path,
        text: &str,
        end: usize,
        field: Option<NamedField<'_>>,
    ) -> Self {
        let mut path = Builder::default();
        let mut levels = None;
        let document: Option<Value> = serde_json::from_str(text).ok();
        let mut value = document.as_ref();
        for (depth, segment) in tracked.iter().enumerate() {
            match segment {
                Segment::Seq { index } => {
                    path.index(*index);
                    value = value.and_then(|value| value.get(*index));
                }
                Segment::Map { key } => {
                    path.name(key);
                    value = value.and_then(|value| value.get(key));
                }
                // A variant is a member in the text if it has data.
                Segment::Enum { variant } => match value.and_then(|value| value.get(variant)) {
                    Some(data) => {
                        path.name(variant);
                        value = Some(data);
                    }
                    None => path.other(variant),
                },
                Segment::Unknown => {
                    let levels = levels.get_or_insert_with(|| open_levels(text, end));
                    match levels.get(depth) {
                        Some(Level::Object(Some(key))) => {
                            let key = unescape(key);
                            path.name(&key);
                            value = value.and_then(|value| value.get(&*key));
                        }
                        _ => {
                            path.other("?");
                            path.is_cut = true;
                        }
                    }
                }
            }
        }
        if let (Some(Value::Object(members)), Some(field)) = (value, field) {
            match field {
                NamedField::Missing(name) if !members.contains_key(name) => path.name(name),
                NamedField::Duplicate(name) if members.contains_key(name) => path.name(name),
                _ => {}
            }
        }
        path.finish()
    }

    /// Returns the name of the top-level member that contains the location.
    pub(super) fn member(&self) -> Option<&str> {
        match self.segments.first()? {
            PathSegment::Name(name) => Some(name),
            PathSegment::Index(_) => None,
        }
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Compares the text of the path.
impl PartialEq<str> for JsonPath {
    fn eq(&self, text: &str) -> bool {
        self.text == text
    }
}

/// Compares the text of the path.
impl PartialEq<&str> for JsonPath {
    fn eq(&self, text: &&str) -> bool {
        self.text == *text
    }
}

#[derive(Default)]
struct Builder {
    text: String,
    segments: Vec<PathSegment>,
    /// Number of bytes of the names in `segments`.
    name_bytes: usize,
    is_started: bool,
    /// Set if no further segment is added: one before it is unknown or too long.
    is_cut: bool,
}

impl Builder {
    fn index(&mut self, index: usize) {
        let _ = write!(self.text, "[{index}]");
        self.is_started = true;
        self.push(PathSegment::Index(index), 0);
    }

    fn name(&mut self, name: &str) {
        self.other(name);
        self.push(PathSegment::Name(name.to_owned()), name.len());
    }

    /// Adds a step to the text that is none in the JSON text.
    fn other(&mut self, name: &str) {
        if self.is_started {
            self.text.push('.');
        }
        self.text.push_str(name);
        self.is_started = true;
    }

    fn push(&mut self, segment: PathSegment, name_bytes: usize) {
        self.name_bytes += name_bytes;
        self.is_cut |= self.name_bytes > excerpt::PATH;
        if !self.is_cut {
            self.segments.push(segment);
        }
    }

    fn finish(self) -> JsonPath {
        if !self.is_started {
            return JsonPath::root();
        }
        let text = excerpt(&self.text, excerpt::PATH).into_owned();
        JsonPath { text, segments: self.segments.into() }
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
mod tests;
