//! One text for one payload, whatever order and white space it came in.
//!
//! It works on the text alone and builds no tree, so it depends neither on the order of serde_json's maps nor on how it
//! reads numbers (the features `preserve_order` and `arbitrary_precision`). Hashing is not done here.

use std::borrow::Cow;
use std::ops::Range;

use super::escape::push_string;
use super::text::Json;
use super::tokenizer::{Kind, Token, Tokens, last_of_each_key, unescape};

/// The canonical form of a payload.
///
/// # Shape
/// Keys sorted bytewise at all levels and no white space. Strings and keys are escaped as serde_json does, numbers stay
/// as they are written: `1.0` and `1.00` are two payloads. Members of the whole that `without` names are left out. Of
/// members with one key the last is kept; decoding refuses them anyway. What is canonical already is returned as it is,
/// without a copy.
pub fn canonical(payload: &Json, without: &[&str]) -> Json {
    let text = payload.as_str();
    if is_canonical(text, without) {
        return payload.clone();
    }
    let mut out = String::with_capacity(text.len());
    let mut tokens = Tokens::of(text);
    if let Some(token) = tokens.next() {
        write_value(&mut out, token, &mut tokens, without);
    }
    Json::from_trusted(out)
}

/// Whether the text is its own canonical form.
fn is_canonical(text: &str, without: &[&str]) -> bool {
    let mut tokens = Tokens::of(text);
    let is_plain = text.bytes().fold(true, |is_plain, byte| is_plain & (byte != b'\\'));
    let is_canonical = match tokens.next() {
        Some(token) => is_canonical_value(token, &mut tokens, is_plain, without),
        None => true,
    };
    is_canonical && tokens.next().is_none() && !tokens.has_passed_space()
}

/// `is_plain`: nothing in the whole text is written with an escape.
fn is_canonical_value(
    token: Token<'_>,
    tokens: &mut Tokens<'_>,
    is_plain: bool,
    without: &[&str],
) -> bool {
    match token {
        Token::Open(Kind::Object) => is_canonical_object(tokens, is_plain, without),
        Token::Open(_) => {
            while let Some(token @ (Token::Open(_) | Token::Scalar(_))) = tokens.next() {
                if !is_canonical_value(token, tokens, is_plain, &[]) {
                    return false;
                }
            }
            true
        }
        Token::Scalar(scalar) => is_plain || is_escaped_as_usual(scalar),
        Token::Close => true,
    }
}

fn is_escaped_as_usual(scalar: &str) -> bool {
    !scalar.contains('\\') || escape(&unescape(scalar)) == scalar
}

fn is_canonical_object(tokens: &mut Tokens<'_>, is_plain: bool, without: &[&str]) -> bool {
    let mut before: Option<Cow<'_, str>> = None;
    while let Some(Token::Scalar(written)) = tokens.next() {
        let key = match written.as_bytes() {
            [b'"', .., b'"'] if is_plain => Cow::Borrowed(&written[1..written.len() - 1]),
            _ => unescape(written),
        };
        let is_next = before.is_none_or(|before| before < key) && !without.contains(&&*key);
        if !is_next || !(is_plain || is_escaped_as_usual(written)) {
            return false;
        }
        before = Some(key);
        let Some(value) = tokens.next() else { break };
        if !is_canonical_value(value, tokens, is_plain, &[]) {
            return false;
        }
    }
    true
}

fn write_value(out: &mut String, token: Token<'_>, tokens: &mut Tokens<'_>, without: &[&str]) {
    match token {
        Token::Open(Kind::Object) => write_object(out, tokens, without),
        Token::Open(_) => {
            out.push('[');
            let first = out.len();
            while let Some(token @ (Token::Open(_) | Token::Scalar(_))) = tokens.next() {
                if out.len() > first {
                    out.push(',');
                }
                write_value(out, token, tokens, &[]);
            }
            out.push(']');
        }
        Token::Scalar(scalar) if scalar.contains('\\') => push_string(out, &unescape(scalar)),
        Token::Scalar(scalar) => out.push_str(scalar),
        Token::Close => {}
    }
}

