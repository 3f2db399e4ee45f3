//! The fast path of the diff, for two objects that differ in one member.
//!
//! It is tried first, since an event usually changes one field. Most of a large state is then
//! skipped without tokenizing it. Every other case is left to the general comparison.

/// Returns the one member that differs between two objects: key, old value, new value.
///
/// The member must be a scalar in both. Both texts must be compact, without escapes, and without a
/// nested value before the member. Returns `None` if any of this does not hold or cannot be
/// determined.
pub(super) fn changed_alone<'a>(old: &'a str, new: &'a str) -> Option<(&'a str, &'a str, &'a str)> {
    let (before, after) = (old.as_bytes(), new.as_bytes());
    let start = alike_from_start(before, after);
    let end = alike_from_end(before.get(start..)?, after.get(start..)?);
    let head = after.get(..start)?;
    let (old_end, new_end) = (before.len() - end, after.len() - end);
    let (old_middle, new_middle) = (before.get(start..old_end)?, after.get(start..new_end)?);
    let tail = after.get(new_end..)?;
    // Without another opening before the difference, it is in a top-level member, whatever its
    // strings contain.
    let (b'{', inside) = head.split_first()? else { return None };
    let inside = Signs::of(inside);
    if inside.has_escape || inside.has_opening || tail.contains(&b'\\') {
        return None;
    }
    let (value_start, value_tail) = match inside.is_in_string {
        // Without escapes, every second quote ends a string.
        true if is_in_string(old_middle) && is_in_string(new_middle) => {
            (last(head, b'"')?, first(tail, b'"')? + 1)
        }
        false if is_bare(old_middle) && is_bare(new_middle) => {
            let bare = head.iter().rev().take_while(|byte| is_of_bare(**byte)).count();
            (start - bare, tail.iter().take_while(|byte| is_of_bare(**byte)).count())
        }
        _ => return None,
    };
    let key_start = match head.get(..value_start)? {
        [key @ .., b'"', b':'] => last(key, b'"')?,
        _ => return None,
    };
    let key = new.get(key_start..value_start - 1)?;
    // The key is repeated, or a string value equals it; the general comparison decides then.
    if new.get(..key_start)?.contains(key) || new.get(value_start..)?.contains(key) {
        return None;
    }
    let old_value = old.get(value_start..old_end + value_tail)?;
    Some((key, old_value, new.get(value_start..new_end + value_tail)?))
}

/// Returns the number of equal bytes at the start of two texts.
pub(super) fn alike_from_start(old: &[u8], new: &[u8]) -> usize {
    let (old_chunks, _) = old.as_chunks::<16>();
    let (new_chunks, _) = new.as_chunks::<16>();
    let chunks = old_chunks.iter().zip(new_chunks).take_while(|(old, new)| old == new).count();
    let bytes = old.iter().zip(new).skip(chunks * 16);
    chunks * 16 + bytes.take_while(|(old, new)| old == new).count()
}

fn alike_from_end(old: &[u8], new: &[u8]) -> usize {
    let (_, old_chunks) = old.as_rchunks::<16>();
    let (_, new_chunks) = new.as_rchunks::<16>();
    let pairs = old_chunks.iter().rev().zip(new_chunks.iter().rev());
    let chunks = pairs.take_while(|(old, new)| old == new).count();
    let bytes = old.iter().rev().zip(new.iter().rev()).skip(chunks * 16);
    chunks * 16 + bytes.take_while(|(old, new)| old == new).count()
}

/// Properties of the text after an opening brace.
struct Signs {
    has_escape: bool,
    has_opening: bool,
    /// Set if the text ends inside a string. Valid only without escapes.
    is_in_string: bool,
}

impl Signs {
    fn of(bytes: &[u8]) -> Self {
        let (chunks, rest) = bytes.as_chunks::<16>();
        let [mut escapes, mut openings, mut quotes] = [[0_u8; 16]; 3];
        // Processes sixteen bytes side by side, so that the compiler vectorizes the loop.
        let mut look = |chunk: &[u8; 16]| {
            for lane in 0..16 {
                let byte = chunk[lane];
                escapes[lane] |= u8::from(byte == b'\\');
                // A brace or a bracket; they differ only in this bit.
                openings[lane] |= u8::from(byte | 0x20 == b'{');
                quotes[lane] ^= u8::from(byte == b'"');
            }
        };
        chunks.iter().for_each(&mut look);
        let mut last = [0; 16];
        last[..rest.len()].copy_from_slice(rest);
        look(&last);
        let is_any = |lanes: [u8; 16]| u128::from_ne_bytes(lanes) != 0;
        Self {
            has_escape: is_any(escapes),
            has_opening: is_any(openings),
            is_in_string: quotes.iter().fold(0, |odd, quote| odd ^ quote) == 1,
        }
    }
}

