//! The text form of a day: `2027-06-30`.

/// Returns true for a day of the Gregorian calendar with a year of four digits.
pub(crate) fn is_valid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2))
    else {
        return false;
    };
    (1..=days_of_month(year, month)).contains(&day)
}

/// Reads a number of this many digits.
fn number(text: &str, digits: usize) -> Option<u32> {
    let is_number = text.len() == digits && text.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Returns the number of days; zero for an unknown month.
fn days_of_month(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn date_is_a_day_of_the_calendar() {
        for text in ["2027-06-30", "2028-02-29", "2000-02-29", "2027-12-31", "0001-01-01"] {
            assert!(is_valid(text), "{text}");
        }
        for text in [
            "",
            "2027-06",
            "2027-06-31",
            "2027-02-29",
            "2100-02-29",
            "2027-13-01",
            "2027-00-10",
            "2027-01-00",
            "27-06-30",
            "2027-6-30",
            "2027-06-30T00:00:00Z",
            "+027-06-30",
            "30.06.2027",
            "2027-06-30-",
            "soon",
        ] {
            assert!(!is_valid(text), "{text}");
        }
    }
}
