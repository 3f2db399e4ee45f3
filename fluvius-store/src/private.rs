//! Internals of the contract that the runtime and the test kit need. No promise is made to anybody else.

pub use crate::error::InvalidPosition;
pub use crate::excerpt::{MESSAGE, NAME, PATH, excerpt};
pub use crate::json::{Field, canonical, check_rounded, decode, hash, hide_values};
