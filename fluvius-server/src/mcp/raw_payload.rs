//! The payload of a call as the client wrote it.
//!
//! `rmcp` reads a number as a float, which has 17 digits at most. A decimal that loses digits must
//! be an error of the command, so the command gets the text. Neither does `rmcp` see it, since it
//! writes whole messages to the log, at the level of debugging: a payload may have secrets.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::problem::Problem;

/// The text of the payload in a message, if the message has one.
#[derive(Debug, Clone)]
pub(super) struct RawPayload(String);

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
    /// Takes the payload out of a message of the protocol. Returns the message without it.
    pub(super) fn take(message: String) -> (String, Option<Self>) {
        let Ok(found) = serde_json::from_str::<Message<'_>>(&message) else {
            return (message, None);
        };
        let payload = found.params.arguments.payload.get().to_owned();
        let Ok(mut rest) = serde_json::from_str::<Value>(&message) else { return (message, None) };
        if let Some(arguments) = rest["params"]["arguments"].as_object_mut() {
            arguments.remove("payload");
        }
        (rest.to_string(), Some(Self(payload)))
    }

    /// Returns the text of the object that the payload must be; an absent one is empty.
    ///
    /// # Errors
    /// `invalid-parameter` if it is something else.
    pub(super) fn object(payload: Option<Self>) -> Result<String, Problem> {
        match payload {
            None => Ok("{}".to_owned()),
            Some(Self(text)) if text == "null" => Ok("{}".to_owned()),
            Some(Self(text)) if text.starts_with('{') => Ok(text),
            Some(_) => Err(Problem::parameter("`payload` is an object").at("/payload")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_a_number_are_kept() {
        let text = r#"{"method":"tools/call","params":{"name":"x","arguments":{"payload":
            {"amount":0.12345678901234567890}}}}"#;
        let (rest, payload) = RawPayload::take(text.to_owned());
        assert_eq!(rest, r#"{"method":"tools/call","params":{"arguments":{},"name":"x"}}"#);
        let payload = RawPayload::object(payload).ok();
        assert_eq!(payload.as_deref(), Some(r#"{"amount":0.12345678901234567890}"#));
        for without in ["{}", "[]", r#"{"params":[1]}"#, r#"{"params":{"arguments":{}}}"#] {
            let (rest, payload) = RawPayload::take(without.to_owned());
            assert_eq!((rest.as_str(), payload.is_none()), (without, true));
        }
    }

    #[test]
    fn payload_is_an_object() {
        let object = |text: &str| RawPayload::object(Some(RawPayload(text.to_owned()))).ok();
        assert_eq!(object("null").as_deref(), Some("{}"));
        assert_eq!(object("{}").as_deref(), Some("{}"));
        for other in ["[]", "1", "\"{}\""] {
            assert_eq!(object(other), None, "{other}");
        }
    }
}
