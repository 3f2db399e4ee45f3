//! The issuer of tokens, for servers with an authenticator.

use fluvius_server::{JwtAuthenticator, KeySource};
use serde_json::json;

use crate::system::Fault;

#[path = "../../../fluvius-server/src/auth/jwt/fixture.rs"]
#[allow(dead_code, unreachable_pub, clippy::unwrap_used, missing_docs, reason = "a file of tests")]
mod fixture;

const ISSUER: &str = "https://issuer";
const AUDIENCE: &str = "bank";

/// 2100-01-01, in seconds.
const EXPIRES_AT: i64 = 4_102_444_800;

/// A key set, and tokens of as many senders.
pub(crate) struct Issued {
    pub(crate) key_set: String,
    pub(crate) tokens: Vec<String>,
}

/// Makes a key of an algorithm (`RS256` or `ES256`), and signs the tokens of a number of senders.
pub(crate) fn issue(algorithm: &str, senders: usize) -> Issued {
    let signer = match algorithm {
        "RS256" => fixture::Signer::rsa("key"),
        _ => fixture::Signer::p256("key"),
    };
    let token = |sender: usize| {
        let subject = format!("sender-{sender}");
        let claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "exp": EXPIRES_AT });
        signer.token(algorithm, &claims)
    };
    Issued { key_set: fixture::key_set(&[&signer]), tokens: (0..senders).map(token).collect() }
}

/// Returns the authenticator of these tokens.
pub(crate) fn authenticator(key_set: &str) -> Result<JwtAuthenticator, Fault> {
    Ok(JwtAuthenticator::new(ISSUER, AUDIENCE, KeySource::json(key_set)?))
}
