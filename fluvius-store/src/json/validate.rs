//! Validation of JSON texts: one pass over the bytes that finds what some store, or serde_json,
//! cannot return unchanged.
//!
//! The pass allocates nothing; only a fault computes its path. The text must be grammatical, which
//! [`grammar`] checks. No message contains a value, since it may be a secret.

use serde_json::value::RawValue;

use super::error::JsonError;
use super::number;
use super::path::JsonPath;
use super::tokenizer::{is_space, string_end, unescape};

/// Maximum number of levels of arrays and objects that serde_json reads.
const MAX_DEPTH: usize = 127;

const NUL: &str = "U+0000 cannot be stored: leave it out";
const HALF: &str =
    "a `\\u` escape that is half of a surrogate pair is no character: write both halves";
const NUMBER: &str = "a 64-bit integer or float does not give this number back as it is written: \
    send it as a string";
pub(super) const DEPTH: &str = "arrays and objects are nested too deep: more than 120 levels";
const RESERVED: &str =
    "a key that begins with `$serde_json::private::` is read as something else than a key";
const RESERVED_PREFIX: &str = "$serde_json::private::";

/// Checks that `text` is JSON, by serde_json's own grammar.
///
/// # Errors
/// Returns an error whose message states line and column, and quotes nothing.
pub(super) fn grammar(text: &str) -> Result<(), JsonError> {
    // Reading a `&RawValue` scans the text without recursion and without building anything.
    match serde_json::from_str::<&RawValue>(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(JsonError::whole(error.to_string())),
    }
}

/// Checks that a grammatical text can be stored and read back unchanged.
///
/// # Errors
/// Returns the first fault with its path. A fault in a key has the path of its object.
pub(super) fn storable(text: &str) -> Result<(), JsonError> {
    storable_within(text, MAX_DEPTH)
}

/// Checks like [`storable`], with fewer levels of arrays and objects.
pub(super) fn storable_within(text: &str, max_depth: usize) -> Result<(), JsonError> {
    match first_fault(text.as_bytes(), max_depth) {
        None => Ok(()),
        Some(fault) => {
            let path = JsonPath::of_prefix(text.get(..fault.at).unwrap_or(text));
            Err(JsonError::plain(path, fault.message))
        }
    }
}

struct Fault {
    /// The offset at which the faulty token begins.
    at: usize,
    message: &'static str,
}

fn first_fault(bytes: &[u8], max_depth: usize) -> Option<Fault> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => match string(bytes, at) {
                Ok(end) => at = end,
                Err(message) => return Some(Fault { at, message }),
            },
            b'-' | b'0'..=b'9' => match number::read(bytes, at) {
                (end, true) => at = end,
                (_, false) => {
                    return Some(Fault { at, message: NUMBER });
                }
            },
            b'{' | b'[' => {
                depth += 1;
                if depth > max_depth {
                    return Some(Fault { at, message: DEPTH });
                }
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            _ => at += 1,
        }
    }
    None
}

/// Returns the end of the string whose opening quote is at `start`, or the message of its fault.
#[inline]
fn string(bytes: &[u8], start: usize) -> Result<usize, &'static str> {
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            Some(b'"') => break,
            Some(b'\\') => at = escape(bytes, at)?,
            Some(_) => at += 1,
            None => return Ok(bytes.len()),
        }
    }
    let end = at + 1;
    if let Some(b'$' | b'\\') = bytes.get(start + 1)
        && is_reserved_key(bytes, start)
    {
        return Err(RESERVED);
    }
    Ok(end)
}

/// Returns the end of the escape that begins at `start`.
#[cold]
fn escape(bytes: &[u8], start: usize) -> Result<usize, &'static str> {
    match code_unit(bytes, start) {
        Some(0) => Err(NUL),
        Some(0xD800..=0xDBFF) => match code_unit(bytes, start + 6) {
            Some(0xDC00..=0xDFFF) => Ok(start + 12),
            _ => Err(HALF),
        },
        Some(0xDC00..=0xDFFF) => Err(HALF),
        Some(_) => Ok(start + 6),
        None => Ok(start + 2),
    }
}

