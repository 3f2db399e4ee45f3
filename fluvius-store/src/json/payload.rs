//! Conversions of payloads into [`Json`], from a JSON value or from text.

use std::convert::Infallible;

use serde_json::Value;

use crate::json::{Json, JsonError};

impl TryFrom<Value> for Json {
    type Error = JsonError;

    fn try_from(value: Value) -> Result<Self, JsonError> {
        Self::from_value(&value)
    }
}

impl TryFrom<&str> for Json {
    type Error = JsonError;

    fn try_from(text: &str) -> Result<Self, JsonError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Json {
    type Error = JsonError;

    fn try_from(text: String) -> Result<Self, JsonError> {
        Self::parse(text)
    }
}

/// Allows a `Json` for every argument that is converted to a payload. This conversion cannot fail.
impl From<Infallible> for JsonError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
