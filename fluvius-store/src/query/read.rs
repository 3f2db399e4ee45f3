//! Reading of JSON as a value of a kind.
//!
//! The grammars are narrow: a store that reads in its own language must get the same value, or
//! none, for every text.

use ::uuid::Uuid;
use chrono::{DateTime, Utc};

use super::value::to_microseconds;
use super::{Kind, Operand};
use crate::json::{lookup, unescape};

/// Reads a JSON value, as written, as a value of a kind; `None` is null. The [module
/// documentation](super) has the table.
///
/// A store that can call a function of the program uses this, or [`read_at`].
///
/// # Examples
/// ```
/// use fluvius_store::query::{Kind, Operand, read};
///
/// assert_eq!(read(r#""10.00""#, Kind::Number), Some(Operand::from(10)));
/// assert_eq!(read("10", Kind::Text), None);
/// assert_eq!(read("null", Kind::Text), None);
/// ```
pub fn read(json: &str, kind: Kind) -> Option<Operand> {
    let json = json.trim_ascii();
    match kind {
        Kind::Boolean => match json {
            "true" => Some(Operand::Boolean(true)),
            "false" => Some(Operand::Boolean(false)),
            _ => None,
        },
        Kind::Number => match string(json) {
            Some(text) => text.parse().ok().map(Operand::Number),
            None => json.parse().ok().map(Operand::Number),
        },
        Kind::Text => string(json).map(|text| Operand::Text(text.into_owned())),
        Kind::Uuid => string(json).and_then(|text| uuid(&text)).map(Operand::Uuid),
        Kind::Time => string(json).and_then(|text| time(&text)).map(Operand::Time),
    }
}

/// Reads the value at a path in a state's JSON text as a value of a kind; `None` is null.
///
/// If members share a name, the last one is used.
///
/// # Examples
/// ```
/// use fluvius_store::query::{Kind, Operand, read_at};
///
/// let state = r#"{"address": {"city": "Oslo"}}"#;
/// let path = ["address", "city"].map(str::to_owned);
/// assert_eq!(read_at(state, &path, Kind::Text), Some(Operand::from("Oslo")));
/// assert_eq!(read_at(state, &path, Kind::Number), None);
/// ```
pub fn read_at(state: &str, path: &[String], kind: Kind) -> Option<Operand> {
    read(lookup(state, path)?, kind)
}

fn string(json: &str) -> Option<std::borrow::Cow<'_, str>> {
    json.starts_with('"').then(|| unescape(json))
}

fn uuid(text: &str) -> Option<Uuid> {
    // Other spellings (without hyphens, in braces, as a URN) have another length.
    (text.len() == 36).then(|| Uuid::try_parse(text).ok())?
}

/// Parses RFC 3339, section 5.6, without a leap second and with a capital `T` and `Z`.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let shape = text.bytes().take(19).map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    if !shape.eq(b"0000-00-00T00:00:00".iter().copied()) || text.get(17..19)? == "60" {
        return None;
    }
    if text.starts_with("0000") || !is_fraction_and_offset(text.get(19..)?) {
        return None;
    }
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(to_microseconds(time.to_utc()))
}

