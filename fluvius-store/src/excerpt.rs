//! Shortening of external texts before they become part of an error.

use std::borrow::Cow;

/// Maximum number of bytes of a key or a resource name.
pub const NAME: usize = 100;

/// Maximum number of bytes of a JSON path.
pub const PATH: usize = 300;

/// Maximum number of bytes of a message that may quote its input.
pub const MESSAGE: usize = 500;

/// Returns the text unchanged if it has at most `max` bytes and no control characters.
///
/// A longer text keeps its beginning (two thirds of `max`) and its end (the rest), with `[..]`
/// between them. Control characters are escaped, so that a text cannot forge log lines.
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
    fn long_text_keeps_its_beginning_and_its_end() {
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