/// Returns the code unit in an escape of the form `\u0041` at `start`.
fn code_unit(bytes: &[u8], start: usize) -> Option<u32> {
    let [b'\\', b'u', digits @ ..] = bytes.get(start..start + 6)? else {
        return None;
    };
    digits.iter().try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
}

#[cold]
fn is_reserved_key(bytes: &[u8], start: usize) -> bool {
    let end = string_end(bytes, start);
    let next = bytes.iter().skip(end).find(|byte| !is_space(**byte));
    let written = bytes.get(start..end).and_then(|key| std::str::from_utf8(key).ok());
    next == Some(&b':') && written.is_some_and(|key| unescape(key).starts_with(RESERVED_PREFIX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn check(text: &str, expected: Option<(&str, &str)>) {
        grammar(text).unwrap();
        let found = storable(text).err();
        let found = found.as_ref().map(|error| (error.path().as_str(), error.message()));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn ordinary_texts_pass() {
        for text in [
            "null",
            r#""""#,
            r#"{"a":[1,2.5,-3e2,"x",true,{}]}"#,
            r#""\\u0000""#,
            r#""\u0001\u00e9\ud83d\ude00""#,
            r#"{"$serde":"$serde_json::private::RawValue"}"#,
            " [ ] ",
            r#"{"\\":{"\"":1}}"#,
        ] {
            check(text, None);
        }
    }

    #[test]
    fn nul_fails_in_every_spelling() {
        check(r#"{"a":["x\u0000"]}"#, Some(("a[0]", NUL)));
        check(r#"{"a":{"k\u0000":1}}"#, Some(("a", NUL)));
        check(r#""\\\u0000""#, Some((".", NUL)));
        check(r#""\\\\u0000""#, None);
    }

    #[test]
    fn unpaired_surrogate_fails() {
        for text in
            [r#""\ud800""#, r#""\udc00""#, r#""\ud83dx""#, r#""\ud83d\u0041""#, r#""\uDE00\uD83D""#]
        {
            check(text, Some((".", HALF)));
        }
    }

    #[test]
    fn number_that_would_change_fails_with_its_path() {
        check(
            r#"{"items":[{"price":0.5},{"price":0.1234567890123456789}]}"#,
            Some(("items[1].price", NUMBER)),
        );
        check("18446744073709551616", Some((".", NUMBER)));
        check(r#"{"a":"18446744073709551616"}"#, None);
    }

    #[test]
    fn reserved_key_fails() {
        check(r#"{"a":{"$serde_json::private::RawValue" : "[1"}}"#, Some(("a", RESERVED)));
        check(r#"{"\u0024serde_json::private::Number":"1"}"#, Some((".", RESERVED)));
    }

    #[test]
    fn depth_limit_is_that_of_serde_json() {
        let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        check(&nested(MAX_DEPTH), None);
        assert!(serde_json::from_str::<Value>(&nested(MAX_DEPTH)).is_ok());
        assert!(serde_json::from_str::<Value>(&nested(MAX_DEPTH + 1)).is_err());
        assert_eq!(storable(&nested(MAX_DEPTH + 1)).unwrap_err().message(), DEPTH);
    }

    proptest! {
        #[test]
        fn storable_text_is_read_by_serde_json(text in "[\\[\\]{}\",:\\\\udD8c0-9eE.+$ \
            é\u{1}-]{0,24}") {
            if grammar(&text).is_ok() && storable(&text).is_ok() {
                prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
            }
        }

        #[test]
        fn storable_string_is_read_by_serde_json(
            text in "\"(\\\\u[dD][89cCdD][0-9a-f]{2}|\\\\[nt\"]|\\\\u00[0-4][0-9]|x)*\"",
        ) {
            prop_assert!(grammar(&text).is_ok());
            if storable(&text).is_ok() {
                prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
            }
        }

        #[test]
        fn arbitrary_text_does_not_panic(text in ".{0,40}") {
            let _ = storable(&text);
        }
    }
}
