//! The report: one JSON line per figure.

use std::fs::OpenOptions;
use std::io::Write;

use serde_json::Value;

/// Appends one line to the file `BENCH_OUT`, or writes it to stdout if the variable is not set.
/// Some peers print to stdout on every command. Therefore `measure.py` sets the variable and
/// discards stdout.
///
/// # Panics
/// If the file cannot be written: the figure would be lost.
#[expect(clippy::expect_used, reason = "a figure that cannot be written must not be passed over")]
pub fn emit(line: &Value) {
    match std::env::var("BENCH_OUT") {
        Ok(path) => {
            let file = OpenOptions::new().create(true).append(true).open(path);
            let mut file = file.expect("the file of BENCH_OUT can be opened");
            writeln!(file, "{line}").expect("the file of BENCH_OUT can be written");
            eprintln!("{line}");
        }
        Err(_) => println!("{line}"),
    }
}

/// Returns the median. For an even number of values it is the mean of the middle two. Without
/// values it is 0.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

/// Rounds to an integer from 100 on, and to three decimals below.
pub(crate) fn rounded(value: f64) -> f64 {
    if value >= 100.0 { value.round() } else { (value * 1000.0).round() / 1000.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_an_even_count_is_the_mean_of_the_middle() {
        assert_eq!((median(&[]), median(&[3.0, 1.0, 2.0])), (0.0, 2.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
    }
}
