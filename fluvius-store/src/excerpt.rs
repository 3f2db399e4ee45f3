//! Shortens texts that came from outside, before they become part of an error.

use std::borrow::Cow;

/// The most bytes of a key or of a resource name.
pub const NAME: usize = 100;

/// The most bytes of a JSON path.
pub const PATH: usize = 300;

/// The most bytes of a message that may quote what was read.
pub const MESSAGE: usize = 500;

/// Returns the text as it is if it has at most `max` bytes and no control characters.
///
/// Of a longer one, returns two thirds of that from its beginning, the rest from its end, and `[..]` between them. Control
/// characters are escaped, so that no line of a log is forged.
pub fn excerpt(text: &str, max: usize) -> Cow<'_, str> {
    let short = if text.len() <= max {
        Cow::Borrowed(text)
    } else {
        let begin = text.floor_char_boundary(max * 2 / 3);
        let end = text.ceil_char_boundary(text.len() - max / 3);
        Cow::Owned(format!("{}[..]{}", &text[..begin], &text[end..]))
    };
    if !short.contains(char::is_control) {
        return short;
    }
    let mut escaped = String::with_capacity(short.len() + 8);
    for character in short.chars() {
        match character.is_control() {
            true => escaped.extend(character.escape_default()),
            false => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        assert_eq!(excerpt("insufficient", 12), "insufficient");
        assert_eq!(excerpt("insufficient", 9), "insuff[..]ent");
        assert_eq!(excerpt("größte Länge", 6), "grö[..]ge");
        assert_eq!(excerpt("äääää", 1), "[..]");
        assert_eq!(excerpt("a", 0), "[..]");
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(excerpt("a\nb \u{1b}[31m", 99), "a\\nb \\u{1b}[31m");
        assert_eq!(excerpt("größe", 99), "größe");
    }
}
