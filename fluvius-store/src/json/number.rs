//! Validation of JSON numbers: an `i64`, a `u64` or the shortest form of an `f64` must preserve the
//! decimal value.
//!
//! Counting the digits decides nearly all numbers, without parsing them.

/// Maximum number of digits of an integer that always fits into an `i64`.
const INTEGER_DIGITS_SAFE: usize = 18;
/// Maximum number of significant digits that an `f64` always preserves (`f64::DIGITS`).
const DECIMAL_DIGITS_SAFE: usize = 15;
/// Maximum number of exponent digits that keep a number of `DECIMAL_DIGITS_SAFE` digits well inside
/// the range of an `f64`.
const EXPONENT_DIGITS_SAFE: usize = 2;
/// Maximum length of a number, and maximum number of its exponent digits. PostgreSQL's `numeric`,
/// and so its `jsonb`, holds at most 16,383 digits after the point, leading and trailing zeros
/// included. These two limits stay below it.
const MAX_TEXT_LENGTH: usize = 6_000;
const MAX_EXPONENT_DIGITS: usize = 4;

/// Reads the number that begins at `start`. Returns its end, and true if its value is preserved.
pub(super) fn read(bytes: &[u8], start: usize) -> (usize, bool) {
    let sign = usize::from(bytes.get(start) == Some(&b'-'));
    let integer_start = start + sign;
    let integer_end = digits_end(bytes, integer_start);
    let integer = integer_end - integer_start;
    let (fraction, exponent, end) = match bytes.get(integer_end) {
        Some(b'.' | b'e' | b'E') => fraction_and_exponent(bytes, integer_end),
        _ if integer <= INTEGER_DIGITS_SAFE => return (integer_end, true),
        _ => (0, 0, integer_end),
    };
    // A lone zero before the point is not significant. Zeros after it are counted, which only sends
    // more numbers to the exact check.
    let zero = usize::from(bytes.get(integer_start) == Some(&b'0'));
    if integer - zero.min(integer) + fraction <= DECIMAL_DIGITS_SAFE
        && exponent <= EXPONENT_DIGITS_SAFE
    {
        return (end, true);
    }
    let written = bytes.get(start..end).and_then(|written| std::str::from_utf8(written).ok());
    (end, written.is_some_and(round_trips))
}

/// Returns the numbers of digits of the fraction and the exponent, and the end of the number.
fn fraction_and_exponent(bytes: &[u8], start: usize) -> (usize, usize, usize) {
    let mut at = start;
    let mut fraction = 0;
    if bytes.get(at) == Some(&b'.') {
        let end = digits_end(bytes, at + 1);
        fraction = end - at - 1;
        at = end;
    }
    let mut exponent = 0;
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let end = digits_end(bytes, at);
        exponent = end - at;
        at = end;
    }
    (fraction, exponent, at)
}

fn digits_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while bytes.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

/// Checks exactly: compares the number as written with the text of its integer or `f64`.
#[cold]
fn round_trips(written: &str) -> bool {
    if written.len() > MAX_TEXT_LENGTH {
        return false;
    }
    if written.parse::<i64>().is_ok() || written.parse::<u64>().is_ok() {
        return true;
    }
    let Some(meant) = DecimalDigits::of(written) else {
        return false;
    };
    // Uses serde_json's shortest form, since serde_json would write the number again. Of two
    // equally short and equally near forms it picks the even one; Rust's own formatting picks the
    // upper one.
    match written.parse::<f64>() {
        Ok(float) if float.is_finite() => serde_json::to_string(&float)
            .is_ok_and(|shortest| DecimalDigits::of(&shortest) == Some(meant)),
        _ => false,
    }
}

/// A decimal value without its sign: `0.digits * 10^exponent`, with neither leading nor trailing
/// zeros.
///
/// The sign need not be compared here, since a float has the sign of its text. The sign of zero is
/// not part of the value: `-0.0` is read back as zero.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct DecimalDigits {
    digits: String,
    exponent: i64,
}

