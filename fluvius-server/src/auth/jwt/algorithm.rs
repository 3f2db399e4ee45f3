//! The algorithms of signatures, and their names in headers and keys.

use jsonwebtoken::Algorithm;

/// An algorithm by which a token is signed (RFC 7518, section 3.1, and RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// HMAC with SHA-256, by a secret that issuer and server share.
    Hs256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

/// The algorithms of RSA keys.
pub(super) const RSA: &[SigningAlgorithm] = &[
    SigningAlgorithm::Rs256,
    SigningAlgorithm::Rs384,
    SigningAlgorithm::Rs512,
    SigningAlgorithm::Ps256,
    SigningAlgorithm::Ps384,
    SigningAlgorithm::Ps512,
];

impl SigningAlgorithm {
    /// All algorithms.
    pub(super) const ALL: &'static [Self] = &[
        Self::Hs256,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// Returns the algorithm with the name that headers and keys use.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        name.parse().ok().and_then(Self::from_library)
    }

    pub(super) fn from_library(algorithm: Algorithm) -> Option<Self> {
        Self::ALL.iter().copied().find(|each| each.library() == algorithm)
    }

    pub(super) fn library(self) -> Algorithm {
        match self {
            Self::Hs256 => Algorithm::HS256,
            Self::Rs256 => Algorithm::RS256,
            Self::Rs384 => Algorithm::RS384,
            Self::Rs512 => Algorithm::RS512,
            Self::Ps256 => Algorithm::PS256,
            Self::Ps384 => Algorithm::PS384,
            Self::Ps512 => Algorithm::PS512,
            Self::Es256 => Algorithm::ES256,
            Self::Es384 => Algorithm::ES384,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_rfc_7518() {
        let names = [
            "HS256", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384",
            "EdDSA",
        ];
        for (name, algorithm) in names.iter().zip(SigningAlgorithm::ALL) {
            assert_eq!(SigningAlgorithm::from_name(name), Some(*algorithm), "{name}");
        }
        for name in ["none", "None", "", "hs256", "HS512", "ES512"] {
            assert_eq!(SigningAlgorithm::from_name(name), None, "{name}");
        }
    }
}