fn is_in_string(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| !matches!(byte, b'"' | b'\\'))
}

fn first(bytes: &[u8], wanted: u8) -> Option<usize> {
    bytes.iter().position(|byte| *byte == wanted)
}

fn last(bytes: &[u8], wanted: u8) -> Option<usize> {
    bytes.iter().rposition(|byte| *byte == wanted)
}

fn is_bare(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| is_of_bare(*byte))
}

/// Returns true if a byte may occur in a number, `true`, `false` or `null`.
fn is_of_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(old: &str, new: &str, expected: Option<(&str, &str, &str)>) {
        let quoted = expected.map(|(key, old, new)| (format!("\"{key}\""), old, new));
        let quoted = quoted.as_ref().map(|(key, old, new)| (key.as_str(), *old, *new));
        assert_eq!(changed_alone(old, new), quoted, "{old} {new}");
    }

    #[test]
    fn changed_string_or_number_is_found_whole() {
        check(
            r#"{"a":"x","b":"12.50"}"#,
            r#"{"a":"x","b":"12.75"}"#,
            Some(("b", "\"12.50\"", "\"12.75\"")),
        );
        check(r#"{"a":"aa","b":1}"#, r#"{"a":"aaa","b":1}"#, Some(("a", "\"aa\"", "\"aaa\"")));
        check(r#"{"a":"","b":1}"#, r#"{"a":"é","b":1}"#, Some(("a", "\"\"", "\"é\"")));
        check(r#"{"a":"ê"}"#, r#"{"a":"é"}"#, Some(("a", "\"ê\"", "\"é\"")));
        check(r#"{"n":10,"b":[1]}"#, r#"{"n":105,"b":[1]}"#, Some(("n", "10", "105")));
        check(r#"{"n":-1.5e3}"#, r#"{"n":true}"#, Some(("n", "-1.5e3", "true")));
        check(
            r#"{"a":"x:,{}","b":1}"#,
            r#"{"a":"x:,}","b":1}"#,
            Some(("a", "\"x:,{}\"", "\"x:,}\"")),
        );
    }

    #[test]
    fn changed_member_is_found_at_any_offset() {
        for length in 0..40 {
            let before = "x".repeat(length);
            let text = |value| format!(r#"{{"a":"{before}","b":{value},"c":"{before}"}}"#);
            check(&text("1"), &text("23"), Some(("b", "1", "23")));
            check(&text(r#""1""#), &text(r#""2""#), Some(("b", r#""1""#, r#""2""#)));
        }
    }

    #[test]
    fn complex_changes_are_left_to_the_general_diff() {
        for (old, new) in [
            (r#"{"a":1,"b":2}"#, r#"{"a":3,"b":4}"#),
            (r#"{"a":1}"#, r#"{"b":1}"#),
            (r#"{"a":1}"#, r#"{"a":"1"}"#),
            (r#"{"a":1}"#, r#"{"a":1,"b":2}"#),
            (r#"{"a":{"x":1}}"#, r#"{"a":{"x":2}}"#),
            (r#"{"a":[1]}"#, r#"{"a":[2]}"#),
            (r#"{"a":1,"b":"\"a\":"}"#, r#"{"a":2,"b":"\"a\":"}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":1,"a":3}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":3,"a":2}"#),
            (r#"{"\u0061":1,"a":2}"#, r#"{"\u0061":1,"a":3}"#),
            (r#"{"a":"x","b":"y"}"#, r#"{"a":"z","b":"w"}"#),
            (r#"{"a":"x","b":"y"}"#, r#"{"a":"xy"}"#),
            (r#"{ "a": 1}"#, r#"{ "a": 2}"#),
            (r#"["a",1]"#, r#"["a",2]"#),
            (r#"{"a":[],"b":1}"#, r#"{"a":[],"b":2}"#),
            ("{}", "{}"),
            ("", ""),
        ] {
            check(old, new, None);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_does_not_panic(
            old in "[{}\\[\":,a1\\\\é]{0,12}",
            new in "[{}\\[\":,a1\\\\é]{0,12}",
        ) {
            let _ = (changed_alone(&old, &new), changed_alone(&new, &old));
        }
    }
}
