//! Numbers in queries: exact decimal values of any length.
//!
//! They are only compared. Arithmetic is left to the author's own type.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::json::DecimalDigits;

/// Maximum length of a parsed text, in bytes.
const MAX_TEXT_LENGTH: usize = 6_000;
/// A bound above the exponent of any parsed text.
const MAX_EXPONENT: u64 = 20_000;
/// Maximum number of zeros that the text of a [`Number`] has before or after its digits.
const MAX_ZEROS: i64 = 40;

/// A decimal value, compared exactly and whatever its spelling.
///
/// # Shape
/// Read from a JSON number of at most 6,000 bytes whose exponent has at most four digits. Each
/// value has one text, which is a JSON number: `10.50` and `105e-1` both give `10.5`. PostgreSQL
/// can cast this text to `numeric`.
///
/// # Examples
/// ```
/// use fluvius_store::query::Number;
///
/// let number: Number = "10.50".parse()?;
/// assert_eq!(number, "105e-1".parse()?);
/// assert_eq!(number.to_string(), "10.5");
/// assert!(number > Number::from(-11) && number < "10.500000000000000000000000001".parse()?);
/// # Ok::<(), fluvius_store::query::ParseNumberError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Number {
    is_negative: bool,
    /// The digits; empty for zero, which is not negative.
    value: DecimalDigits,
}

impl Number {
    /// Converts a float by its shortest decimal form. Returns `None` if it is not finite.
    pub fn from_f64(float: f64) -> Option<Self> {
        let written = float.is_finite().then(|| serde_json::to_string(&float).ok())??;
        written.parse().ok()
    }

    /// Returns bytes whose lexicographic order is that of the numbers.
    ///
    /// For a store that compares only bytes, and can call a function of the program.
    ///
    /// # Examples
    /// ```
    /// use fluvius_store::query::Number;
    ///
    /// let bytes = |text: &str| text.parse::<Number>().map(|number| number.sort_bytes());
    /// assert!(bytes("-10")? < bytes("-9.99")? && bytes("9.99")? < bytes("10")?);
    /// assert_eq!(bytes("10")?, bytes("10.00")?);
    /// # Ok::<(), fluvius_store::query::ParseNumberError>(())
    /// ```
    pub fn sort_bytes(&self) -> Vec<u8> {
        let digits = self.value.digits().as_bytes();
        if digits.is_empty() {
            return vec![1];
        }
        // The text is limited, so the exponent is well within an i32.
        let exponent = i32::try_from(self.value.exponent()).unwrap_or(i32::MAX);
        let mut bytes = vec![2];
        // With the sign bit flipped, the bytes of a signed integer sort like its value.
        bytes.extend((exponent ^ i32::MIN).to_be_bytes());
        bytes.extend(digits);
        if self.is_negative {
            bytes[0] = 0;
            bytes[1..].iter_mut().for_each(|byte| *byte = !*byte);
            // Of two negative numbers with a common prefix, the longer one is smaller.
            bytes.push(u8::MAX);
        }
        bytes
    }
}

/// An error returned when parsing a [`Number`] fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a number: expected a JSON number such as `-10.50`, of at most 6000 bytes")]
pub struct ParseNumberError;

impl FromStr for Number {
    type Err = ParseNumberError;

    fn from_str(text: &str) -> Result<Self, ParseNumberError> {
        if !is_json_number(text) {
            return Err(ParseNumberError);
        }
        let value = DecimalDigits::of(text).ok_or(ParseNumberError)?;
        Ok(Self { is_negative: text.starts_with('-') && !value.digits().is_empty(), value })
    }
}

