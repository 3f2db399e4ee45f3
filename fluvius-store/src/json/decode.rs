//! Decoding of [`Json`](super::Json) into Rust values, with errors that can hide their input.
//!
//! Decoding does not check that the text can be stored; creating the `Json` did.

use serde::de::DeserializeOwned;

use super::error::JsonError;
use super::path::{JsonPath, NamedField};

/// Decodes a JSON text as a `T`.
///
/// # Errors
/// Returns the error of `T` with its JSON path. The message may quote the input; see
/// [`hide_values`].
pub fn decode<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    // Tracking the path costs more than decoding, so it is computed only after a failure.
    serde_json::from_str(text).or_else(|_| decode_with_path(text))
}

fn decode_with_path<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let (tracked, error) = (error.path(), error.inner());
        let message = error.to_string();
        let field = named_field(sentence(error, &message));
        let path = JsonPath::of_tracked(tracked, text, offset(text, error), field);
        located(path, error)
    })?;
    reader.end().map_err(|error| located(JsonPath::root(), &error))?;
    Ok(value)
}

/// Returns the field that serde's message names as missing or duplicate.
fn named_field(sentence: &str) -> Option<NamedField<'_>> {
    let name = |of: &str| sentence.strip_prefix(of)?.strip_suffix('`');
    match name("missing field `") {
        Some(name) => Some(NamedField::Missing(name)),
        None => name("duplicate field `").map(NamedField::Duplicate),
    }
}

/// Returns the byte offset that corresponds to the line and column of an error.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    lines.map(str::len).sum::<usize>() + error.column()
}

fn located(path: JsonPath, error: &serde_json::Error) -> JsonError {
    let message = error.to_string();
    let sentence = sentence(error, &message);
    // serde_json classifies a map key that is not a number as a syntax error.
    let is_grammar = !error.is_data() && !sentence.starts_with("invalid value");
    if is_grammar {
        // Syntax errors quote nothing, and need their line and column.
        return JsonError::plain(path, message);
    }
    JsonError::quoting(path, sentence)
}

/// Returns the message of an error without line and column.
fn sentence<'a>(error: &serde_json::Error, message: &'a str) -> &'a str {
    let place = format!(" at line {} column {}", error.line(), error.column());
    message.strip_suffix(&place).unwrap_or(message)
}

/// The data about one field of a command that an error may contain.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// The name in JSON.
    pub name: &'a str,
    /// The other accepted names in JSON.
    pub aliases: &'a [&'a str],
    /// The type, as declared.
    pub type_name: &'a str,
}

