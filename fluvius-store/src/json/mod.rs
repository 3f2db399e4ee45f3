//! JSON text that is valid, that every store can keep, and that round-trips unchanged.
//!
//! Payloads, events, states and deltas are passed as [`Json`], which is validated once and not
//! parsed again. All functions here are pure: they use no store, no clock and no aggregate types.
//!
//! | file | contents |
//! |---|---|
//! | `text`, `payload` | [`Json`] and the conversions into it |
//! | `error`, `path` | [`JsonError`] and its JSON path |
//! | `encode`, `decode` | Rust values to text and back; errors that hide secrets |
//! | `validate`, `number` | the strings, keys, depths and numbers that can be stored |
//! | `rounded` | numbers of a payload that a command holds only rounded |
//! | `canonical`, `payload_hash` | the canonical text of a payload, and its [`PayloadHash`] |
//! | `state_delta`, `diff` | [`StateDelta`]: the change of a state by one event, as a JSON Patch or a snapshot |
//! | `tokenizer`, `escape` | reading the parts of a JSON text, and writing a string, without building a tree |
//!
//! [`Json::parse`] and [`encode`] fail on values that one of the stores, or serde_json itself,
//! cannot return unchanged:
//!
//! - U+0000 and unpaired surrogates in strings and keys,
//! - a number whose decimal value is preserved by neither an `i64`, a `u64` nor the shortest form
//!   of an `f64`,
//! - more than 127 levels of arrays and objects (120 for [`encode`], so that a patch fits around a
//!   state),
//! - keys that begin with `$serde_json::private::`, which serde_json does not read as keys.

mod canonical;
mod decode;
mod diff;
mod encode;
mod error;
mod escape;
mod number;
mod path;
mod payload;
mod payload_hash;
mod rounded;
mod state_delta;
#[cfg(test)]
mod testing;
mod text;
mod tokenizer;
mod validate;

pub use encode::encode;
pub use error::JsonError;
pub use path::{JsonPath, PathSegment};
pub use payload_hash::{PayloadHash, PayloadHashError};
pub use state_delta::{SNAPSHOT_INTERVAL, StateDelta, StateDeltaError};
pub use text::Json;

#[doc(hidden)]
pub use {
    canonical::canonical,
    decode::{Field, decode, hide_values},
    payload_hash::hash,
    rounded::check_rounded,
};

pub(crate) use number::DecimalDigits;
pub(crate) use tokenizer::{lookup, members, unescape};
