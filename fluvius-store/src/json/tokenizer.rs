//! A tokenizer for JSON text that is known to be valid. It builds no tree.
//!
//! Every part is a slice of the text as written. Nothing here validates the text. The parts of an
//! invalid text are meaningless, but nothing panics and every loop ends.

use std::borrow::Cow;

/// The kind of a JSON value, as far as the tokenizer distinguishes kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    /// A string, a number, `true`, `false` or `null`.
    Scalar,
}

/// Returns the kind of a value without leading white space.
pub(super) fn kind(value: &str) -> Kind {
    match value.as_bytes().first() {
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::Array,
        _ => Kind::Scalar,
    }
}

/// Returns the members of an object in order: key and value as written.
pub(crate) fn members(object: &str) -> Members<'_> {
    Members { rest: Parts::of(object) }
}

/// Returns the elements of an array in order, as written.
pub(super) fn elements(array: &str) -> Elements<'_> {
    Elements { rest: Parts::of(array) }
}

/// Returns the members of an object, sorted by key; see [`last_of_each_key`].
pub(super) fn sorted_members(object: &str) -> Vec<(Cow<'_, str>, &str)> {
    last_of_each_key(members(object).map(|(key, value)| (unescape(key), value)).collect())
}

/// Sorts members bytewise by key. Of duplicate keys the last one is kept, as in a
/// [`serde_json::Value`].
pub(super) fn last_of_each_key<T>(mut members: Vec<(Cow<'_, str>, T)>) -> Vec<(Cow<'_, str>, T)> {
    // The sort is stable, so duplicate keys stay in order.
    members.sort_by(|(one, _), (other, _)| one.cmp(other));
    members.dedup_by(|later, kept| {
        let is_twice = later.0 == kept.0;
        if is_twice {
            std::mem::swap(&mut later.1, &mut kept.1);
        }
        is_twice
    });
    members
}

/// Returns the value at a path of names, as written, or `None` if there is none. If members share a
/// name, the last one is used.
pub(crate) fn lookup<'a>(text: &'a str, path: &[String]) -> Option<&'a str> {
    let mut value = text.trim_ascii();
    for name in path {
        if kind(value) != Kind::Object {
            return None;
        }
        value = members(value).filter(|(key, _)| unescape(key) == name.as_str()).last()?.1;
    }
    Some(value)
}

/// Returns the content of a string, without quotes and escapes.
pub(crate) fn unescape(string: &str) -> Cow<'_, str> {
    if string.as_bytes().contains(&b'\\')
        && let Ok(text) = serde_json::from_str::<String>(string)
    {
        return Cow::Owned(text);
    }
    let inner = string.strip_prefix('"').unwrap_or(string);
    Cow::Borrowed(inner.strip_suffix('"').unwrap_or(inner))
}

/// Returns the end of the string whose opening quote is at `start`, after its closing quote.
pub(super) fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return bytes.len(),
        }
    }
}

/// Returns the end of the value that begins at `start`.
fn value_end(bytes: &[u8], start: usize) -> usize {
    match bytes.get(start) {
        Some(b'"') => string_end(bytes, start),
        Some(b'{' | b'[') => container_end(bytes, start),
        _ => scalar_end(bytes, start),
    }
}

/// Returns the end of the number or literal that begins at `start`, which is at least one byte
/// long.
fn scalar_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while bytes.get(at).is_some_and(|byte| !matches!(byte, b',' | b']' | b'}') && !is_space(*byte))
    {
        at += 1;
    }
    at.min(bytes.len())
}

fn container_end(bytes: &[u8], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at = string_end(bytes, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// Returns true for white space between the tokens of a JSON text (RFC 8259, section 2).
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// A token of a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Open(Kind),
    Close,
    /// A scalar or a key, as written.
    Scalar(&'a str),
}

/// An iterator over the tokens of a text, without separators.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    has_passed_space: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, at: 0, has_passed_space: false }
    }

    /// Returns true if there was white space between the tokens so far.
    pub(super) fn has_passed_space(&self) -> bool {
        self.has_passed_space
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let bytes = self.text.as_bytes();
        loop {
            let start = self.at;
            self.at += 1;
            match bytes.get(start) {
                Some(b'{') => return Some(Token::Open(Kind::Object)),
                Some(b'[') => return Some(Token::Open(Kind::Array)),
                Some(b'}' | b']') => return Some(Token::Close),
                Some(b',' | b':') => {}
                Some(byte) if is_space(*byte) => self.has_passed_space = true,
                Some(b'"') => {
                    self.at = string_end(bytes, start);
                    return self.text.get(start..self.at).map(Token::Scalar);
                }
                Some(_) => {
                    self.at = scalar_end(bytes, start);
                    return self.text.get(start..self.at).map(Token::Scalar);
                }
                None => {
                    self.at = start;
                    return None;
                }
            }
        }
    }
}

