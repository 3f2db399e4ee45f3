//! The etag of one stored version of an aggregate, and the precondition of a command.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// An opaque tag, unique for every stored version of an aggregate.
///
/// It is derived from the version and the id of the command that wrote it, not from the data. So
/// versions with equal data have different etags.
///
/// # Shape
/// The text form is `v{version}-{32 hexadecimal digits}`; clients only compare it. Parsing also
/// accepts the double quotes that HTTP puts around an etag.
///
/// # Source
/// RFC 9110, section 8.8.3 (ETag).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ETag {
    version: u64,
    command_id: Uuid,
}

impl ETag {
    /// Creates the etag of the version that a command wrote.
    pub const fn new(version: u64, command_id: Uuid) -> Self {
        Self { version, command_id }
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}-{}", self.version, self.command_id.simple())
    }
}

/// An error returned when parsing an [`ETag`] fails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an etag: expected `v{{version}}-{{32 hexadecimal digits}}`, with or without double quotes"
)]
pub struct ParseETagError;

impl FromStr for ETag {
    type Err = ParseETagError;

    fn from_str(text: &str) -> Result<Self, ParseETagError> {
        let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let text = quoted.unwrap_or(text);
        let (version, id) =
            text.strip_prefix('v').and_then(|rest| rest.split_once('-')).ok_or(ParseETagError)?;
        let etag = Self {
            version: version.parse().map_err(|_| ParseETagError)?,
            command_id: Uuid::try_parse(id).map_err(|_| ParseETagError)?,
        };
        // Each etag has one spelling: `v01-..` or upper case would compare equal after parsing.
        if etag.to_string() == text { Ok(etag) } else { Err(ParseETagError) }
    }
}

impl Serialize for ETag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ETag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// A precondition of a command on its aggregate.
///
/// # Source
/// RFC 9110, sections 13.1.1 (If-Match) and 13.1.2 (If-None-Match).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Precondition {
    /// The etag that the aggregate must have.
    #[serde(rename = "etag")]
    ETag(ETag),
    /// The version that the aggregate must have.
    Version(u64),
    /// The etags of which the aggregate must have one (`If-Match: "a", "b"`). An empty list never
    /// holds.
    AnyOf(Vec<ETag>),
    /// The aggregate must exist (`If-Match: *`).
    Exists,
    /// The aggregate must not exist (`If-None-Match: *`).
    ///
    /// If it does, a creating command ends with `precondition-failed` instead of `already-exists`.
    /// The error then has the version and the etag. An aggregate that is closed, or belongs to
    /// another realm, is still `already-exists`.
    Absent,
}

impl Precondition {
    /// Returns true if an aggregate at this version and with this etag meets the precondition.
    pub fn holds(&self, version: u64, etag: Option<ETag>) -> bool {
        match self {
            Self::ETag(expected) => Some(*expected) == etag,
            Self::Version(expected) => *expected == version,
            Self::AnyOf(expected) => etag.is_some_and(|etag| expected.contains(&etag)),
            Self::Exists => version > 0,
            Self::Absent => version == 0,
        }
    }
}

impl From<ETag> for Precondition {
    fn from(etag: ETag) -> Self {
        Self::ETag(etag)
    }
}

impl From<u64> for Precondition {
    fn from(version: u64) -> Self {
        Self::Version(version)
    }
}

impl fmt::Display for Precondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ETag(etag) => write!(f, "etag {etag}"),
            Self::Version(version) => write!(f, "version {version}"),
            Self::AnyOf(etags) => {
                f.write_str("an etag of")?;
                etags.iter().try_for_each(|etag| write!(f, " {etag}"))
            }
            Self::Exists => f.write_str("that it exists"),
            Self::Absent => f.write_str("that it does not exist"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_an_etag_round_trips() {
        let etag = ETag::new(7, Uuid::from_u128(0xABCD));
        assert_eq!(etag.to_string().parse(), Ok(etag));
        assert_eq!(format!("\"{etag}\"").parse(), Ok(etag));
    }

    #[test]
    fn other_spellings_of_an_etag_are_invalid() {
        for text in [
            "v07-0000000000000000000000000000abcd",
            "v7-0000000000000000000000000000ABCD",
            "v7-00000000-0000-0000-0000-00000000abcd",
            "7",
            "",
            "v-",
            "\"v7-0000000000000000000000000000abcd",
            "v7-0000000000000000000000000000abcd\"",
            "\"\"v7-0000000000000000000000000000abcd\"\"",
            "W/\"v7-0000000000000000000000000000abcd\"",
        ] {
            assert_eq!(text.parse::<ETag>(), Err(ParseETagError), "{text}");
        }
    }
}