/// Checks the grammar of RFC 8259, section 6.
fn is_json_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (integer, fraction) = match mantissa.split_once('.') {
        Some((integer, fraction)) => (integer, Some(fraction)),
        None => (mantissa, None),
    };
    is_digits(integer)
        && (integer == "0" || !integer.starts_with('0'))
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(|text| is_digits(text.strip_prefix(['+', '-']).unwrap_or(text)))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, exponent) = (self.value.digits(), self.value.exponent());
        let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        if self.is_negative {
            f.write_str("-")?;
        }
        let zeros =
            |f: &mut fmt::Formatter<'_>, count: i64| (0..count).try_for_each(|_| f.write_str("0"));
        if digits.is_empty() {
            return f.write_str("0");
        }
        if (-MAX_ZEROS..=0).contains(&exponent) {
            f.write_str("0.")?;
            zeros(f, -exponent)?;
            return f.write_str(digits);
        }
        if exponent >= count && exponent <= count + MAX_ZEROS {
            f.write_str(digits)?;
            return zeros(f, exponent - count);
        }
        match usize::try_from(exponent).ok().and_then(|point| digits.split_at_checked(point)) {
            Some((integer, fraction)) if !integer.is_empty() => write!(f, "{integer}.{fraction}"),
            _ => write!(f, "{digits}e{}", exponent - count),
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.sign(), other.sign()) {
            (1, 1) => self.magnitude().cmp(&other.magnitude()),
            (-1, -1) => other.magnitude().cmp(&self.magnitude()),
            (one, other) => one.cmp(&other),
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Number {
    fn sign(&self) -> i8 {
        match (self.value.digits().is_empty(), self.is_negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    /// Returns the exponent and the digits. Without leading and trailing zeros, digits with one
    /// exponent compare like texts.
    fn magnitude(&self) -> (i64, &str) {
        (self.value.exponent(), self.value.digits())
    }
}

macro_rules! from_integers {
    ($($integer:ty)*) => {
        $(
            impl From<$integer> for Number {
                fn from(integer: $integer) -> Self {
                    Self::of_parts(&integer.to_string(), 0)
                }
            }
        )*
    };
}

from_integers!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

#[cfg(feature = "decimal")]
impl From<rust_decimal::Decimal> for Number {
    fn from(decimal: rust_decimal::Decimal) -> Self {
        Self::of_parts(&decimal.mantissa().to_string(), decimal.scale())
    }
}

impl Number {
    /// Returns true if the number is negative, with its digits and exponent:
    /// `0.digits * 10^exponent`.
    pub(super) fn parts(&self) -> (bool, &str, i64) {
        (self.is_negative, self.value.digits(), self.value.exponent())
    }

    /// Returns the number with these [`parts`](Self::parts), or `None` if no number has them.
    pub(super) fn from_parts(is_negative: bool, digits: &str, exponent: i64) -> Option<Self> {
        let is_given = digits.len() <= MAX_TEXT_LENGTH
            && (digits.is_empty() || is_digits(digits))
            && exponent.unsigned_abs() <= MAX_EXPONENT;
        let number =
            is_given.then(|| Self { is_negative, value: DecimalDigits::new(digits, exponent) })?;
        (number.parts() == (is_negative && !digits.is_empty(), digits, exponent)).then_some(number)
    }

    /// Returns the number of an integer's text whose last `scale` digits are behind the point.
    fn of_parts(integer: &str, scale: u32) -> Self {
        let digits = integer.strip_prefix('-').unwrap_or(integer);
        let point = i64::try_from(digits.len()).unwrap_or(i64::MAX) - i64::from(scale);
        let value = DecimalDigits::new(digits, point);
        Self { is_negative: digits.len() < integer.len() && !value.digits().is_empty(), value }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn spellings_of_one_value_are_equal_and_have_one_text() {
        for (one, others) in [
            ("0", &["-0", "0.0", "-0.00", "0e7", "0.000e-3"][..]),
            ("10", &["10.0", "10.00", "1e1", "100e-1", "1E+1", "1.0e1"]),
            ("-10.5", &["-10.50", "-105e-1", "-0.105e2"]),
            ("0.001", &["1e-3", "0.0010", "10e-4"]),
            ("79228162514264337593543950335", &["79228162514264337593543950335.0"]),
            ("1e99", &["10e98", "0.1e100"]),
            ("-123e-60", &["-0.123e-57"]),
        ] {
            assert_eq!(number(one).to_string(), one);
            for other in others {
                assert_eq!(number(other), number(one), "{other}");
                assert_eq!(number(other).to_string(), one, "{other}");
                assert_eq!(number(other).sort_bytes(), number(one).sort_bytes(), "{other}");
            }
        }
    }

    #[test]
    fn invalid_number_text_fails() {
        for text in [
            "", "-", "+1", "01", "-01", ".5", "5.", "1e", "1e+", " 1", "1 ", "1_000", "0x10",
            "NaN", "Infinity", "1e99999", "١", "1,5", "--1", "1e1.5", "1.2.3", "null",
        ] {
            assert_eq!(text.parse::<Number>(), Err(ParseNumberError), "{text:?}");
        }
        assert!(format!("0.{}", "1".repeat(5_998)).parse::<Number>().is_ok());
        assert!(format!("0.{}", "1".repeat(5_999)).parse::<Number>().is_err());
        assert!("1e9999".parse::<Number>().is_ok() && "1e-09999".parse::<Number>().is_ok());
    }

    #[test]
    fn numbers_compare_by_value() {
        let sorted = [
            "-1e9999",
            "-1e99",
            "-100",
            "-99.999",
            "-10.000000000000000000000000000001",
            "-10",
            "-9.99",
            "-1",
            "-0.123",
            "-0.12",
            "-1e-9999",
            "0",
            "1e-9999",
            "0.12",
            "0.123",
            "1",
            "9.99",
            "10",
            "10.000000000000000000000000000001",
            "99.999",
            "100",
            "18446744073709551615",
            "18446744073709551616",
            "1e99",
            "1e9999",
        ];
        for (index, one) in sorted.iter().enumerate() {
            for (other_index, other) in sorted.iter().enumerate() {
                let (one, other) = (number(one), number(other));
                assert_eq!(one.cmp(&other), index.cmp(&other_index), "{one} {other}");
                let bytes = one.sort_bytes().cmp(&other.sort_bytes());
                assert_eq!(bytes, index.cmp(&other_index), "sort bytes of {one} and {other}");
            }
        }
    }

    #[test]
    fn floats_convert_by_their_shortest_form() {
        assert_eq!(Number::from_f64(0.1), Some(number("0.1")));
        assert_eq!(Number::from_f64(-0.0), Some(number("0")));
        assert_eq!(Number::from_f64(5e-324), Some(number("5e-324")));
        assert_eq!(Number::from_f64(f64::MAX), Some(number("1.7976931348623157e308")));
        assert_eq!(Number::from_f64(f64::NAN), None);
        assert_eq!(Number::from_f64(f64::NEG_INFINITY), None);
    }

    proptest! {
        #[test]
        fn integers_keep_their_order(one: i64, other: i64, wide: i128) {
            prop_assert_eq!(Number::from(one).cmp(&Number::from(other)), one.cmp(&other));
            prop_assert_eq!(Number::from(wide), wide.to_string().parse().unwrap());
        }

        #[test]
        fn number_text_round_trips(
            text in "-?(0|[1-9][0-9]{0,45})(\\.[0-9]{1,45})?([eE][+-]?[0-9]{1,2})?",
        ) {
            let read = number(&text);
            prop_assert_eq!(number(&read.to_string()), read);
        }

        #[test]
        fn sort_bytes_compare_like_the_numbers(
            one in "-?(0|[1-9][0-9]{0,5})(\\.[0-9]{1,5})?(e-?[0-9])?",
            other in "-?(0|[1-9][0-9]{0,5})(\\.[0-9]{1,5})?(e-?[0-9])?",
        ) {
            let (one, other) = (number(&one), number(&other));
            prop_assert_eq!(one.sort_bytes().cmp(&other.sort_bytes()), one.cmp(&other));
        }

        #[cfg(feature = "decimal")]
        #[test]
        fn decimals_keep_their_order(
            one: (i64, u32), other: (i64, u32),
        ) {
            let one = rust_decimal::Decimal::new(one.0, one.1 % 28);
            let other = rust_decimal::Decimal::new(other.0, other.1 % 28);
            prop_assert_eq!(Number::from(one).cmp(&Number::from(other)), one.cmp(&other));
            prop_assert_eq!(Number::from(one), one.to_string().parse().unwrap());
        }
    }
}
