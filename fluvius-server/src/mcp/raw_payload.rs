//! The payload of a call as the client wrote it.
//!
//! `rmcp` reads a number as a float, which has 17 digits at most. A decimal that loses digits must
//! be an error of the command, so the command gets the text.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The text of the payload in a message, if the message has one.
#[derive(Debug, Clone)]
pub(super) struct RawPayload(pub(super) String);

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    params: Params<'a>,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    arguments: Arguments<'a>,
}

#[derive(Deserialize)]
struct Arguments<'a> {
    #[serde(borrow)]
    payload: &'a RawValue,
}

impl RawPayload {
    /// Finds the payload in a message of the protocol.
    pub(super) fn find(message: &str) -> Option<Self> {
        let message: Message<'_> = serde_json::from_str(message).ok()?;
        Some(Self(message.params.arguments.payload.get().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_a_number_are_kept() {
        let text = r#"{"method":"tools/call","params":{"name":"x","arguments":{"payload":
            {"amount":0.12345678901234567890}}}}"#;
        let found = RawPayload::find(text).map(|RawPayload(text)| text);
        assert_eq!(found.as_deref(), Some(r#"{"amount":0.12345678901234567890}"#));
        for without in ["{}", "[]", r#"{"params":[1]}"#, r#"{"params":{"arguments":{}}}"#] {
            assert!(RawPayload::find(without).is_none(), "{without}");
        }
    }
}
