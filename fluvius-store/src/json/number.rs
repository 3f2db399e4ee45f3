//! Which numbers come back: whether the decimal value of a JSON number is that of an `i64`, a `u64` or of the shortest
//! form of an `f64`.
//!
//! Nearly all numbers are decided by counting their digits, without reading their value.

/// Most digits of an integer that fits an `i64` whatever they are.
const INTEGER_DIGITS_SAFE: usize = 18;
/// Most significant digits that an `f64` gives back whatever they are (`f64::DIGITS`).
const DECIMAL_DIGITS_SAFE: usize = 15;
/// Most digits of an exponent that leaves a number of `DECIMAL_DIGITS_SAFE` digits well inside the range of an `f64`.
const EXPONENT_DIGITS_SAFE: usize = 2;
/// Longest text and most digits of an exponent that are looked at. PostgreSQL's `numeric`, and so its `jsonb`, holds at
/// most 16,383 digits after the point, leading and trailing zeros included: these two bounds stay below it.
const MAX_TEXT_LENGTH: usize = 6_000;
const MAX_EXPONENT_DIGITS: usize = 4;

/// Reads the number that begins at `start`: where it ends, and whether it comes back.
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
    // A lone zero before the point is not significant; those after it are counted, which only sends more to the
    // exact way.
    let zero = usize::from(bytes.get(integer_start) == Some(&b'0'));
    if integer - zero.min(integer) + fraction <= DECIMAL_DIGITS_SAFE
        && exponent <= EXPONENT_DIGITS_SAFE
    {
        return (end, true);
    }
    let written = bytes.get(start..end).and_then(|written| std::str::from_utf8(written).ok());
    (end, written.is_some_and(comes_back))
}

/// How many digits the fraction and the exponent have, and where the number ends.
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

/// The exact way: compares the number as written with what an integer or an `f64` would write.
#[cold]
fn comes_back(written: &str) -> bool {
    if written.len() > MAX_TEXT_LENGTH {
        return false;
    }
    if written.parse::<i64>().is_ok() || written.parse::<u64>().is_ok() {
        return true;
    }
    let Some(meant) = DecimalDigits::of(written) else {
        return false;
    };
    // serde_json's shortest form, since that is what would be written again: of two that are equally short and equally
    // near it takes the even one, where Rust's own formatting takes the upper.
    match written.parse::<f64>() {
        Ok(float) if float.is_finite() => serde_json::to_string(&float)
            .is_ok_and(|shortest| DecimalDigits::of(&shortest) == Some(meant)),
        _ => false,
    }
}

/// A decimal value without its sign: `0.digits * 10^exponent`, with neither leading nor trailing zeros.
///
/// The sign need not be compared here, since a float has that of its text. Of zero it is not part of the value: `-0.0`
/// comes back as zero.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct DecimalDigits {
    digits: String,
    exponent: i64,
}

impl DecimalDigits {
    /// The value of a JSON number; `None` where it is longer than can be kept.
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

    /// `0.digits * 10^point`, whatever zeros the digits begin and end with.
    pub(crate) fn new(digits: &str, point: i64) -> Self {
        let without_leading = digits.trim_start_matches('0');
        let kept = without_leading.trim_end_matches('0');
        if kept.is_empty() {
            return Self { digits: String::new(), exponent: 0 };
        }
        let leading = i64::try_from(digits.len() - without_leading.len()).unwrap_or(i64::MAX);
        Self { digits: kept.to_owned(), exponent: point.saturating_sub(leading) }
    }

    /// The significant digits; none of zero.
    pub(crate) fn digits(&self) -> &str {
        &self.digits
    }

    /// Where the point stands, counted from before the first digit.
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
    fn what_an_integer_or_a_float_gives_back_passes() {
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
    fn what_would_come_back_as_another_number_is_refused() {
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
    fn of_two_shortest_forms_that_which_is_written_again_passes() {
        let tie = 6_632_827_120_354_249.0 / 4.0;
        assert_eq!(serde_json::to_string::<f64>(&tie).unwrap(), "1658206780088562.2");
        check("1658206780088562.2", true);
        check("1658206780088562.3", false);
    }

    #[test]
    fn a_number_too_long_to_be_kept_is_refused() {
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
        fn counting_digits_and_comparing_agree(
            written in "-?(0|[1-9][0-9]{0,15})(\\.[0-9]{1,15})?([eE][+-]?[0-9]{1,2})?",
        ) {
            let (end, passes) = read(written.as_bytes(), 0);
            prop_assert_eq!(end, written.len());
            prop_assert_eq!(passes, comes_back(&written));
        }
    }
}
