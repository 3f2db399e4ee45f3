//! Features of dependencies that make stored values differ from the values of an action.
//!
//! Cargo unifies features, so any crate of a program may enable them. Each is detected by its
//! effect.

use serde_json::Value;

use super::Problem;

/// Returns the harmful features that are enabled in this program.
pub(super) fn harmful() -> Vec<Problem> {
    let mut found = Vec::new();
    if keeps_number_texts(serde_json::from_str("1.50")) {
        found.push(Problem::Feature {
            package: "serde_json",
            feature: "arbitrary_precision",
            effect: "a float in a tagged, untagged or flattened type would be stored and never be \
                read again",
        });
    }
    #[cfg(feature = "decimal")]
    if !is_text(serde_json::to_value(rust_decimal::Decimal::ONE)) {
        found.push(Problem::Feature {
            package: "rust_decimal",
            feature: "serde-float` or `serde-arbitrary-precision",
            effect: "a decimal would be stored as a float and lose digits",
        });
    }
    found
}

/// Returns true if a parsed number has kept its text.
fn keeps_number_texts(read: serde_json::Result<Value>) -> bool {
    let text = read.map(|number| number.to_string());
    text.is_ok_and(|text| text == "1.50")
}

#[cfg(feature = "decimal")]
fn is_text(written: serde_json::Result<Value>) -> bool {
    written.is_ok_and(|written| written.is_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workspace_enables_no_harmful_feature() {
        assert_eq!(harmful(), []);
    }

    #[test]
    fn harmful_features_are_detected_by_their_effect() {
        assert!(!keeps_number_texts(serde_json::from_str("1.50")));
        assert!(!is_text(Ok(Value::from(1.5))));
        assert!(is_text(Ok(Value::from("1.5"))));
    }
}
