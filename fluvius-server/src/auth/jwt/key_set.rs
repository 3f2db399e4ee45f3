//! The public keys of an issuer, as a JSON Web Key Set.

use fluvius_core::serde_json::{self, Value};
use jsonwebtoken::DecodingKey;
use serde::Deserialize;

use super::SigningAlgorithm;
use super::algorithm::RSA;
use super::key_source::KeySourceError;

/// Maximum size of a key set in bytes.
pub(super) const MAX_BYTES: usize = 256 << 10;

/// A key that verifies signatures.
#[derive(Debug, Clone)]
pub(super) struct Key {
    id: Option<String>,
    /// The algorithms of the key, all of one family.
    algorithms: Vec<SigningAlgorithm>,
    decoding: DecodingKey,
}

/// The keys of an issuer. At least one is usable.
#[derive(Debug)]
pub(super) struct KeySet {
    keys: Vec<Key>,
}

/// The result of a search for a key.
#[derive(Debug)]
pub(super) enum Found<'a> {
    Key(&'a Key),
    /// The key has another algorithm.
    OtherAlgorithm,
    Unknown,
}

impl Key {
    /// Creates the key of a shared secret.
    pub(super) fn from_secret(secret: &[u8]) -> Option<Self> {
        let decoding = DecodingKey::from_secret(secret).ok()?;
        Some(Self { id: None, algorithms: vec![SigningAlgorithm::Hs256], decoding })
    }

    pub(super) fn decoding(&self) -> &DecodingKey {
        &self.decoding
    }
}

impl KeySet {
    /// Creates the set of one key, which applies to tokens with any id of a key.
    pub(super) fn from_key(key: Key) -> Self {
        Self { keys: vec![key] }
    }

    /// Reads a key set. Keys of other types, for other uses, and symmetric ones are left out.
    ///
    /// # Errors
    /// A text that is too large, is no key set, or has no usable key.
    pub(super) fn from_json(text: &[u8]) -> Result<Self, KeySourceError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        if text.len() > MAX_BYTES {
            return Err(KeySourceError::TooLarge { max_bytes: MAX_BYTES });
        }
        let set: Set = serde_json::from_slice(text).map_err(|_| KeySourceError::InvalidKeySet)?;
        let keys: Vec<Key> = set.keys.into_iter().filter_map(usable).collect();
        if keys.is_empty() {
            return Err(KeySourceError::NoKey);
        }
        Ok(Self { keys })
    }

    /// Finds the key of a token. A token without the id of a key needs a set with one key for its
    /// algorithm.
    pub(super) fn find(&self, id: Option<&str>, algorithm: SigningAlgorithm) -> Found<'_> {
        let has_algorithm = |key: &&Key| key.algorithms.contains(&algorithm);
        if let [key @ Key { id: None, .. }] = self.keys.as_slice() {
            return if has_algorithm(&key) { Found::Key(key) } else { Found::OtherAlgorithm };
        }
        let Some(id) = id else {
            let mut keys = self.keys.iter().filter(has_algorithm);
            return match (keys.next(), keys.next()) {
                (Some(key), None) => Found::Key(key),
                (None, _) => Found::OtherAlgorithm,
                (Some(_), Some(_)) => Found::Unknown,
            };
        };
        let mut keys = self.keys.iter().filter(|key| key.id.as_deref() == Some(id)).peekable();
        if keys.peek().is_none() {
            return Found::Unknown;
        }
        keys.find(has_algorithm).map_or(Found::OtherAlgorithm, Found::Key)
    }
}

