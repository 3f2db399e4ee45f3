//! Writing a string into a JSON text that is put together by hand.
//!
//! Values of Rust are written by [`encode`](super::encode()), not here.

use serde::Serializer as _;
use serde_json::ser::Serializer;

/// Writes `text` as a JSON string, escaped as serde_json does.
pub(super) fn push_string(out: &mut String, text: &str) {
    let needs_escape = text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\');
    if needs_escape {
        let mut escaped = Vec::with_capacity(text.len() + 8);
        // Neither writing to memory nor UTF-8 can fail here; going on without the result only spares a panic.
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
        fn a_string_is_escaped_as_serde_json_does(text in "\\PC{0,9}|[\"\\\\\u{0}-\u{7f}]{0,9}") {
            let mut out = String::new();
            push_string(&mut out, &text);
            prop_assert_eq!(out, serde_json::to_string(&text).unwrap());
        }
    }
}
