//! The canonical text of a payload, independent of key order and white space.
//!
//! The code works on the text and builds no tree. So the result does not depend on the serde_json
//! features `preserve_order` and `arbitrary_precision`.

use std::borrow::Cow;
use std::ops::Range;

use super::escape::push_string;
use super::text::Json;
use super::tokenizer::{Kind, Token, Tokens, last_of_each_key, unescape};

/// Returns the canonical form of a payload.
///
/// # Shape
/// Keys are sorted bytewise at all levels, and there is no white space. Strings and keys are
/// escaped as serde_json escapes them. Numbers keep their spelling: `1.0` and `1.00` are different
/// payloads. Top-level members listed in `without` are omitted. If members share a key, the last
/// one is kept; decoding fails on them anyway. A payload that is already canonical is returned
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

/// Returns true if the text is its own canonical form.
fn is_canonical(text: &str, without: &[&str]) -> bool {
    let mut tokens = Tokens::of(text);
    let is_plain = text.bytes().fold(true, |is_plain, byte| is_plain & (byte != b'\\'));
    let is_canonical = match tokens.next() {
        Some(token) => is_canonical_value(token, &mut tokens, is_plain, without),
        None => true,
    };
    is_canonical && tokens.next().is_none() && !tokens.has_passed_space()
}

/// Checks one value. `is_plain` states that the whole text contains no escape.
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
    // Writes the values in input order and then sorts them by key, so that the text is read only
    // once at any depth.
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
            "a canonical text is returned without a copy"
        );
    }

    #[test]
    fn keys_are_sorted_at_all_levels_and_white_space_is_removed() {
        check(
            " { \"b\" : [ { \"z\":1 , \"a\":2 } ] ,\n\"a\" :\t\"x y\" } ",
            &[],
            r#"{"a":"x y","b":[{"a":2,"z":1}]}"#,
        );
        check(r#"{"é":1,"z":2,"Z":3,"":4}"#, &[], r#"{"":4,"Z":3,"z":2,"é":1}"#);
        check(" [] ", &[], "[]");
    }

    #[test]
    fn numbers_keep_their_spelling() {
        check(r#"{"b":1.50,"a":1E3,"c":-0}"#, &[], r#"{"a":1E3,"b":1.50,"c":-0}"#);
    }

    #[test]
    fn strings_have_one_escaped_form() {
        check(r#"{"\u0061":"\u00e9\/\n\u000a\"\u001f"}"#, &[], r#"{"a":"é/\n\n\"\u001f"}"#);
        check(r#"["\u005c"]"#, &[], r#"["\\"]"#);
    }

    #[test]
    fn top_level_members_are_omitted_by_name() {
        check(r#"{"pin":1,"a":{"pin":2}}"#, &["pin"], r#"{"a":{"pin":2}}"#);
        check(r#"{"p\u0069n":1}"#, &["pin", "pass"], "{}");
        check(r#"{"a":1,"pin":{"x":1}}"#, &["pin"], r#"{"a":1}"#);
        check(r#"[{"pin":1}]"#, &["pin"], r#"[{"pin":1}]"#);
    }

    #[test]
    fn last_of_duplicate_keys_is_kept() {
        check(r#"{"a":1,"b":2,"\u0061":3}"#, &[], r#"{"a":3,"b":2}"#);
    }

    proptest! {
        #[test]
        fn equal_values_have_one_text(json in any_json()) {
            let made = canonical(&json, &[]);
            prop_assert_eq!(made.to_value(), json.to_value());
            prop_assert_eq!(&canonical(&made, &[]), &made);
            prop_assert_eq!(&canonical(&pretty(&json), &[]), &made);
        }
    }
}
