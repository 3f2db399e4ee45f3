//! The outer form of a token: its header, and its signature.

use fluvius_core::serde_json::{Map, Value};
use jsonwebtoken::Validation;
use jsonwebtoken::errors::ErrorKind;

use super::SigningAlgorithm;
use super::key_set::Key;
use super::token_fault::TokenFault;

/// The part of a header that chooses the key.
pub(super) struct Head {
    pub(super) algorithm: SigningAlgorithm,
    pub(super) key_id: Option<String>,
}

/// Reads the header of a token, which is not verified yet. Keys and addresses in it are ignored.
///
/// # Errors
/// A malformed header, an algorithm that is not allowed, or `crit`.
pub(super) fn head(token: &str, allowed: &[SigningAlgorithm]) -> Result<Head, TokenFault> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenFault::Malformed)?;
    if header.crit.is_some() {
        return Err(TokenFault::Critical);
    }
    let algorithm = SigningAlgorithm::from_library(header.alg);
    let algorithm = algorithm.filter(|algorithm| allowed.contains(algorithm));
    let algorithm = algorithm.ok_or(TokenFault::Algorithm)?;
    Ok(Head { algorithm, key_id: header.kid })
}

/// Verifies the signature of a token, and returns its claims, which are not checked yet.
///
/// # Errors
/// An invalid signature, or claims that are no JSON object.
pub(super) fn claims(
    token: &str,
    algorithm: SigningAlgorithm,
    key: &Key,
) -> Result<Map<String, Value>, TokenFault> {
    let mut validation = Validation::new(algorithm.library());
    // The claims are checked by `ClaimRules`, with the clock of the authenticator.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    let decoded = jsonwebtoken::decode(token, key.decoding(), &validation);
    let decoded = decoded.map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature => TokenFault::Signature,
        ErrorKind::InvalidAlgorithm => TokenFault::Algorithm,
        _ => TokenFault::Malformed,
    })?;
    Ok(decoded.claims)
}
