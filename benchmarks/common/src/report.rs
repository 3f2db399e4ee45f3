//! The report: one JSON line a figure.

use std::fs::OpenOptions;
use std::io::Write;

use serde_json::Value;

/// Writes one line to the file `BENCH_OUT`, at its end, or to stdout without it. Some peers print
/// to stdout on every command, so `run.sh` sets the file and sends stdout away.
///
/// # Panics
/// When the file cannot be written: a figure that is lost is no figure.
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

/// The median; of an even number of values the mean of the two in the middle; 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

/// Whole from 100 on, else with three decimals.
pub(crate) fn rounded(value: f64) -> f64 {
    if value >= 100.0 { value.round() } else { (value * 1000.0).round() / 1000.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert_eq!((median(&[]), median(&[3.0, 1.0, 2.0])), (0.0, 2.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
    }
}
