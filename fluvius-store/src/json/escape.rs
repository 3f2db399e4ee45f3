//! Writing of strings into JSON texts that are assembled by hand.
//!
//! Rust values are encoded by [`encode`](super::encode()).

use serde::Serializer as _;
use serde_json::ser::Serializer;

/// Returns true if a string may contain characters that JSON escapes.
#[inline]
pub(super) fn needs_escape(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().any(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'));
    };
    // Eight bytes at a time; the last eight overlap with those before.
    let (chunks, _) = bytes.as_chunks::<8>();
    chunks.iter().any(|chunk| one_may_be_escaped(*chunk)) || one_may_be_escaped(*last)
}

/// Returns true if one of eight bytes is a control character, a quote or a backslash. A borrow may
/// flag further bytes, but only after a real match.
#[inline]
fn one_may_be_escaped(bytes: [u8; 8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let word = u64::from_le_bytes(bytes);
    // Sets the highest bit of each byte that is below the bound.
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word;
    let is = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | is(b'"') | is(b'\\')) & (ONES * 0x80) != 0
}

/// Appends `text` as a JSON string, escaped as serde_json escapes it.
pub(super) fn push_string(out: &mut String, text: &str) {
    if needs_escape(text) {
        let mut escaped = Vec::with_capacity(text.len() + 8);
        // Neither the write to memory nor the UTF-8 conversion can fail; ignoring the results only
        // avoids a panic.
        let _ = Serializer::new(&mut escaped).serialize_str(text);
        out.push_str(&String::from_utf8(escaped).unwrap_or_default());
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn escapes_are_never_missed(
            text in "\\PC{0,20}|[ -~\u{0}-\u{1f}]{0,20}|[a\"\\\\\u{1f}\u{7f}é]{0,20}",
        ) {
            let is_escaped = serde_json::to_string(&text).unwrap().len() > text.len() + 2;
            prop_assert!(needs_escape(&text) || !is_escaped);
            let is_plain =
                |byte| (0x20..0x7f).contains(&byte) && !b"\"\\!]#[".contains(&byte);
            if text.bytes().all(is_plain) {
                prop_assert!(!needs_escape(&text));
            }
        }

        #[test]
        fn string_is_escaped_as_by_serde_json(text in "\\PC{0,9}|[\"\\\\\u{0}-\u{7f}]{0,9}") {
            let mut out = String::new();
            push_string(&mut out, &text);
            prop_assert_eq!(out, serde_json::to_string(&text).unwrap());
        }
    }
}
