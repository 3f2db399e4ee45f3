//! JSON as this crate keeps it: text that is valid, that every store can keep, and that comes back as it was written.
//!
//! Payloads, events, states and changes travel as [`Json`], which is made once and then passed on without being parsed
//! again. Everything here is a plain function of its arguments: no store, no clock, no knowledge of aggregate types.
//!
//! | file | what it owns |
//! |---|---|
//! | `text` | [`Json`], the text |
//! | `error`, `path` | [`JsonError`] and the JSON path in it |
//! | `encode`, `decode` | Rust values to text and back; errors that keep a secret |
//! | `validate`, `number` | what can be stored: strings, keys, depth and numbers |
//! | `rounded` | numbers of a payload that a command holds only rounded |
//! | `canonical`, `payload_hash` | one text for one payload, and its [`PayloadHash`] |
//! | `state_delta`, `diff` | [`StateDelta`]: what one event did to a state, as a JSON Patch or the whole state |
//! | `tokenizer`, `escape` | reading the parts of a JSON text, and writing a string, without building a tree |
//!
//! What is refused, by [`Json::parse`] and [`encode`] alike, since one of the stores, or serde_json itself, could not
//! give it back:
//!
//! - U+0000 and halves of surrogate pairs in strings and keys,
//! - a number whose decimal value comes back neither from an `i64`, a `u64` nor the shortest form of an `f64`,
//! - more than 127 levels of arrays and objects (120 in what is encoded, so that a patch fits around a state),
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
