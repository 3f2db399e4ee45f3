//! The address of a database, with libpq's settings.
//!
//! An address is parsed here and not by the client, which knows three of libpq's six values of `sslmode`, has no
//! `sslrootcert`, and does not say which part of an address is wrong. No error quotes a value: it may be the password.

mod settings;
mod syntax;
#[cfg(test)]
mod tests;

use fluvius_core::StoreError;
use tokio_postgres::Config;

use crate::tls::Tls;

/// The time after which the system asks a silent peer whether it is alive, unless the address sets it.
const KEEPALIVES_IDLE_SECONDS: u64 = 30;

/// The place of a database, and how its server is identified.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) config: Config,
    pub(crate) tls: Tls,
}

/// A part of an address that is not valid.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part} {problem}")]
pub(crate) struct Invalid {
    part: String,
    problem: String,
}

impl Invalid {
    /// `problem` completes a sentence about the part, without its value.
    fn new(part: &str, problem: impl Into<String>) -> Self {
        Self { part: format!("`{part}`"), problem: problem.into() }
    }
}

impl Invalid {
    /// A setting that has no known name. The name is shown only if it is near a known one: it may be a part of a password
    /// that is not percent-encoded.
    fn unknown(name: &str) -> Self {
        match settings::nearest(name) {
            Some(known) => Self::new(name, format!("is not known: did you mean `{known}`?")),
            None => Self {
                part: "a setting".to_owned(),
                problem: "has a name that is not known: leave it out; in a user name or a password, write `%3F` for `?` \
                          and `%26` for `&`"
                    .to_owned(),
            },
        }
    }
}

impl From<Invalid> for StoreError {
    fn from(invalid: Invalid) -> Self {
        Self::permanent(format!("the address of the database is not valid: {invalid}"))
    }
}

impl Address {
    /// Parses an address; `has_roots`: certificates of authorities are given beside it.
    pub(crate) fn parse(text: &str, has_roots: bool) -> Result<Self, Invalid> {
        // A variable or a file often ends with a line break.
        settings::address(syntax::settings(text.trim())?, has_roots)
    }
}