/// Removes everything that may come from the payload from the error of a command with secret
/// fields.
///
/// A secret may be anywhere: in its own field, in another one by mistake, in an unknown field name,
/// or as the whole payload. So the message states the expected type, and the path names at most one
/// of `fields`. Neither is taken from the payload. The message is kept if this crate or the JSON
/// grammar produced it, or if it names a missing or duplicate field.
///
/// # Shape
/// `fields` contains all fields of the command, secret or not.
pub fn hide_values(error: JsonError, fields: &[Field<'_>]) -> JsonError {
    let field = error.member().and_then(|name| fields.iter().find(|field| field.is_named(name)));
    let path = match (field, error.member()) {
        (Some(_), Some(name)) => JsonPath::from_names([name]),
        _ => JsonPath::root(),
    };
    let message =
        if !error.quotes() || fields.iter().any(|field| field.is_named_by(error.message())) {
            error.message().to_owned()
        } else if let Some(field) = field {
            format!("expected `{}`", field.type_name)
        } else {
            expected_object(fields)
        };
    JsonError::plain(path, message)
}

impl Field<'_> {
    fn is_named(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// Returns true if serde's message only names the field as missing or duplicate.
    fn is_named_by(&self, message: &str) -> bool {
        let name = message
            .strip_prefix("missing field `")
            .or_else(|| message.strip_prefix("duplicate field `"));
        name.and_then(|name| name.strip_suffix('`')) == Some(self.name)
    }
}

fn expected_object(fields: &[Field<'_>]) -> String {
    let names: Vec<_> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
    match names.as_slice() {
        [] => "expected an object without fields".to_owned(),
        [name] => format!("expected an object with the field {name}"),
        names => format!("expected an object with the fields {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;
    use serde::Deserialize;

    use super::*;
    use crate::json::Json;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "read by serde only")]
    struct Address {
        street: String,
        number: u32,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "read by serde only")]
    struct Unlock {
        amount: Decimal,
        #[serde(alias = "pass")]
        pin: u32,
        word: String,
        address: Option<Address>,
        tags: Option<std::collections::BTreeMap<String, u8>>,
    }

    const FIELDS: &[Field<'static>] = &[
        Field { name: "amount", aliases: &[], type_name: "Decimal" },
        Field { name: "pin", aliases: &["pass"], type_name: "u32" },
        Field { name: "word", aliases: &[], type_name: "String" },
        Field { name: "address", aliases: &[], type_name: "Option<Address>" },
        Field { name: "tags", aliases: &[], type_name: "Option<BTreeMap<String, u8>>" },
    ];
    const WHOLE: &str =
        "expected an object with the fields `amount`, `pin`, `word`, `address`, `tags`";

    fn check(text: &str, path: &str, message: &str) {
        let error = decode::<Unlock>(text).unwrap_err();
        assert_eq!((error.path().as_str(), error.message()), (path, message), "{text}");
    }

    /// Decodes a payload that contains the secret `hunter2` and is invalid at some stage.
    fn check_hidden(text: &str, path: &str, message: &str) {
        let error = Json::parse(text).and_then(|json| json.decode::<Unlock>()).unwrap_err();
        let hidden = hide_values(error, FIELDS);
        assert_eq!((hidden.path().as_str(), hidden.message()), (path, message), "{text}");
        assert!(!format!("{hidden} {hidden:?}").contains("hunter2"), "{hidden}");
    }

    #[test]
    fn data_error_has_a_path_but_no_line() {
        check(r#"{"amount":"1","pin":"x"}"#, "pin", r#"invalid type: string "x", expected u32"#);
        check(
            r#"{"amount":"1","pin":1,"word":"","address":{"street":"s"}}"#,
            "address.number",
            "missing field `number`",
        );
        check(
            r#"{"amount":"1","pin":1,"word":"","address":{"street":"s","number":-1}}"#,
            "address.number",
            "invalid value: integer `-1`, expected u32",
        );
        check(r#"{"amount":"1","pin":1}"#, "word", "missing field `word`");
    }

    #[test]
    fn syntax_error_keeps_line_and_column() {
        let error = decode::<Unlock>("{\"amount\":\"1\",\n}").unwrap_err();
        assert_eq!(error.message(), "trailing comma at line 2 column 1");
        let error = decode::<u8>("1 x").unwrap_err();
        assert_eq!(
            (error.path().as_str(), error.message()),
            (".", "trailing characters at line 1 column 3")
        );
    }

    #[test]
    fn secret_of_a_wrong_type_is_hidden() {
        check_hidden(r#"{"pin":"hunter2"}"#, "pin", "expected `u32`");
        check_hidden(r#"{"pass":"hunter2"}"#, "pass", "expected `u32`");
        check_hidden(r#"{"pin":["hunter2"]}"#, "pin", "expected `u32`");
        check_hidden(r#"{"word":{"hunter2":1}}"#, "word", "expected `String`");
    }

    #[test]
    fn secret_in_a_wrong_field_is_hidden() {
        check_hidden(r#"{"amount":"hunter2"}"#, "amount", "expected `Decimal`");
        check_hidden(r#"{"address":"hunter2"}"#, "address", "expected `Option<Address>`");
        check_hidden(r#"{"other":"hunter2"}"#, ".", WHOLE);
    }

    #[test]
    fn secret_as_a_field_name_is_hidden() {
        check_hidden(r#"{"hunter2":1}"#, ".", WHOLE);
        check_hidden(r#"{"pin.hunter2":1}"#, ".", WHOLE);
        check_hidden(r#"{"address":{"hunter2":1}}"#, "address", "expected `Option<Address>`");
        check_hidden(r#"{"missing field `pin` hunter2":1}"#, ".", WHOLE);
    }

    #[test]
    fn secret_in_a_nested_value_is_hidden() {
        check_hidden(
            r#"{"address":{"street":"s","number":"hunter2"}}"#,
            "address",
            "expected `Option<Address>`",
        );
        check_hidden(
            r#"{"tags":{"hunter2":"x"}}"#,
            "tags",
            "expected `Option<BTreeMap<String, u8>>`",
        );
    }

    #[test]
    fn secret_as_the_whole_payload_is_hidden() {
        for text in [
            r#""hunter2""#,
            r#"["hunter2"]"#,
            r#"{"amount":"1","word":"hunter2","word":"hunter2"}"#,
        ] {
            let error = Json::parse(text).unwrap().decode::<Unlock>().unwrap_err();
            let hidden = hide_values(error, FIELDS);
            let at = hidden.path().as_str();
            assert!(at == "." || at == "word", "{hidden}");
            assert!(!hidden.to_string().contains("hunter2"), "{hidden}");
        }
        check_hidden(r#""hunter2""#, ".", WHOLE);
    }

    #[test]
    fn invalid_text_is_reported_without_its_inner_path() {
        let error = Json::parse(r#"{"word":{"hunter2":1e999}}"#).unwrap_err();
        assert_eq!(error.path(), "word.hunter2");
        check_hidden(r#"{"word":{"hunter2":1e999}}"#, "word", error.message());
        check_hidden(r#"{"hunter2":1e999}"#, ".", error.message());
        check_hidden(r#"{"word":"hunter2}"#, ".", "EOF while parsing a string at line 1 column 17");
    }

    #[test]
    fn missing_or_duplicate_field_is_named() {
        check_hidden(r#"{"word":"hunter2","pin":1}"#, "amount", "missing field `amount`");
        check_hidden(r#"{"word":"hunter2","word":""}"#, "word", "duplicate field `word`");
    }
}
