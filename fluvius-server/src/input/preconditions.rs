//! The headers `If-Match` and `If-None-Match`.
//!
//! # Source
//! RFC 9110, sections 8.8.3 and 13.1. Unlike section 8.8.3.2, a weak tag matches too, since proxies
//! that compress an answer weaken its tag. An etag of this server names a version: the suffix with
//! the revision is ignored.

use axum::http::{HeaderMap, HeaderName, header};
use fluvius_core::{ETag, Precondition};

use crate::problem::Problem;

/// Returns the precondition of a command, if it has one.
///
/// # Errors
/// `invalid-parameter` for both headers at once, and for an `If-None-Match` other than `*`.
pub(crate) fn of_command(headers: &HeaderMap) -> Result<Option<Precondition>, Problem> {
    let if_match = text(headers, &header::IF_MATCH)?;
    let if_none_match = text(headers, &header::IF_NONE_MATCH)?;
    match (if_match, if_none_match.as_deref().map(str::trim)) {
        (None, None) => Ok(None),
        (Some(tags), None) => Ok(Some(if_match_of(&tags))),
        (None, Some("*")) => Ok(Some(Precondition::Absent)),
        (None, Some(_)) => {
            Err(Problem::parameter("`If-None-Match` of a command is `*`: it must not exist yet"))
        }
        (Some(_), Some(_)) => {
            Err(Problem::parameter("a command has `If-Match` or `If-None-Match`, not both"))
        }
    }
}

/// Returns the precondition of an `If-Match`. A tag that cannot be read matches nothing.
pub(crate) fn if_match_of(tags: &str) -> Precondition {
    if tags.trim() == "*" {
        return Precondition::Exists;
    }
    let mut etags: Vec<ETag> = split(tags).filter_map(read).collect();
    match etags.len() {
        1 => Precondition::ETag(etags.remove(0)),
        _ => Precondition::AnyOf(etags),
    }
}

/// Returns true if `If-None-Match` of a read has this tag, so the client's copy is current.
pub(crate) fn is_unmodified(headers: &HeaderMap, tag: &str) -> bool {
    let Ok(Some(tags)) = text(headers, &header::IF_NONE_MATCH) else { return false };
    tags.trim() == "*" || split(&tags).any(|each| strong(each) == tag)
}

/// Returns the values of a header as one list.
fn text(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Problem> {
    let mut values = Vec::new();
    for value in headers.get_all(name) {
        let value = value.to_str();
        values.push(value.map_err(|_| Problem::parameter(format!("`{name}` is not ASCII")))?);
    }
    Ok((!values.is_empty()).then(|| values.join(",")))
}

/// Returns the tags of a list. A comma within quotes belongs to its tag.
fn split(tags: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    let parts = tags.split(move |letter| {
        is_quoted ^= letter == '"';
        letter == ',' && !is_quoted
    });
    parts.map(str::trim).filter(|tag| !tag.is_empty())
}

/// Returns the tag without the mark of a weak one.
fn strong(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// Reads a tag: quoted, with or without a revision.
fn read(tag: &str) -> Option<ETag> {
    let quoted = strong(tag).strip_prefix('"')?.strip_suffix('"')?;
    let etag = match quoted.split_once(".r") {
        Some((etag, revision)) if revision.bytes().all(|byte| byte.is_ascii_digit()) => etag,
        Some(_) => return None,
        None => quoted,
    };
    etag.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use fluvius_core::uuid::Uuid;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let pair = |(name, value): &(HeaderName, &str)| {
            (name.clone(), HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static("")))
        };
        pairs.iter().map(pair).collect()
    }

    fn of(name: HeaderName, value: &str) -> Option<Precondition> {
        of_command(&headers(&[(name, value)])).ok().flatten()
    }

    #[test]
    fn spellings_of_an_etag_are_one_version() {
        let etag = ETag::new(7, Uuid::from_u128(10));
        let expected = Some(Precondition::ETag(etag));
        for text in [
            format!("\"{etag}\""),
            format!("W/\"{etag}\""),
            format!("\"{etag}.r3\""),
            format!("  W/\"{etag}.r12\" "),
        ] {
            assert_eq!(of(header::IF_MATCH, &text), expected, "{text}");
        }
    }

    #[test]
    fn unreadable_tag_never_matches() {
        let etag = ETag::new(7, Uuid::from_u128(10));
        for text in ["\"\"", "v7", "\"v7\"", &format!("{etag}"), &format!("\"{etag}.rx\""), "\"*\""]
        {
            assert_eq!(of(header::IF_MATCH, text), Some(Precondition::AnyOf(vec![])), "{text}");
        }
    }

    #[test]
    fn lists_and_wildcards_work() {
        let [one, two] = [1, 2].map(|version| ETag::new(version, Uuid::from_u128(10)));
        let list = format!("\"{one}\", \"odd,tag\", W/\"{two}.r1\"");
        assert_eq!(of(header::IF_MATCH, &list), Some(Precondition::AnyOf(vec![one, two])));
        assert_eq!(of(header::IF_MATCH, "*"), Some(Precondition::Exists));
        assert_eq!(of(header::IF_NONE_MATCH, "*"), Some(Precondition::Absent));
        assert!(of_command(&headers(&[(header::IF_NONE_MATCH, "\"x\"")])).is_err());
        let both = headers(&[(header::IF_MATCH, "*"), (header::IF_NONE_MATCH, "*")]);
        assert!(of_command(&both).is_err());
        assert_eq!(of_command(&HeaderMap::new()).ok(), Some(None));
    }

    #[test]
    fn current_copy_is_recognized() {
        let copy = headers(&[(header::IF_NONE_MATCH, "\"a\", W/\"b\"")]);
        assert!(is_unmodified(&copy, "\"b\""));
        assert!(!is_unmodified(&copy, "\"c\""));
        assert!(!is_unmodified(&HeaderMap::new(), "\"a\""));
    }
}