/// The members of a JSON Web Key that a verifier reads.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// Returns the key of a JWK if it verifies signatures. A symmetric key (`oct`) in a public set is
/// never one.
fn usable(jwk: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(jwk).ok()?;
    if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
        return None;
    }
    if jwk.key_ops.as_ref().is_some_and(|operations| operations.iter().all(|op| op != "verify")) {
        return None;
    }
    let curve = jwk.crv.as_deref();
    let (algorithms, decoding): (&[SigningAlgorithm], _) = match (jwk.kty.as_str(), curve) {
        ("RSA", _) => (RSA, DecodingKey::from_rsa_components(jwk.n.as_ref()?, jwk.e.as_ref()?)),
        ("EC", Some("P-256")) => (
            &[SigningAlgorithm::Es256],
            DecodingKey::from_ec_components(jwk.x.as_ref()?, jwk.y.as_ref()?),
        ),
        ("EC", Some("P-384")) => (
            &[SigningAlgorithm::Es384],
            DecodingKey::from_ec_components(jwk.x.as_ref()?, jwk.y.as_ref()?),
        ),
        ("OKP", Some("Ed25519")) => {
            (&[SigningAlgorithm::EdDsa], DecodingKey::from_ed_components(jwk.x.as_ref()?))
        }
        _ => return None,
    };
    let algorithms = match &jwk.alg {
        None => algorithms.to_vec(),
        Some(name) => {
            let own = SigningAlgorithm::from_name(name)?;
            algorithms.iter().copied().filter(|each| *each == own).collect()
        }
    };
    let key = Key { id: jwk.kid, algorithms, decoding: decoding.ok()? };
    (!key.algorithms.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fluvius_core::serde_json::json;

    fn set(keys: &[Value]) -> Result<KeySet, KeySourceError> {
        KeySet::from_json(json!({ "keys": keys }).to_string().as_bytes())
    }

    fn rsa(id: &str) -> Value {
        json!({ "kty": "RSA", "kid": id, "n": "AQAB", "e": "AQAB" })
    }

    fn with(mut key: Value, name: &str, value: Value) -> Value {
        key[name] = value;
        key
    }

    #[test]
    fn keys_for_other_uses_are_left_out() {
        for unusable in [
            json!({ "kty": "oct", "kid": "a", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0" }),
            with(rsa("a"), "use", json!("enc")),
            with(rsa("a"), "key_ops", json!(["encrypt"])),
            with(rsa("a"), "alg", json!("HS256")),
            with(rsa("a"), "alg", json!("ES256")),
            with(rsa("a"), "alg", json!("RSA-OAEP")),
            with(rsa("a"), "n", json!("not base64!")),
            json!({ "kty": "EC", "crv": "P-521", "x": "AA", "y": "AA" }),
            json!({ "kty": "OKP", "crv": "X25519", "x": "AA" }),
            json!(7),
        ] {
            let read = set(std::slice::from_ref(&unusable));
            assert!(matches!(read, Err(KeySourceError::NoKey)), "{unusable}");
            assert_eq!(set(&[unusable, rsa("b")]).unwrap().keys.len(), 1);
        }
    }

    #[test]
    fn key_has_algorithms_of_one_family() {
        let set = set(&[rsa("a"), with(rsa("b"), "alg", json!("PS256"))]).unwrap();
        let found = |id, algorithm| match set.find(Some(id), algorithm) {
            Found::Key(_) => "key",
            Found::OtherAlgorithm => "other",
            Found::Unknown => "unknown",
        };
        assert_eq!(found("a", SigningAlgorithm::Rs256), "key");
        assert_eq!(found("a", SigningAlgorithm::Ps512), "key");
        assert_eq!(found("a", SigningAlgorithm::Hs256), "other");
        assert_eq!(found("a", SigningAlgorithm::Es256), "other");
        assert_eq!(found("b", SigningAlgorithm::Ps256), "key");
        assert_eq!(found("b", SigningAlgorithm::Rs256), "other");
        assert_eq!(found("c", SigningAlgorithm::Rs256), "unknown");
    }

    #[test]
    fn token_without_a_key_id_needs_a_unique_key() {
        let one = set(&[rsa("a")]).unwrap();
        assert!(matches!(one.find(None, SigningAlgorithm::Rs256), Found::Key(_)));
        let two = set(&[rsa("a"), rsa("b")]).unwrap();
        assert!(matches!(two.find(None, SigningAlgorithm::Rs256), Found::Unknown));
    }

    #[test]
    fn large_or_other_texts_are_refused() {
        let large = vec![b' '; MAX_BYTES + 1];
        assert!(matches!(KeySet::from_json(&large), Err(KeySourceError::TooLarge { .. })));
        for text in ["", "[]", "{}", "{\"keys\":{}}", "<html>"] {
            let read = KeySet::from_json(text.as_bytes());
            assert!(matches!(read, Err(KeySourceError::InvalidKeySet)), "{text}");
        }
    }
}
