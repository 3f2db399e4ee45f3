//! [`Json`](super::Json) to Rust values, and errors of it that quote nothing.
//!
//! Whether the text is one that can be stored is not asked here; it was when the `Json` was made.

use serde::de::DeserializeOwned;

use super::error::JsonError;
use super::path::Path;

/// Reads a whole JSON text as a `T`.
///
/// # Errors
/// With the path, and with the message of `T`, which may quote what it found; see [`hide_values`].
pub fn decode<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    // Keeping the path costs more than reading, so it is computed only when needed.
    serde_json::from_str(text).or_else(|_| decode_with_path(text))
}

fn decode_with_path<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = Path::of_tracked(error.path(), text, offset(text, error.inner()));
        located(path, error.inner())
    })?;
    reader.end().map_err(|error| located(Path::root(), &error))?;
    Ok(value)
}

/// Returns the byte of a text at which an error has its line and column.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    lines.map(str::len).sum::<usize>() + error.column()
}

fn located(path: Path, error: &serde_json::Error) -> JsonError {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let sentence = message.strip_suffix(&place).unwrap_or(&message);
    // serde_json counts a map key that is no number among the faults of the grammar.
    let is_grammar = !error.is_data() && !sentence.starts_with("invalid value");
    if is_grammar {
        // The grammar's own sentences quote nothing, and need their line and column.
        return JsonError::plain(path, message);
    }
    JsonError::quoting(path, sentence)
}

/// What an error may say of one field of a command.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Its name in JSON.
    pub name: &'a str,
    /// The other names under which it is read.
    pub aliases: &'a [&'a str],
    /// Its type as declared.
    pub type_name: &'a str,
}

/// The error of a command that has secret fields, without anything that the payload could have brought in.
///
/// A secret may stand anywhere: in its own field, in another by mistake, in the name of an unknown one, or be the whole
/// payload. So the message tells what was expected, the path tells at most one of `fields`, and neither is taken from
/// the payload. The message is kept if it comes from here or from the grammar, or names a field as missing or repeated.
///
/// # Shape
/// `fields` are all fields of the command, secret or not.
pub fn hide_values(error: JsonError, fields: &[Field<'_>]) -> JsonError {
    let field = error.member().and_then(|name| fields.iter().find(|field| field.is_named(name)));
    let path = match (field, error.member()) {
        (Some(_), Some(name)) => Path::of_member(name),
        _ => Path::root(),
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

    /// Whether serde's message names the field, and nothing else, as missing or repeated.
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
        assert_eq!((error.path(), error.message()), (path, message), "{text}");
    }

    /// Reads a payload that holds the secret `hunter2` and is refused somewhere on the way.
    fn check_hidden(text: &str, path: &str, message: &str) {
        let error = Json::parse(text).and_then(|json| json.decode::<Unlock>()).unwrap_err();
        let hidden = hide_values(error, FIELDS);
        assert_eq!((hidden.path(), hidden.message()), (path, message), "{text}");
        assert!(!format!("{hidden} {hidden:?}").contains("hunter2"), "{hidden}");
    }

    #[test]
    fn an_error_has_the_path_and_no_line_and_column() {
        check(r#"{"amount":"1","pin":"x"}"#, "pin", r#"invalid type: string "x", expected u32"#);
        check(
            r#"{"amount":"1","pin":1,"word":"","address":{"street":"s"}}"#,
            "address",
            "missing field `number`",
        );
        check(
            r#"{"amount":"1","pin":1,"word":"","address":{"street":"s","number":-1}}"#,
            "address.number",
            "invalid value: integer `-1`, expected u32",
        );
        check(r#"{"amount":"1","pin":1}"#, ".", "missing field `word`");
    }

    #[test]
    fn a_syntax_error_keeps_line_and_column() {
        let error = decode::<Unlock>("{\"amount\":\"1\",\n}").unwrap_err();
        assert_eq!(error.message(), "trailing comma at line 2 column 1");
        let error = decode::<u8>("1 x").unwrap_err();
        assert_eq!(
            (error.path(), error.message()),
            (".", "trailing characters at line 1 column 3")
        );
    }

    #[test]
    fn a_secret_of_a_wrong_type_is_in_no_message() {
        check_hidden(r#"{"pin":"hunter2"}"#, "pin", "expected `u32`");
        check_hidden(r#"{"pass":"hunter2"}"#, "pass", "expected `u32`");
        check_hidden(r#"{"pin":["hunter2"]}"#, "pin", "expected `u32`");
        check_hidden(r#"{"word":{"hunter2":1}}"#, "word", "expected `String`");
    }

    #[test]
    fn a_secret_in_a_wrong_place_is_in_no_message() {
        check_hidden(r#"{"amount":"hunter2"}"#, "amount", "expected `Decimal`");
        check_hidden(r#"{"address":"hunter2"}"#, "address", "expected `Option<Address>`");
        check_hidden(r#"{"other":"hunter2"}"#, ".", WHOLE);
    }

    #[test]
    fn a_secret_as_the_name_of_a_field_is_in_no_message() {
        check_hidden(r#"{"hunter2":1}"#, ".", WHOLE);
        check_hidden(r#"{"pin.hunter2":1}"#, ".", WHOLE);
        check_hidden(r#"{"address":{"hunter2":1}}"#, "address", "expected `Option<Address>`");
        check_hidden(r#"{"missing field `pin` hunter2":1}"#, ".", WHOLE);
    }

    #[test]
    fn a_secret_inside_a_nested_value_is_in_no_message() {
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
    fn a_secret_as_the_whole_payload_is_in_no_message() {
        for text in [
            r#""hunter2""#,
            r#"["hunter2"]"#,
            r#"{"amount":"1","word":"hunter2","word":"hunter2"}"#,
        ] {
            let error = Json::parse(text).unwrap().decode::<Unlock>().unwrap_err();
            let hidden = hide_values(error, FIELDS);
            assert_eq!(hidden.path(), ".", "{hidden}");
            assert!(!hidden.to_string().contains("hunter2"), "{hidden}");
        }
        check_hidden(r#""hunter2""#, ".", WHOLE);
    }

    #[test]
    fn a_fault_of_the_text_is_told_without_the_path_inside() {
        let error = Json::parse(r#"{"word":{"hunter2":1e999}}"#).unwrap_err();
        assert_eq!(error.path(), "word.hunter2");
        check_hidden(r#"{"word":{"hunter2":1e999}}"#, "word", error.message());
        check_hidden(r#"{"hunter2":1e999}"#, ".", error.message());
        check_hidden(r#"{"word":"hunter2}"#, ".", "EOF while parsing a string at line 1 column 17");
    }

    #[test]
    fn a_field_that_is_missing_or_repeated_is_named() {
        check_hidden(r#"{"word":"hunter2","pin":1}"#, ".", "missing field `amount`");
        check_hidden(r#"{"word":"hunter2","word":""}"#, ".", "duplicate field `word`");
    }
}
