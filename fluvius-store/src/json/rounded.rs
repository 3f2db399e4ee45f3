//! Detection of payload numbers that a command holds only rounded.
//!
//! `rust_decimal::Decimal` reads `0.12345678901234567890123456789` and keeps 28 of its digits, and
//! it reads `1e-30` as zero. The types of a command are unknown here, so the payload is compared
//! with the re-encoded command. A number with more digits than such a type holds must occur there
//! unchanged. If only its rounded value occurs there, it was rounded.
//!
//! One scan is enough for nearly all payloads, since they contain no such number.

use std::collections::HashMap;

use super::error::JsonError;
use super::number::DecimalDigits;
use super::path::JsonPath;
use super::tokenizer::{Token, Tokens, unescape};

/// Number of significant digits, and of digits after the point, that a 96-bit decimal always holds.
const DIGITS_SAFE: i64 = 28;

/// The largest 96-bit integer.
const MAX_MANTISSA: u128 = (1 << 96) - 1;

const MESSAGE: &str = "the number has more digits than its type holds, and would be rounded: send \
    at most 28 digits, and at most 28 after the point";

/// Checks that `args`, the command decoded from a payload, holds none of its numbers rounded.
///
/// # Errors
/// Returns an error with the path in the payload if a number is held rounded.
pub fn check_rounded(payload: &str, args: &str) -> Result<(), JsonError> {
    if !may_be_long(payload.as_bytes()) {
        return Ok(());
    }
    let long: Vec<Written> =
        scalars(payload).filter_map(Written::of).filter(|written| !written.fits()).collect();
    if long.is_empty() {
        return Ok(());
    }
    let mut kept: HashMap<Number, usize> = HashMap::new();
    for written in scalars(args).filter_map(Written::of) {
        *kept.entry(written.number).or_default() += 1;
    }
    let rounded = long.iter().find(|written| {
        if let Some(count) = kept.get_mut(&written.number).filter(|count| **count > 0) {
            *count -= 1;
            return false;
        }
        written.roundings().any(|rounded| kept.contains_key(&rounded))
    });
    match rounded {
        None => Ok(()),
        Some(written) => Err(JsonError::plain(path_of(&written.number, payload, args), MESSAGE)),
    }
}

/// Returns the path of a number in the payload that is not at the same path in the command, or else
/// its first path.
fn path_of(number: &Number, payload: &str, args: &str) -> JsonPath {
    /// Each path is computed from the start of the text, so only this many occurrences of the
    /// number are examined.
    const LOOKED_AT: usize = 16;
    let paths = |text: &str| -> Vec<JsonPath> {
        let scalars = scalars(text)
            .filter(|scalar| Written::of(scalar).is_some_and(|written| written.number == *number));
        let paths = scalars.take(LOOKED_AT).map(|scalar| {
            let before = scalar.as_ptr().addr() - text.as_ptr().addr();
            JsonPath::of_prefix(text.get(..before).unwrap_or_default())
        });
        paths.collect()
    };
    let (kept, sent) = (paths(args), paths(payload));
    let other = sent.iter().find(|path| !kept.contains(path));
    other.or(sent.first()).cloned().unwrap_or_else(JsonPath::root)
}

/// Returns true if a text may contain a number with more digits than are safe: one with that many
/// digits, or with an exponent.
fn may_be_long(text: &[u8]) -> bool {
    let mut digits = 0;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                digits += 1;
                if digits > DIGITS_SAFE {
                    return true;
                }
            }
            b'.' | b'_' => {}
            b'e' | b'E' if digits > 0 => match text.get(at + 1) {
                Some(b'0'..=b'9' | b'+' | b'-') => return true,
                _ => digits = 0,
            },
            _ => digits = 0,
        }
    }
    false
}

fn scalars(text: &str) -> impl Iterator<Item = &str> {
    Tokens::of(text).filter_map(|token| match token {
        Token::Scalar(scalar) => Some(scalar),
        _ => None,
    })
}

/// A JSON number, or a string that contains one, as written.
struct Written {
    number: Number,
    /// The exponent after `e`. A decimal type parses the digits before it first, and may round
    /// them.
    exponent: i64,
}

