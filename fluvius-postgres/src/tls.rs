//! TLS: the verification of server certificates, and the certificate of the client.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fluvius_store::StoreError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// The ALPN name of PostgreSQL's protocol, which a direct handshake requires.
const PROTOCOL: &[u8] = b"postgresql";

/// The values of `sslmode` in libpq.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mode {
    /// No TLS.
    Disable,
    /// No TLS, unless the server demands it. No certificate is verified.
    Allow,
    /// TLS if the server offers it and the handshake succeeds. No certificate is verified.
    Prefer,
    /// TLS. No certificate is verified.
    Require,
    /// TLS with a certificate that a trusted authority has signed.
    VerifyCa,
    /// TLS with a certificate that a trusted authority has signed for the name of the host.
    VerifyFull,
}

impl Mode {
    /// Returns true if a connection without TLS is rejected.
    pub(crate) fn needs_tls(self) -> bool {
        self >= Self::Require
    }

    /// Returns the mode of the first attempt, and of a second one after a failure of encryption.
    pub(crate) fn attempts(self) -> (SslMode, Option<SslMode>) {
        match self {
            Self::Disable => (SslMode::Disable, None),
            Self::Allow => (SslMode::Disable, Some(SslMode::Require)),
            Self::Prefer => (SslMode::Prefer, Some(SslMode::Disable)),
            Self::Require | Self::VerifyCa | Self::VerifyFull => (SslMode::Require, None),
        }
    }
}

/// The trusted authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Roots {
    /// Those of the system.
    System,
    /// Those of the system, and those of `PostgresOptions::root_certificates`.
    SystemAndOption,
    /// Only those of a file in the address.
    File(PathBuf),
}

/// The TLS settings of an address.
#[derive(Debug)]
pub(crate) struct Tls {
    pub(crate) mode: Mode,
    pub(crate) roots: Roots,
    /// The files with the certificates and the key of the client.
    pub(crate) client: Option<(PathBuf, PathBuf)>,
    /// Set if the handshake names the host (SNI).
    pub(crate) sends_name: bool,
    /// Set if the connection begins with the handshake.
    pub(crate) is_direct: bool,
}

impl Tls {
    /// Returns the connector. `file` is that of `PostgresOptions::root_certificates`.
    pub(crate) fn connect(&self, file: Option<&Path>) -> Result<MakeRustlsConnect, StoreError> {
        let failed =
            |error: Error| StoreError::permanent("TLS cannot be set up").with_source(error);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Arc::new(self.verifier(&provider, file)?);
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &self.client {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let key_of_client = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| unreadable("sslkey", key, error))?;
                let chain = certificates("sslcert", certificate)?;
                config.with_client_auth_cert(chain, key_of_client).map_err(|error| {
                    StoreError::permanent("the files of `sslcert` and `sslkey` do not match")
                        .with_source(error)
                })?
            }
        };
        config.enable_sni = self.sends_name;
        if self.is_direct {
            config.alpn_protocols = vec![PROTOCOL.to_vec()];
        }
        Ok(MakeRustlsConnect::new(config))
    }

    fn verifier(
        &self,
        provider: &CryptoProvider,
        file: Option<&Path>,
    ) -> Result<Verifier, StoreError> {
        let mut roots = RootCertStore::empty();
        let mut named = Vec::new();
        if self.mode >= Mode::VerifyCa {
            match &self.roots {
                Roots::File(file) => named = certificates("sslrootcert", file)?,
                Roots::System | Roots::SystemAndOption => {
                    // An unreadable certificate is left out. A server that needs it fails
                    // verification.
                    let system = rustls_native_certs::load_native_certs().certs;
                    roots.add_parsable_certificates(system);
                }
            }
            if let Some(file) = file {
                named.extend(certificates("root_certificates", file)?);
            }
            for certificate in &named {
                roots.add(certificate.clone()).map_err(|error| {
                    StoreError::permanent("a certificate of an authority cannot be used")
                        .with_source(error)
                })?;
            }
        }
        let algorithms = provider.signature_verification_algorithms;
        Ok(Verifier { mode: self.mode, roots, named, algorithms })
    }
}

/// Reads a file of certificates; `setting` names it.
fn certificates(setting: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let unreadable = |error| unreadable(setting, file, error);
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(file).map_err(unreadable)?.collect();
    let certificates = certificates.map_err(unreadable)?;
    match certificates.is_empty() {
        false => Ok(certificates),
        true => Err(StoreError::permanent(format!(
            "the file `{}` of `{setting}` contains no certificate in PEM",
            file.display()
        ))),
    }
}

fn unreadable(
    setting: &str,
    file: &Path,
    error: impl std::error::Error + Send + Sync + 'static,
) -> StoreError {
    let file = file.display();
    StoreError::permanent(format!("the file `{file}` of `{setting}` cannot be read"))
        .with_source(error)
}

/// Verifies the certificate of a server as `sslmode` requires.
#[derive(Debug)]
struct Verifier {
    mode: Mode,
    roots: RootCertStore,
    /// The certificates from files, which are also among the trusted authorities.
    named: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn verify_chain(
        &self,
        end: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let parsed = ParsedCertificate::try_from(end)?;
        let verified = verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &self.roots,
            intermediates,
            now,
            self.algorithms.all,
        );
        match verified {
            // The usual self-signed certificate is marked as an authority, which webpki rejects for
            // a server after it has checked the validity. A certificate in a given file is trusted
            // as it is.
            Err(Error::InvalidCertificate(CertificateError::Other(_)))
                if self.named.iter().any(|named| named.as_ref() == end.as_ref()) =>
            {
                Ok(())
            }
            verified => verified,
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.mode >= Mode::VerifyCa {
            self.verify_chain(end, intermediates, now)?;
        }
        if self.mode == Mode::VerifyFull {
            verify_server_name(&ParsedCertificate::try_from(end)?, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    // Signatures are verified in every mode: channel binding requires that the server has the key
    // of its certificate.

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
