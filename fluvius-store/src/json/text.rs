//! JSON text that is known to be valid and storable.
//!
//! A [`Json`] is validated when it is created and then only passed on. It is not brought into
//! canonical form: white space, the order of keys and the spelling of numbers are kept.

use std::fmt;
use std::sync::{Arc, LazyLock};

use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use serde_json::Value;
use serde_json::value::RawValue;

use super::error::JsonError;
use super::{decode, encode, validate};

/// JSON text that is valid, that every store can keep, and that round-trips unchanged.
///
/// Cloning shares the text. Two values are equal if their texts are, so `1.0` and `1.00` differ, as
/// do different orders of keys.
///
/// # Shape
/// One JSON value, with white space as given. The [module documentation](super) lists the valid
/// texts that cannot be stored.
///
/// It serializes and deserializes as the value that it holds, with serde_json only. It does not
/// work inside `#[serde(flatten)]`, `untagged` or internally tagged enums, which buffer a value
/// before its text can be read.
///
/// # Examples
/// ```
/// use fluvius_store::json::Json;
///
/// let amount = Json::parse(r#"{"amount": 10.50}"#)?;
/// assert_eq!(amount.as_str(), r#"{"amount": 10.50}"#);
/// assert_eq!(amount.to_value()["amount"].as_f64(), Some(10.5));
///
/// // This would come back as 0.12345678901234568.
/// assert!(Json::parse(r#"{"amount": 0.1234567890123456789}"#).is_err());
/// # Ok::<(), fluvius_store::json::JsonError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Arc<str>);

#[expect(clippy::len_without_is_empty, reason = "a JSON text is never empty")]
impl Json {
    /// Validates a JSON text.
    ///
    /// # Errors
    /// Returns an error with the path of the fault if the text is not JSON, or cannot be stored and
    /// read back unchanged. The message quotes no value.
    pub fn parse(text: impl Into<Arc<str>>) -> Result<Self, JsonError> {
        let text = text.into();
        validate::grammar(&text)?;
        validate::storable(&text)?;
        Ok(Self(text))
    }

    /// Encodes a value as compact JSON.
    ///
    /// # Errors
    /// Same as for [`encode`](super::encode).
    pub fn from_value(value: &Value) -> Result<Self, JsonError> {
        encode::encode(value)
    }

    /// Returns `{}`.
    pub fn empty_object() -> Self {
        static EMPTY: LazyLock<Json> = LazyLock::new(|| Json::from_trusted("{}"));
        EMPTY.clone()
    }

    /// Returns `null`.
    pub fn null() -> Self {
        Self(Arc::from("null"))
    }

    /// Wraps a text that was a `Json` before, or was assembled from some, without validation.
    #[doc(hidden)]
    pub fn from_trusted(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the value as a tree. If members share a key, the last one is kept.
    pub fn to_value(&self) -> Value {
        // A validated text can always be read. If this crate has wrongly accepted one, the value
        // shows that text, since a panic would take down the reader of a log.
        self.try_to_value().unwrap_or_else(|_| Value::String(self.as_str().to_owned()))
    }

    /// Returns the value as a tree, for callers with their own error.
    pub(super) fn try_to_value(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// Decodes the value as a `T`.
    ///
    /// # Errors
    /// Returns an error with the JSON path if the value is not a `T`. The message is that of `T`
    /// and may quote its input.
    ///
    /// # Examples
    /// ```
    /// use fluvius_store::json::Json;
    ///
    /// let error = Json::parse("[1, 2, true]")?.decode::<Vec<u8>>().unwrap_err();
    /// assert_eq!(error.to_string(), "invalid type: boolean `true`, expected u8 at `[2]`");
    /// # Ok::<(), fluvius_store::json::JsonError>(())
    /// ```
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        decode::decode(&self.0)
    }

    /// Returns the length of the text in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true if the value is `null`.
    pub fn is_null(&self) -> bool {
        self.0.trim_ascii() == "null"
    }
}

impl fmt::Display for Json {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Parses the text again, which is the price of creating a `RawValue` without unsafe code.
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: Box<str> = Box::<RawValue>::deserialize(deserializer)?.into();
        validate::storable(&text).map_err(de::Error::custom)?;
        Ok(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Envelope {
        id: u8,
        body: Json,
    }

    #[test]
    fn text_is_kept_unchanged() {
        let text = " {\"b\": 1.50,\n \"a\": [\"\\u0041\"]} ";
        let json = Json::parse(text).unwrap();
        assert_eq!((json.as_str(), json.len()), (text, text.len()));
        assert_eq!((json.to_string(), format!("{json:?}")), (text.to_owned(), text.to_owned()));
        assert_eq!(
            json.to_value(),
            json!({"a": ["A"], "b": serde_json::from_str::<Value>("1.50").unwrap()})
        );
    }

    #[test]
    fn invalid_text_fails_with_line_and_column() {
        for text in
            ["", "{", "{'a':1}", "[1,]", "01", "nul", "1 2", "\"\u{1}\"", "NaN", "\u{feff}1"]
        {
            assert!(Json::parse(text).is_err(), "{text:?}");
        }
        let error = Json::parse("{\"a\":1,\n\"b\"}").unwrap_err();
        assert_eq!(error.to_string(), "expected `:` at line 2 column 4");
    }

    #[test]
    fn null_is_recognized_despite_white_space() {
        assert!(Json::null().is_null() && Json::parse(" null\n").unwrap().is_null());
        assert!(!Json::parse("\"null\"").unwrap().is_null());
    }

    #[test]
    fn json_is_embedded_verbatim() {
        let text = r#"{"id":1,"body":{"z": 1.50, "a":[]}}"#;
        let envelope: Envelope = serde_json::from_str(text).unwrap();
        assert_eq!(envelope.body.as_str(), r#"{"z": 1.50, "a":[]}"#);
        assert_eq!(serde_json::to_string(&envelope).unwrap(), text);
        assert_eq!(encode::encode(&envelope).unwrap().as_str(), text);
        assert_eq!(Json::parse(text).unwrap().decode::<Envelope>().unwrap(), envelope);
        let value = serde_json::to_value(&envelope).unwrap();
        assert_eq!(
            serde_json::from_value::<Envelope>(value).unwrap().body.to_value(),
            envelope.body.to_value()
        );
    }

    #[test]
    fn embedded_json_is_validated() {
        let error = serde_json::from_str::<Envelope>(r#"{"id":1,"body":{"a":1e999}}"#).unwrap_err();
        assert!(error.to_string().contains("send it as a string at `a`"), "{error}");
    }

    #[test]
    fn invalid_trusted_text_is_shown_without_a_panic() {
        assert_eq!(Json::from_trusted("[1").to_value(), json!("[1"));
    }

    /// Needs the feature `float_roundtrip` of serde_json: without it, a float may be read as its
    /// neighbour.
    #[test]
    fn float_round_trips() {
        for float in [
            1e23,
            0.30000000000000004,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            8.41e21,
            2.0_f64.powi(70),
        ] {
            let json = encode::encode(&float).unwrap();
            assert_eq!(json.decode::<f64>().unwrap().to_bits(), float.to_bits(), "{json}");
            assert_eq!(json.to_value().as_f64(), Some(float), "{json}");
        }
    }
}
