//! Internals of the contract for the runtime and the test kit, without stability guarantees for
//! other crates.

pub use crate::error::InvalidPosition;
pub use crate::excerpt::{MESSAGE, NAME, PATH, excerpt};
pub use crate::json::{Field, canonical, check_rounded, decode, hash, hide_values};
