//! The OpenAPI document.
use std::sync::Arc;

use serde_json::{Value, json};

use crate::app::Settings;
use crate::mounted::Mounted;

pub(crate) fn document(_: &[Arc<Mounted>], _: &Settings, _: Option<&Value>) -> Value {
    json!({})
}
