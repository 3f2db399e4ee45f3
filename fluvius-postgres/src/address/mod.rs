//! The address of a database, with libpq's settings.
//!
//! The client's own parser supports three of libpq's six values of `sslmode`, and no `sslrootcert`.
//! Its errors do not name the invalid part of an address. No error quotes a value, since it may be
//! the password.

mod settings;
mod syntax;
#[cfg(test)]
mod tests;

use fluvius_store::StoreError;
use tokio_postgres::Config;

use crate::tls::Tls;

/// The idle time before the first TCP keep-alive, unless the address sets it.
const KEEPALIVES_IDLE_SECONDS: u64 = 30;

/// The location of a database, and the identification of its server.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) config: Config,
    pub(crate) tls: Tls,
}

/// An invalid part of an address.
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
    /// The error of a setting with an unknown name. It quotes the name only if it resembles a known
    /// one, since it may be part of a password that is not percent-encoded.
    fn unknown(name: &str) -> Self {
        match settings::nearest(name) {
            Some(known) => Self::new(name, format!("is not known: did you mean `{known}`?")),
            None => Self {
                part: "a setting".to_owned(),
                problem: "has a name that is not known: leave it out; in a user name or a \
                    password, write `%3F` for `?` and `%26` for `&`"
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
    /// Parses an address. `has_roots` is set if `PostgresOptions::root_certificates` is given.
    pub(crate) fn parse(text: &str, has_roots: bool) -> Result<Self, Invalid> {
        // The text of a variable or a file often ends with a line break.
        settings::address(syntax::settings(text.trim())?, has_roots)
    }
}