/// An iterator over the members of an object; see [`members`].
#[derive(Debug)]
pub(crate) struct Members<'a> {
    rest: Parts<'a>,
}

impl Members<'_> {
    /// Returns the offset at which the last member ended.
    pub(super) fn at(&self) -> usize {
        self.rest.at
    }

    /// Continues at an offset at which another member ended.
    pub(super) fn go_to(&mut self, at: usize) {
        self.rest.at = at;
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.rest.next_value()?;
        let value = self.rest.next_value()?;
        Some((key, value))
    }
}

/// An iterator over the elements of an array; see [`elements`].
#[derive(Debug)]
pub(super) struct Elements<'a> {
    rest: Parts<'a>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<Self::Item> {
        self.rest.next_value()
    }
}

/// The values in an object or array, without separators.
#[derive(Debug)]
struct Parts<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parts<'a> {
    fn of(container: &'a str) -> Self {
        let opening = container.bytes().position(|byte| matches!(byte, b'{' | b'['));
        Self { text: container, at: opening.map_or(container.len(), |at| at + 1) }
    }

    fn next_value(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b',' | b':' => self.at += 1,
                byte if is_space(*byte) => self.at += 1,
                b'}' | b']' => return None,
                _ => {
                    let start = self.at;
                    self.at = value_end(bytes, start);
                    return self.text.get(start..self.at);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn members_are_slices_as_written() {
        let object = "{ \"a\" : [1, {\"x\": \"}\"}] ,\n\"\\\"b\":\"\\\\\", \"c\": -1.5e3 }";
        let found: Vec<_> = members(object).collect();
        assert_eq!(
            found,
            [("\"a\"", "[1, {\"x\": \"}\"}]"), ("\"\\\"b\"", "\"\\\\\""), ("\"c\"", "-1.5e3"),]
        );
        assert_eq!(members("{}").count(), 0);
        assert_eq!(members(" { } ").count(), 0);
    }

    #[test]
    fn elements_are_slices_as_written() {
        assert_eq!(
            elements("[ 1,null , \"]\",[ ] ]").collect::<Vec<_>>(),
            ["1", "null", "\"]\"", "[ ]"]
        );
        assert_eq!(elements("[]").count(), 0);
    }

    #[test]
    fn last_of_duplicate_keys_is_kept() {
        let sorted = sorted_members(r#"{"b":1,"a":2,"\u0062":3,"b":4,"a":5}"#);
        assert_eq!(sorted, [(Cow::from("a"), "5"), (Cow::from("b"), "4")]);
    }

    #[test]
    fn lookup_follows_a_path_of_names() {
        let text =
            r#" {"a" : {"b": [1, 2], "\u0062": "x" , "c.d": null}, "": {"": 7}, "e": "{}"} "#;
        let found = |path: &[&str]| {
            let path: Vec<String> = path.iter().map(|name| (*name).to_owned()).collect();
            lookup(text, &path)
        };
        assert_eq!(found(&["a", "b"]), Some("\"x\""));
        assert_eq!(found(&["a", "c.d"]), Some("null"));
        assert_eq!(found(&["", ""]), Some("7"));
        assert_eq!(found(&[]), Some(text.trim_ascii()));
        for path in [&["b"][..], &["a", "x"], &["a", "b", "c"], &["e", "x"], &["a", "c.d", ""]] {
            assert_eq!(found(path), None, "{path:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_does_not_panic(text in "[\\[\\]{}\",:\\\\u0-9a é-]{0,40}") {
            let _ = (members(&text).count(), elements(&text).count(), sorted_members(&text).len());
            let _ = (kind(&text), unescape(&text));
        }
    }
}
