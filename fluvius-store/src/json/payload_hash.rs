//! The hash of a payload, to recognize a repeated command.
//!
//! The input is a canonical text; see [`canonical`](super::canonical). The hash does not hide a
//! payload that has few possible values, so secrets are removed first.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::text::Json;

/// The BLAKE3 hash of a command's payload, with sorted keys and without secrets.
///
/// # Shape
/// 32 bytes; as text, and in JSON, 64 lower-case hexadecimal digits.
///
/// # Examples
/// ```
/// use fluvius_store::json::PayloadHash;
///
/// let hash = PayloadHash::from_bytes([0xab; 32]);
/// assert_eq!(hash.to_string(), "ab".repeat(32));
/// assert_eq!(hash.to_string().parse(), Ok(hash));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PayloadHash([u8; 32]);

/// Returns the hash of a canonical text.
pub fn hash(canonical: &Json) -> PayloadHash {
    PayloadHash(blake3::hash(canonical.as_str().as_bytes()).into())
}

impl PayloadHash {
    /// Creates a hash from stored bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes, as a store keeps them.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PayloadHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for PayloadHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// An error returned when parsing a [`PayloadHash`] fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hexadecimal digits")]
pub struct PayloadHashError;

impl FromStr for PayloadHash {
    type Err = PayloadHashError;

    fn from_str(text: &str) -> Result<Self, PayloadHashError> {
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return Err(PayloadHashError);
        };
        let mut bytes = [0; 32];
        if pairs.len() != bytes.len() {
            return Err(PayloadHashError);
        }
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            *byte = hex_digit(pair[0])? * 16 + hex_digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

fn hex_digit(digit: u8) -> Result<u8, PayloadHashError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(PayloadHashError),
    }
}

impl Serialize for PayloadHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PayloadHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = PayloadHash;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("64 hexadecimal digits")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<PayloadHash, E> {
                text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_blake3_of_the_text() {
        // BLAKE3's test vector for empty input would need an empty text; this is `b3sum` of `null`.
        let hash = hash(&Json::null());
        assert_eq!(hash.as_bytes(), blake3::hash(b"null").as_bytes());
        assert_eq!(PayloadHash::from_bytes(*hash.as_bytes()), hash);
    }

    #[test]
    fn hash_is_hexadecimal_as_text_and_in_json() {
        let hash =
            PayloadHash::from_bytes(std::array::from_fn(|index| u8::try_from(index * 8).unwrap()));
        let text = serde_json::to_string(&hash).unwrap();
        assert_eq!(text, format!("\"{hash:?}\""));
        assert!(text.starts_with("\"00081018"));
        assert_eq!(serde_json::from_str::<PayloadHash>(&text).unwrap(), hash);
        assert_eq!(hash.to_string().to_uppercase().parse(), Ok(hash));
    }

    #[test]
    fn invalid_hash_text_fails() {
        for text in [
            "",
            "00",
            &"0".repeat(63),
            &"0".repeat(65),
            &"0".repeat(66),
            &"g".repeat(64),
            &"é".repeat(32),
        ] {
            assert_eq!(text.parse::<PayloadHash>(), Err(PayloadHashError), "{text}");
        }
    }
}
