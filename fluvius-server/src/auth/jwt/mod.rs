//! The authenticator of JSON Web Tokens.
//!
//! A token passes these modules in order: `token_cache` (seen already), `token` (header, key and
//! signature), `claims` (time, issuer, audience, sender). The keys of the issuer come from
//! `key_cache`, which reads a `KeySource`. No error quotes a part of a token.
//!
//! # Source
//! RFC 7519 (JWT), RFC 7515 (JWS), RFC 7517 (JWK), RFC 8725 (best current practices), RFC 6750
//! (bearer tokens).

mod algorithm;
mod claims;
mod endpoint;
#[cfg(test)]
#[allow(unreachable_pub, reason = "the tests of the server include this file too")]
mod fixture;
mod key_cache;
mod key_set;
mod key_source;
mod provider;
#[cfg(test)]
mod tests;
mod token;
mod token_cache;
mod token_fault;

use std::fmt;
use std::sync::Arc;

use fluvius_core::{Clock, SystemClock};

use super::{Authenticated, Authenticator, RequestHead, Unauthenticated};
use claims::ClaimRules;
use key_cache::KeyCache;
use token_cache::TokenCache;
use token_fault::TokenFault;

pub use algorithm::SigningAlgorithm;
pub use key_source::{KeySource, KeySourceError};

/// Maximum length of a token in bytes.
const MAX_TOKEN_BYTES: usize = 16 << 10;

/// An authenticator of bearer tokens that one issuer has signed (JWT).
///
/// A token must be signed by a key of the issuer, with an algorithm that is allowed and belongs to
/// that key. It must have the claims `iss`, `aud`, `exp` and `sub`; `nbf` is checked if present.
/// Clocks may differ by 60 s. Verified tokens are cached by their hash for at most 60 s.
///
/// The user is the UUIDv5 of issuer and subject, unless the subjects of the issuer are
/// [UUIDs](Self::uuid_subjects).
///
/// # Examples
///
/// ```
/// use fluvius_core::DomainRuntime;
/// use fluvius_server::{JwtAuthenticator, KeySource, Server};
///
/// # fn run(domain: DomainRuntime) -> Result<(), Box<dyn std::error::Error>> {
/// let keys = KeySource::url("https://login.example.org/.well-known/jwks.json")?;
/// let tokens = JwtAuthenticator::new("https://login.example.org", "bank-api", keys)
///     .realm_claim("tenant")
///     .roles_claim("realm_access.roles");
/// let server = Server::new().mount(domain).authenticate(tokens);
/// # Ok(())
/// # }
/// ```
pub struct JwtAuthenticator {
    rules: ClaimRules,
    algorithms: Vec<SigningAlgorithm>,
    keys: KeyCache,
    verified: TokenCache,
    clock: Arc<dyn Clock>,
}

impl JwtAuthenticator {
    /// Creates an authenticator of the tokens of an issuer for an audience. Both are compared byte
    /// by byte with the claims `iss` and `aud`.
    ///
    /// The crate `jsonwebtoken` has one provider of cryptography per process. If the program has
    /// installed none, this function installs one that only verifies.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, keys: KeySource) -> Self {
        provider::install();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Self {
            rules: ClaimRules::new(issuer.into(), audience.into()),
            algorithms: SigningAlgorithm::ALL.to_vec(),
            keys: KeyCache::new(keys, Arc::clone(&clock)),
            verified: TokenCache::default(),
            clock,
        }
    }

    /// Sets the allowed algorithms. Default: all of [`SigningAlgorithm`]. A key admits those of its
    /// own family only, whatever this list says.
    #[must_use]
    pub fn algorithms(mut self, allowed: impl IntoIterator<Item = SigningAlgorithm>) -> Self {
        self.algorithms = allowed.into_iter().collect();
        self
    }

    /// Sets the claim with the realm. Default: none, and senders have no realm. A token without the
    /// claim is refused.
    ///
    /// The name of a claim is its member in the token, or a path with dots: `realm_access.roles`.
    #[must_use]
    pub fn realm_claim(mut self, name: impl Into<String>) -> Self {
        self.rules.realm = Some(name.into());
        self
    }

    /// Sets the claim with the roles: a list of texts, or one text with spaces between the roles.
    /// Default: none. A token without the claim has no roles.
    #[must_use]
    pub fn roles_claim(mut self, name: impl Into<String>) -> Self {
        self.rules.roles = Some(name.into());
        self
    }

    /// Sets the claim with the profile of the user. Default: none. A token without the claim has no
    /// profile.
    #[must_use]
    pub fn profile_claim(mut self, name: impl Into<String>) -> Self {
        self.rules.profile = Some(name.into());
        self
    }

    /// Sets the claim with the organization of the user. Default: none. A token without the claim
    /// has no organization.
    #[must_use]
    pub fn organization_claim(mut self, name: impl Into<String>) -> Self {
        self.rules.organization = Some(name.into());
        self
    }

    /// Takes a subject, profile or organization that is a UUID (with hyphens, in lower case) as it
    /// is. Other values, and all without this setting, give the UUIDv5 of issuer and value. Set it
    /// only for an issuer that draws the UUIDs, since a user of it could else choose that of
    /// another issuer's user.
    #[must_use]
    pub fn uuid_subjects(mut self) -> Self {
        self.rules.takes_uuids = true;
        self
    }

    /// Sets the source of the contexts of senders. Default: `jwt`.
    #[must_use]
    pub fn source(mut self, name: impl Into<String>) -> Self {
        self.rules.source = name.into();
        self
    }

    /// Sets the clock, by which tokens expire and keys are refreshed.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self.keys.set_clock(Arc::clone(&self.clock));
        self
    }

    async fn verify(&self, token: Option<&str>) -> Result<Authenticated, TokenFault> {
        let token = token.ok_or(TokenFault::Missing)?;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenFault::Malformed);
        }
        let hash = blake3::hash(token.as_bytes());
        if let Some(sender) = self.verified.get(&hash, self.clock.now()) {
            return Ok(sender);
        }
        let head = token::head(token, &self.algorithms)?;
        let key = self.keys.find(head.key_id.as_deref(), head.algorithm).await?;
        let claims = token::claims(token, head.algorithm, &key)?;
        // Read after the wait for the keys.
        let now = self.clock.now();
        let sender = self.rules.sender(&claims, now)?;
        self.verified.insert(hash, &sender, now);
        Ok(sender)
    }
}

impl Authenticator for JwtAuthenticator {
    async fn authenticate(&self, head: &RequestHead<'_>) -> Result<Authenticated, Unauthenticated> {
        Ok(self.verify(head.bearer()).await?)
    }

    fn security_scheme(&self) -> fluvius_core::serde_json::Value {
        fluvius_core::serde_json::json!({
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
        })
    }

    fn authorization_servers(&self) -> Vec<String> {
        vec![self.rules.issuer().to_owned()]
    }
}

impl fmt::Debug for JwtAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuthenticator")
            .field("rules", &self.rules)
            .field("algorithms", &self.algorithms)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
