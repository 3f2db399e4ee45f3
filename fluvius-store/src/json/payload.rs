//! What a payload may be given as: a JSON value, or JSON text.

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

/// JSON that is checked already has no error to give.
impl From<Infallible> for JsonError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
