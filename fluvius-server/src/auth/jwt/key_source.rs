//! The origin of the keys that verify tokens.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use super::endpoint::Endpoint;
use super::key_set::{Key, KeySet, MAX_BYTES};

/// Minimum length of a secret in bytes: the length of a SHA-256 hash (RFC 7518, section 3.2).
const MIN_SECRET_BYTES: usize = 32;

/// The origin of the keys that verify tokens.
///
/// Key sets of a file or a URL are read again every 15 minutes, and at most once a minute if a
/// token names an unknown key. If a set cannot be read, the previous one is used for up to 24 h.
///
/// # Examples
///
/// ```
/// use fluvius_server::KeySource;
///
/// # fn run() -> Result<(), fluvius_server::KeySourceError> {
/// let remote = KeySource::url("https://login.example.org/.well-known/jwks.json")?;
/// let local = KeySource::file("/etc/bank/keys.json");
/// assert!(KeySource::secret(b"too short").is_err());
/// assert!(KeySource::url("http://login.example.org/keys").is_err());
/// # Ok(())
/// # }
/// # run().unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct KeySource {
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Fixed(Arc<KeySet>),
    File(PathBuf),
    Url(Box<Endpoint>),
}

/// A fault of a key source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeySourceError {
    /// The secret is too short for HMAC with SHA-256.
    #[error("the secret has {bytes} bytes: draw one of at least {MIN_SECRET_BYTES}")]
    ShortSecret {
        /// The length of the secret.
        bytes: usize,
    },
    /// The text is no JSON Web Key Set.
    #[error("the text is no JSON Web Key Set")]
    InvalidKeySet,
    /// No key of the set verifies signatures.
    #[error("the key set has no public key for signatures of a supported algorithm")]
    NoKey,
    /// The key set is too large.
    #[error("the key set has more than {max_bytes} bytes")]
    TooLarge {
        /// The limit.
        max_bytes: usize,
    },
    /// The URL cannot be used.
    #[error("invalid URL of a key set: {reason}")]
    InvalidUrl {
        /// The reason.
        reason: &'static str,
    },
    /// A certificate of an authority cannot be used.
    #[error("a root certificate cannot be used")]
    InvalidCertificate,
    /// The file cannot be read.
    #[error("the file of a key set cannot be read")]
    File {
        /// The cause.
        source: std::io::Error,
    },
    /// The server of the key set did not answer with one.
    #[error("{reason}")]
    Fetch {
        /// The reason.
        reason: String,
    },
}

impl KeySource {
    /// Creates the source of a secret that issuer and server share, for HMAC with SHA-256.
    ///
    /// # Errors
    /// [`KeySourceError::ShortSecret`] below 32 bytes.
    pub fn secret(secret: &[u8]) -> Result<Self, KeySourceError> {
        let short = KeySourceError::ShortSecret { bytes: secret.len() };
        let key = Key::from_secret(secret).filter(|_| secret.len() >= MIN_SECRET_BYTES);
        let set = KeySet::from_key(key.ok_or(short)?);
        Ok(Self { kind: Kind::Fixed(Arc::new(set)) })
    }

    /// Creates a source from the text of a JSON Web Key Set. Symmetric keys in it are ignored.
    ///
    /// # Errors
    /// A text that is no key set, is larger than 256 KiB, or has no usable key.
    pub fn json(key_set: &str) -> Result<Self, KeySourceError> {
        let set = KeySet::from_json(key_set.as_bytes())?;
        Ok(Self { kind: Kind::Fixed(Arc::new(set)) })
    }

    /// Creates a source from a file with a JSON Web Key Set, which is read when the first token
    /// arrives.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { kind: Kind::File(path.into()) }
    }

    /// Creates a source from the URL of a JSON Web Key Set (`jwks_uri`), which is read when the
    /// first token arrives. Redirects are refused.
    ///
    /// # Errors
    /// [`KeySourceError::InvalidUrl`] unless it is `https`, or `http` on a loopback host.
    pub fn url(url: &str) -> Result<Self, KeySourceError> {
        Ok(Self { kind: Kind::Url(Box::new(Endpoint::parse(url)?)) })
    }

    /// Adds root certificates in PEM to those of the system, for a URL. Other sources ignore them.
    ///
    /// # Errors
    /// [`KeySourceError::InvalidCertificate`] if there is none, or one cannot be used.
    pub fn with_root_certificates(mut self, pem: &[u8]) -> Result<Self, KeySourceError> {
        if let Kind::Url(endpoint) = &mut self.kind {
            endpoint.add_roots(pem)?;
        }
        Ok(self)
    }

    /// Returns the keys if they never change.
    pub(super) fn fixed(&self) -> Option<&Arc<KeySet>> {
        match &self.kind {
            Kind::Fixed(set) => Some(set),
            Kind::File(_) | Kind::Url(_) => None,
        }
    }

    /// Reads the key set.
    pub(super) async fn read(&self) -> Result<Arc<KeySet>, KeySourceError> {
        let text = match &self.kind {
            Kind::Fixed(set) => return Ok(Arc::clone(set)),
            Kind::File(path) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || read_file(&path)).await;
                let read = read.unwrap_or_else(|error| Err(std::io::Error::other(error)));
                read.map_err(|source| KeySourceError::File { source })?
            }
            Kind::Url(endpoint) => endpoint.get().await?,
        };
        KeySet::from_json(&text).map(Arc::new)
    }
}

/// Reads up to one byte more than a key set may have.
fn read_file(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_have_at_least_32_bytes() {
        for (bytes, is_valid) in [(0, false), (31, false), (32, true), (64, true)] {
            assert_eq!(KeySource::secret(&vec![7; bytes]).is_ok(), is_valid, "{bytes}");
        }
    }

    #[test]
    fn debug_output_hides_the_secret() {
        let source = KeySource::secret(&[77; 32]).unwrap();
        let text = format!("{source:?}");
        assert!(!text.contains("77") && text.contains("redacted"), "{text}");
    }
}