impl Written {
    fn of(scalar: &str) -> Option<Self> {
        // Skips most strings: few begin with a digit.
        let first = scalar.trim_start_matches(['"', '-', '+', '.']).bytes().next()?;
        if !first.is_ascii_digit() && first != b'\\' {
            return None;
        }
        let text = unescape(scalar);
        let (is_negative, unsigned) = match text.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, text.strip_prefix('+').unwrap_or(&text)),
        };
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_decimal =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
        if !is_decimal(integer) || !is_decimal(fraction) {
            return None;
        }
        let (integer, fraction) = (integer.replace('_', ""), fraction.replace('_', ""));
        let exponent: i64 = exponent.parse().ok()?;
        let point = exponent.checked_add(i64::try_from(integer.len()).ok()?)?;
        let value = DecimalDigits::new(&(integer + &fraction), point);
        let is_negative = is_negative && !value.digits().is_empty();
        Some(Self { number: Number { is_negative, value }, exponent })
    }

    /// Returns the number before the `e`.
    fn mantissa(&self) -> Number {
        self.number.shifted(self.exponent.saturating_neg())
    }

    /// Returns true if a 96-bit decimal holds both the number and its mantissa.
    fn fits(&self) -> bool {
        self.number.fits() && (self.exponent == 0 || self.mantissa().fits())
    }

    /// Returns the values to which a 96-bit decimal may round a number that does not fit.
    fn roundings(&self) -> impl Iterator<Item = Number> {
        let mantissas = (self.exponent != 0).then(|| self.mantissa());
        let of_mantissas: Vec<Number> = mantissas
            .iter()
            .flat_map(Number::roundings)
            .map(|of| of.shifted(self.exponent))
            .collect();
        self.number.roundings().chain(of_mantissas)
    }
}

/// A decimal number of any length.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Number {
    is_negative: bool,
    value: DecimalDigits,
}

impl Number {
    /// Returns the number multiplied by a power of ten.
    fn shifted(&self, exponent: i64) -> Self {
        let point = self.value.exponent().saturating_add(exponent);
        let value = DecimalDigits::new(self.value.digits(), point);
        Self { is_negative: self.is_negative, value }
    }

    fn digits(&self) -> i64 {
        i64::try_from(self.value.digits().len()).unwrap_or(i64::MAX)
    }

    /// Returns true if a 96-bit decimal with up to 28 digits after the point holds the number.
    fn fits(&self) -> bool {
        let (digits, point) = (self.digits(), self.value.exponent());
        if digits.saturating_sub(point) > DIGITS_SAFE || point > DIGITS_SAFE + 1 {
            return false;
        }
        digits.max(point) <= DIGITS_SAFE || self.first(digits.max(point)) <= MAX_MANTISSA
    }

    /// Returns the first `count` digits as an integer, padded with zeros; up to 38 digits.
    fn first(&self, count: i64) -> u128 {
        let digits = self.value.digits().bytes().map(|digit| u128::from(digit - b'0'));
        let padded = digits.chain(std::iter::repeat(0));
        let count = usize::try_from(count.clamp(0, 38)).unwrap_or(0);
        padded.take(count).fold(0, |value, digit| value * 10 + digit)
    }

    /// Returns the values to which a 96-bit decimal may round a number that does not fit. It is cut
    /// after the 28th or 29th digit, or after the 28th digit behind the point, and rounded down or
    /// up.
    fn roundings(&self) -> impl Iterator<Item = Self> {
        let point = self.value.exponent();
        let places =
            [DIGITS_SAFE, DIGITS_SAFE + 1].map(|kept| kept.min(point.saturating_add(DIGITS_SAFE)));
        places.into_iter().flat_map(move |kept| {
            // The rounded digit is the last one, whatever the sign of `kept`.
            let cut = self.first(kept);
            [cut, cut + 1].map(|cut| self.of_digits(cut, kept))
        })
    }