/// Returns true for an optional fraction such as `.123456`, followed by `Z` or an offset such as
/// `+01:00`.
fn is_fraction_and_offset(text: &str) -> bool {
    let offset = match text.strip_prefix('.') {
        Some(fraction) => {
            let offset = fraction.trim_start_matches(|letter: char| letter.is_ascii_digit());
            if !(1..=9).contains(&(fraction.len() - offset.len())) {
                return false;
            }
            offset
        }
        None => text,
    };
    let is_digits = |range| {
        offset.get(range).is_some_and(|text: &str| text.bytes().all(|b| b.is_ascii_digit()))
    };
    offset == "Z"
        || offset.len() == 6
            && offset.starts_with(['+', '-'])
            && is_digits(1..3)
            && offset.get(3..4) == Some(":")
            && is_digits(4..6)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(kind: Kind, values: &[(&str, Option<Operand>)]) {
        for (json, value) in values {
            assert_eq!(read(json, kind), *value, "{json} as {kind}");
        }
    }

    fn micros(micros: i64) -> Option<Operand> {
        Some(Operand::Time(DateTime::from_timestamp_micros(micros).unwrap()))
    }

    #[test]
    fn value_of_another_kind_is_null() {
        let nothing = [Kind::Boolean, Kind::Number, Kind::Text, Kind::Uuid, Kind::Time];
        for kind in nothing {
            check(kind, &[("null", None), ("[]", None), ("{}", None), ("[1]", None)]);
        }
        check(Kind::Boolean, &[("0", None), ("\"true\"", None), ("true", Some(true.into()))]);
        check(Kind::Text, &[("1", None), ("true", None), ("\"\"", Some("".into()))]);
        check(
            Kind::Number,
            &[("true", None), ("\"\"", None), ("\" 1\"", None), ("\"1e99999\"", None)],
        );
    }

    #[test]
    fn numbers_are_read_from_numbers_and_from_strings() {
        let ten = Some(Operand::from(10));
        check(
            Kind::Number,
            &[
                ("10", ten.clone()),
                (" 10.0\n", ten.clone()),
                ("\"10.00\"", ten.clone()),
                ("\"1e1\"", ten.clone()),
                (r#""\u0031\u0030""#, ten),
                ("-0.0", Some(0.into())),
                ("\"-0.00\"", Some(0.into())),
                ("\"010\"", None),
            ],
        );
    }

    #[test]
    fn identifiers_are_read_hyphenated() {
        let id = Uuid::from_u128(0xABCDEF);
        check(
            Kind::Uuid,
            &[
                (&format!("\"{id}\""), Some(id.into())),
                (&format!("\"{id:X}\""), Some(id.into())),
                (&format!("\"{}\"", id.simple()), None),
                (&format!("\"{}\"", id.urn()), None),
                (&format!("\"{}\"", id.braced()), None),
                ("\"00000000-0000-0000-0000-00000000000g\"", None),
            ],
        );
    }

    #[test]
    fn times_are_read_as_instants() {
        check(
            Kind::Time,
            &[
                ("\"1970-01-01T00:00:01Z\"", micros(1_000_000)),
                ("\"1970-01-01T01:00:01+01:00\"", micros(1_000_000)),
                ("\"1969-12-31T23:00:01.000000-01:00\"", micros(1_000_000)),
                ("\"1970-01-01T00:00:01.5Z\"", micros(1_500_000)),
                ("\"1970-01-01T00:00:01.000001999Z\"", micros(1_000_001)),
                ("\"1969-12-31T23:59:59.9999999Z\"", micros(-1)),
                ("\"0001-01-01T00:00:00Z\"", micros(-62_135_596_800_000_000)),
                ("\"9999-12-31T23:59:59.999999Z\"", micros(253_402_300_799_999_999)),
            ],
        );
        for text in [
            "1970-01-01T00:00:01",
            "1970-01-01 00:00:01Z",
            "1970-01-01t00:00:01Z",
            "1970-01-01T00:00:01z",
            "1970-01-01T00:00:60Z",
            "1970-02-29T00:00:00Z",
            "1970-13-01T00:00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00.1234567890Z",
            "1970-01-01T00:00Z",
            "0000-01-01T00:00:00Z",
            "+10000-01-01T00:00:00Z",
            "-0001-01-01T00:00:00Z",
            "1970-01-01",
            "1970-01-01T00:00:00+0100",
            "1970-01-01T00:00:00+01:60",
            "1970-01-01T00:00:00+24:00",
            "1970-01-01T00:00:00Z ",
            "",
            "1970-01-01T00:00:00−01:00",
            "١٩٧٠-01-01T00:00:00Z",
        ] {
            check(Kind::Time, &[(&format!("\"{text}\""), None)]);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_does_not_panic(text in "\"?[0-9TZ+:.\\\\ué-]{0,30}\"?") {
            for kind in [Kind::Boolean, Kind::Number, Kind::Text, Kind::Uuid, Kind::Time] {
                read(&text, kind);
            }
        }

        #[test]
        fn times_written_by_chrono_are_read(
            micros in -62_135_596_800_000_000_i64..253_402_300_799_999_999,
        ) {
            let time = DateTime::from_timestamp_micros(micros).unwrap();
            let json = serde_json::to_string(&time).unwrap();
            prop_assert_eq!(read(&json, Kind::Time), Some(Operand::Time(time)));
        }
    }
}
