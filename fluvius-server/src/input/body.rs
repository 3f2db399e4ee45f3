//! Request bodies: bounded in size and time, and JSON without duplicate members.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use crate::problem::Problem;

const MEDIA_TYPE: &str = "application/json";

/// Reads a body of JSON as text; an empty body is `{}`.
///
/// # Errors
/// `unsupported-media-type`, `too-large`, `timed-out` for a slow sender, `invalid-json`.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    max_bytes: usize,
    deadline: Duration,
) -> Result<String, Problem> {
    let bytes = collect(body, max_bytes, deadline).await?;
    if bytes.is_empty() {
        return Ok("{}".to_owned());
    }
    check_media_type(headers)?;
    let text = String::from_utf8(bytes.into())
        .map_err(|_| Problem::new("invalid-json", "the body is not UTF-8"))?;
    check_json(&text)?;
    Ok(text)
}

async fn collect(body: Body, max_bytes: usize, deadline: Duration) -> Result<Bytes, Problem> {
    let reading = Limited::new(body, max_bytes).collect();
    match tokio::time::timeout(deadline, reading).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let detail = format!("the body has more than {max_bytes} bytes");
            Err(Problem::new("too-large", detail))
        }
        Ok(Err(_)) => Err(Problem::new("invalid-json", "the body ended early")),
        Err(_) => {
            let detail = format!("the body did not arrive within {deadline:?}");
            Err(Problem::new("timed-out", detail))
        }
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let is_encoded = headers.contains_key(header::CONTENT_ENCODING);
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if value == Some(MEDIA_TYPE) && !is_encoded {
        return Ok(());
    }
    let mut parts = value.unwrap_or_default().split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case(MEDIA_TYPE));
    let is_utf_8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
            charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    if is_json && is_utf_8 && !is_encoded {
        return Ok(());
    }
    let detail = "send the body as `application/json` in UTF-8, without a content encoding";
    Err(Problem::new("unsupported-media-type", detail))
}

/// Checks that a text is JSON, and that no object in it has two members of one name.
///
/// # Errors
/// `invalid-json`.
pub(crate) fn check_json(text: &str) -> Result<(), Problem> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let checked = UniqueMembers.deserialize(&mut reader).and_then(|()| reader.end());
    checked.map_err(|error| Problem::new("invalid-json", error.to_string()))
}

/// The name of a member.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads any JSON value, and fails if an object in it has two members of one name.
#[derive(Clone, Copy)]
struct UniqueMembers;

impl<'de> DeserializeSeed<'de> for UniqueMembers {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueMembers {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut names = Vec::new();
        while let Some(Name(name)) = members.next_key()? {
            names.push(name);
            members.next_value_seed(self)?;
        }
        names.sort_unstable();
        match names.is_sorted_by(|one, next| one < next) {
            true => Ok(()),
            // The name is not quoted: it may be a part of a secret.
            false => Err(A::Error::custom("an object has two members of one name")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_members_are_invalid_at_any_depth() {
        for valid in ["{}", r#"{"a":1,"b":{"a":[{"a":null}]}}"#, "1e400000", r#"[{"a":1},{"a":2}]"#]
        {
            // A number that overflows a float is the concern of the payload's own check.
            let is_number = valid.starts_with('1');
            assert!(check_json(valid).is_ok() || is_number, "{valid}");
        }
        for invalid in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"b":[{"a":{"x":1,"x":2}}]}"#,
            "{",
            "{} {}",
            "",
        ] {
            assert!(check_json(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn deep_text_is_an_error() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(check_json(&deep).is_err());
    }
}