    /// Returns `0.digits * 10^exponent`, with `length` digits, or one more.
    fn of_digits(&self, digits: u128, length: i64) -> Self {
        let digits = digits.to_string();
        let longer = i64::try_from(digits.len()).unwrap_or(0) - length;
        let point = self.value.exponent().saturating_add(longer);
        let value = DecimalDigits::new(&digits, point);
        Self { is_negative: self.is_negative && !value.digits().is_empty(), value }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;

    #[track_caller]
    fn check(payload: &str, args: &str, path: Option<&str>) {
        let found = check_rounded(payload, args);
        let found = found.as_ref().err().map(|error| error.path().as_str());
        assert_eq!(found, path, "{payload}");
    }

    const LONG: &str = "0.12345678901234567890123456789012";
    const SHORT: &str = "0.1234567890123456789012345679";

    #[test]
    fn rounded_number_is_found_with_its_path() {
        let payload = format!(r#"{{"a":[1,{{"b":"{LONG}"}}]}}"#);
        check(&payload, &format!(r#"{{"a":[1,{{"b":"{SHORT}"}}]}}"#), Some("a[1].b"));
        // Also found under another name in the command.
        check(&payload, &format!(r#"{{"of":"{SHORT}"}}"#), Some("a[1].b"));
        check(r#"{"a":1e-30}"#, r#"{"a":"0"}"#, Some("a"));
        check(r#"{"a":1e-30}"#, r#"{"a":"0.0000000000000000000000000000"}"#, Some("a"));
        check(r#"{"a":-1.5e-28}"#, r#"{"a":"-0.0000000000000000000000000002"}"#, Some("a"));
        check(r#"{"a":"9_0e-29"}"#, r#"{"a":"0.0000000000000000000000000009"}"#, None);
        // The digits before the exponent are rounded first.
        let small = format!(r#"{{"a":"0.{}1e1"}}"#, "0".repeat(28));
        check(&small, r#"{"a":"0.000000000000000000000000000"}"#, Some("a"));
        check(&small, r#"{"a":"0.0000000000000000000000000001"}"#, None);
        let nines = "9".repeat(28);
        check(
            &format!(r#"{{"a":"{nines}.99"}}"#),
            &format!(r#"{{"a":"1{}"}}"#, "0".repeat(28)),
            Some("a"),
        );
    }

    #[test]
    fn preserved_number_passes() {
        let both = |text: &str| check(text, text, None);
        both(&format!(r#"{{"a":"{LONG}"}}"#));
        both(r#"{"a":1e-30}"#);
        both(r#"{"a":1e300}"#);
        check(r#"{"a":1e-30}"#, r#"{"a":1.0e-30,"b":0}"#, None);
        // One is kept, the other is not.
        let twice = format!(r#"{{"a":"{LONG}","b":"{LONG}"}}"#);
        check(&twice, &format!(r#"{{"a":"{LONG}","b":"{SHORT}"}}"#), Some("b"));
    }

    #[test]
    fn number_without_a_rounded_counterpart_passes() {
        check(&format!(r#"{{"a":"{LONG}"}}"#), r#"{"a":[1,2,3]}"#, None);
        check(&format!(r#"{{"a":"{LONG}"}}"#), r#"{"a":"0.12"}"#, None);
        check(r#"{"id":"123e4567-e89b-12d3-a456-426614174000","b":0}"#, r#"{"b":0}"#, None);
        check(r#"{"a":"10.005"}"#, r#"{"a":"10.01"}"#, None);
        check(r#"{"a":1e5}"#, r#"{"a":100000}"#, None);
    }

    proptest! {
        /// Compares with `rust_decimal` itself: the check fails exactly if the value differs.
        #[test]
        fn check_agrees_with_rust_decimal(
            text in "-?(0|[1-9][0-9]{0,28})(\\.[0-9]{1,45})?",
            exponent in proptest::option::of(-60_i32..5),
        ) {
            let text = match exponent {
                Some(exponent) => format!("{text}e{exponent}"),
                None => text,
            };
            let read = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(&text));
            if let Ok(decimal) = read {
                let number = |text: &str| Written::of(text).map(|written| written.number);
                let is_same = number(&text) == number(&decimal.to_string());
                let checked = check_rounded(&format!("[\"{text}\"]"), &format!("[\"{decimal}\"]"));
                prop_assert_eq!(checked.is_ok(), is_same, "{} {}", text, decimal);
            }
        }

        #[test]
        fn arbitrary_text_does_not_panic(
            text in "[0-9eE+.\\-_\"]{0,60}", other in "[0-9eE+.\\-]{0,60}",
        ) {
            let _ = check_rounded(&format!("[{text}]"), &format!("[{other}]"));
        }
    }
}
