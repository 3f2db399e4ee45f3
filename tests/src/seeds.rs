//! Settings of a test run from environment variables, such as `FLUVIUS_SEED`.

/// Returns the seed that the run has to use, if one is set.
pub fn seed() -> Option<u64> {
    number("FLUVIUS_SEED")
}

/// Returns the value of a numeric variable, if it is set.
pub fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: `{text}`")))
}