impl DecimalDigits {
    /// Returns the value of a JSON number, or `None` if it exceeds the limits.
    pub(crate) fn of(written: &str) -> Option<Self> {
        if written.len() > MAX_TEXT_LENGTH {
            return None;
        }
        let unsigned = written.strip_prefix('-').unwrap_or(written);
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        if exponent.trim_start_matches(['+', '-', '0']).len() > MAX_EXPONENT_DIGITS {
            return None;
        }
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent: i64 = exponent.parse().ok()?;
        let point = exponent.checked_add(i64::try_from(integer.len()).ok()?)?;
        Some(Self::new(&format!("{integer}{fraction}"), point))
    }

    /// Returns `0.digits * 10^point`; `digits` may begin and end with zeros.
    pub(crate) fn new(digits: &str, point: i64) -> Self {
        let without_leading = digits.trim_start_matches('0');
        let kept = without_leading.trim_end_matches('0');
        if kept.is_empty() {
            return Self { digits: String::new(), exponent: 0 };
        }
        let leading = i64::try_from(digits.len() - without_leading.len()).unwrap_or(i64::MAX);
        Self { digits: kept.to_owned(), exponent: point.saturating_sub(leading) }
    }

    /// Returns the significant digits; empty for zero.
    pub(crate) fn digits(&self) -> &str {
        &self.digits
    }

    /// Returns the position of the decimal point, counted from before the first digit.
    pub(crate) fn exponent(&self) -> i64 {
        self.exponent
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(written: &str, expected: bool) {
        let text = format!(" {written},");
        assert_eq!(read(text.as_bytes(), 1), (written.len() + 1, expected), "{written}");
    }

    #[test]
    fn exact_integers_and_floats_pass() {
        for written in [
            "0",
            "-0",
            "7",
            "-7",
            "999999999999999999",
            "9223372036854775807",
            "-9223372036854775808",
            "18446744073709551615",
            "100000000000000000000",
            "0.1",
            "10.50",
            "-0.0",
            "0.0",
            "1e3",
            "1E+3",
            "1.5e-7",
            "1e22",
            "1e23",
            "123456789012345",
            "0.123456789012345",
            "0.30000000000000004",
            "1.7976931348623157e308",
            "5e-324",
            "2.2250738585072014e-308",
            "1000000000000000000000000000000e-30",
            "12345678901234568000000e-6",
            "0.00000000000000000000000000010",
            "1e0003",
            "0e5",
            "9007199254740993",
            "1e99",
            "123456789012345e99",
        ] {
            check(written, true);
        }
    }

    #[test]
    fn number_that_would_change_fails() {
        for written in [
            "0.1234567890123456789",
            "18446744073709551616",
            "-9223372036854775809",
            "1e400",
            "-1e400",
            "1e-400",
            "0.10000000000000001",
            "9007199254740993.0",
            "9007199254740993e0",
            "1e99999999999999999999",
            "0e99999",
            "123456789012345678901234567890",
            "3.141592653589793238",
            "4e-324",
        ] {
            check(written, false);
        }
    }

    #[test]
    fn only_the_shortest_form_of_serde_json_passes() {
        let tie = 6_632_827_120_354_249.0 / 4.0;
        assert_eq!(serde_json::to_string::<f64>(&tie).unwrap(), "1658206780088562.2");
        check("1658206780088562.2", true);
        check("1658206780088562.3", false);
    }

    #[test]
    fn too_long_number_fails() {
        check(&format!("1.{}", "0".repeat(5_000)), true);
        check(&format!("1.{}", "0".repeat(6_000)), false);
    }

    proptest! {
        #[test]
        fn every_integer_passes(value: i64, unsigned: u64) {
            check(&value.to_string(), true);
            check(&unsigned.to_string(), true);
        }

        #[test]
        fn every_float_passes_as_serde_json_writes_it(value in any::<f64>()) {
            prop_assume!(value.is_finite());
            check(&serde_json::to_string(&value).unwrap(), true);
        }

        #[test]
        fn digit_count_and_exact_check_agree(
            written in "-?(0|[1-9][0-9]{0,15})(\\.[0-9]{1,15})?([eE][+-]?[0-9]{1,2})?",
        ) {
            let (end, passes) = read(written.as_bytes(), 0);
            prop_assert_eq!(end, written.len());
            prop_assert_eq!(passes, round_trips(&written));
        }
    }
}