fn write_object(out: &mut String, tokens: &mut Tokens<'_>, without: &[&str]) {
    // The values are written as they come and then put into the order of their keys, so that the text is read once
    // however deep it goes.
    let start = out.len();
    let mut members: Vec<(Cow<'_, str>, Range<usize>)> = Vec::new();
    while let Some(Token::Scalar(key)) = tokens.next() {
        let Some(token) = tokens.next() else { break };
        let value_start = out.len();
        write_value(out, token, tokens, &[]);
        members.push((unescape(key), value_start..out.len()));
    }
    let mut object = String::with_capacity(out.len() - start);
    for (key, value) in
        last_of_each_key(members).into_iter().filter(|(key, _)| !without.contains(&&**key))
    {
        object.push(if object.is_empty() { '{' } else { ',' });
        push_string(&mut object, &key);
        object.push(':');
        object.push_str(out.get(value).unwrap_or_default());
    }
    out.truncate(start);
    out.push_str(if object.is_empty() { "{" } else { &object });
    out.push('}');
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    push_string(&mut escaped, text);
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::testing::{any_json, pretty};

    fn check(payload: &str, without: &[&str], expected: &str) {
        let made = canonical(&Json::parse(payload).unwrap(), without);
        assert_eq!(made.as_str(), expected, "{payload}");
        let again = canonical(&made, without);
        assert!(
            std::ptr::eq(made.as_str(), again.as_str()),
            "a canonical text is returned as it is"
        );
    }

    #[test]
    fn keys_are_sorted_bytewise_at_all_levels_and_space_is_left_out() {
        check(
            " { \"b\" : [ { \"z\":1 , \"a\":2 } ] ,\n\"a\" :\t\"x y\" } ",
            &[],
            r#"{"a":"x y","b":[{"a":2,"z":1}]}"#,
        );
        check(r#"{"é":1,"z":2,"Z":3,"":4}"#, &[], r#"{"":4,"Z":3,"z":2,"é":1}"#);
        check(" [] ", &[], "[]");
    }

    #[test]
    fn numbers_stay_as_they_are_written() {
        check(r#"{"b":1.50,"a":1E3,"c":-0}"#, &[], r#"{"a":1E3,"b":1.50,"c":-0}"#);
    }

    #[test]
    fn strings_are_escaped_in_one_way() {
        check(r#"{"\u0061":"\u00e9\/\n\u000a\"\u001f"}"#, &[], r#"{"a":"é/\n\n\"\u001f"}"#);
        check(r#"["\u005c"]"#, &[], r#"["\\"]"#);
    }

    #[test]
    fn members_of_the_whole_are_left_out_by_name() {
        check(r#"{"pin":1,"a":{"pin":2}}"#, &["pin"], r#"{"a":{"pin":2}}"#);
        check(r#"{"p\u0069n":1}"#, &["pin", "pass"], "{}");
        check(r#"{"a":1,"pin":{"x":1}}"#, &["pin"], r#"{"a":1}"#);
        check(r#"[{"pin":1}]"#, &["pin"], r#"[{"pin":1}]"#);
    }

    #[test]
    fn of_members_with_one_key_the_last_is_kept() {
        check(r#"{"a":1,"b":2,"\u0061":3}"#, &[], r#"{"a":3,"b":2}"#);
    }

    proptest! {
        #[test]
        fn one_value_has_one_text(json in any_json()) {
            let made = canonical(&json, &[]);
            prop_assert_eq!(made.to_value(), json.to_value());
            prop_assert_eq!(&canonical(&made, &[]), &made);
            prop_assert_eq!(&canonical(&pretty(&json), &[]), &made);
        }
    }
}
