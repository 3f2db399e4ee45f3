//! The text form of a timeout: `500ms`, `30s`, `2m`.

/// Returns `None` if the text is not of this form, or is zero.
pub(crate) fn milliseconds(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 3] = [("ms", 1), ("s", 1_000), ("m", 60_000)];
    let digits = text.len() - text.trim_start_matches(|part: char| part.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    let number: u64 = number.parse().ok()?;
    number.checked_mul(factor).filter(|time| *time > 0)
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn timeout_is_a_number_with_a_unit() {
        let table = [
            ("500ms", Some(500)),
            ("30s", Some(30_000)),
            ("2m", Some(120_000)),
            ("0s", None),
            ("30", None),
            ("s", None),
            ("", None),
            ("1.5s", None),
            ("-1s", None),
            ("1h", None),
            ("30 s", None),
            ("18446744073709551615m", None),
        ];
        for (text, expected) in table {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
