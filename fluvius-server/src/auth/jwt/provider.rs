//! The cryptography of `jsonwebtoken`, on `ring`. It verifies signatures and makes none.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::signature::{RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: no_signer,
    verifier_factory: verifier,
    // Of no use here: a JWK with public numbers needs none of them.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Installs the provider, unless the program has one.
///
/// Without a provider, `jsonwebtoken` panics at the first token.
pub(super) fn install() {
    if CryptoProvider::try_get_default().is_none() {
        // If another thread installs one in between, that one is used.
        let _ = PROVIDER.install_default();
    }
}

fn no_signer(_: &Algorithm, _: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Err(ErrorKind::UnsupportedAlgorithm.into())
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    if algorithm.family() != key.family() {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Box::new(RingVerifier { algorithm: *algorithm, key: key.clone() }))
}

/// A verifier of one algorithm by one key.
struct RingVerifier {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let verified = match (self.algorithm.family(), self.key.kind()) {
            (AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                let parameters = rsa(self.algorithm).ok_or_else(signature::Error::new)?;
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            (_, DecodingKeyKind::SecretOrDer(key)) => {
                return verify_bytes(self.algorithm, key, message, signature);
            }
            _ => return Err(signature::Error::new()),
        };
        verified.map_err(|_| signature::Error::new())
    }
}

fn rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        Algorithm::RS256 => &ring::signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &ring::signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &ring::signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &ring::signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &ring::signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &ring::signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

/// Verifies by a key of bytes: a secret, a point of a curve, or the DER of an RSA key.
fn verify_bytes(
    algorithm: Algorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), signature::Error> {
    let failed = |_| signature::Error::new();
    let parameters: &'static dyn ring::signature::VerificationAlgorithm = match algorithm {
        Algorithm::HS256 => return verify_hmac(ring::hmac::HMAC_SHA256, key, message, signature),
        Algorithm::HS384 => return verify_hmac(ring::hmac::HMAC_SHA384, key, message, signature),
        Algorithm::HS512 => return verify_hmac(ring::hmac::HMAC_SHA512, key, message, signature),
        Algorithm::ES256 => &ring::signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::ES384 => &ring::signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::EdDSA => &ring::signature::ED25519,
        _ => rsa(algorithm).ok_or_else(signature::Error::new)?,
    };
    UnparsedPublicKey::new(parameters, key).verify(message, signature).map_err(failed)
}

fn verify_hmac(
    algorithm: ring::hmac::Algorithm,
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), signature::Error> {
    let key = ring::hmac::Key::new(algorithm, key);
    ring::hmac::verify(&key, message, signature).map_err(|_| signature::Error::new())
}
