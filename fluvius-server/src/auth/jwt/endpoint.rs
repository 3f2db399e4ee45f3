//! The server of a key set: one GET request by HTTPS, without redirects.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::key_set::MAX_BYTES;
use super::key_source::KeySourceError;

/// Maximum time from the connection to the last byte of the answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The server of a key set.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    is_tls: bool,
    /// The value of the header `Host`.
    authority: String,
    /// The host, without the brackets of an IPv6 address.
    host: String,
    port: u16,
    path: String,
    /// Root certificates beside those of the system.
    roots: Vec<CertificateDer<'static>>,
}

impl Endpoint {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`KeySourceError::InvalidUrl`].
    pub(super) fn parse(url: &str) -> Result<Self, KeySourceError> {
        let invalid = |reason| KeySourceError::InvalidUrl { reason };
        let uri: Uri = url.parse().map_err(|_| invalid("not a URL"))?;
        let authority = uri.authority().ok_or_else(|| invalid("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(invalid("a user name is not supported"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if is_loopback(&host) => false,
            Some("http") => return Err(invalid("`http` is for loopback hosts, use `https`")),
            _ => return Err(invalid("the scheme is not `https`")),
        };
        if is_tls && ServerName::try_from(host.as_str()).is_err() {
            return Err(invalid("the host is no name of a server"));
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let default_port = if is_tls { 443 } else { 80 };
        Ok(Self {
            is_tls,
            authority: authority.to_string(),
            host,
            port: authority.port_u16().unwrap_or(default_port),
            path,
            roots: Vec::new(),
        })
    }

    /// Adds root certificates in PEM.
    ///
    /// # Errors
    /// [`KeySourceError::InvalidCertificate`].
    pub(super) fn add_roots(&mut self, pem: &[u8]) -> Result<(), KeySourceError> {
        let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let parsed = parsed.ok().filter(|certificates| !certificates.is_empty());
        let certificates = parsed.ok_or(KeySourceError::InvalidCertificate)?;
        for certificate in certificates {
            let added = RootCertStore::empty().add(certificate.clone());
            added.map_err(|_| KeySourceError::InvalidCertificate)?;
            self.roots.push(certificate);
        }
        Ok(())
    }

    /// Requests the key set.
    ///
    /// # Errors
    /// [`KeySourceError::Fetch`] if the server is unreachable, does not answer in time, or answers
    /// with another status than 200; [`KeySourceError::TooLarge`].
    pub(super) async fn get(&self) -> Result<Vec<u8>, KeySourceError> {
        match tokio::time::timeout(TIMEOUT, self.request()).await {
            Ok(answered) => answered,
            Err(_) => Err(failed(format!("no key set within {} s", TIMEOUT.as_secs()))),
        }
    }

    async fn request(&self) -> Result<Vec<u8>, KeySourceError> {
        let connected = TcpStream::connect((self.host.as_str(), self.port)).await;
        let stream = connected.map_err(|error| failed(format!("cannot connect: {error}")))?;
        if !self.is_tls {
            // The name of a loopback host may resolve to another address.
            let is_loopback = stream.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
            return match is_loopback {
                true => self.exchange(stream).await,
                false => Err(failed("the host is not on the loopback interface".to_owned())),
            };
        }
        let connector = TlsConnector::from(Arc::new(self.tls().await?));
        let name = ServerName::try_from(self.host.clone());
        let name = name.map_err(|_| failed("the host is no name of a server".to_owned()))?;
        let secured = connector.connect(name, stream).await;
        self.exchange(secured.map_err(|error| failed(format!("TLS failed: {error}")))?).await
    }

    async fn tls(&self) -> Result<ClientConfig, KeySourceError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(self.roots.iter().cloned());
        // Reads files. A certificate that cannot be read is left out: a server that needs it fails
        // verification.
        let system = tokio::task::spawn_blocking(|| rustls_native_certs::load_native_certs().certs);
        roots.add_parsable_certificates(system.await.unwrap_or_default());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(format!("TLS cannot be set up: {error}")))?;
        Ok(config.with_root_certificates(roots).with_no_client_auth())
    }

    /// Sends the request on a connection, and reads its answer.
    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Vec<u8>, KeySourceError> {
        let broken = |error: hyper::Error| failed(format!("the connection failed: {error}"));
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        let request = Request::get(&self.path)
            .header(header::HOST, &self.authority)
            .header(header::ACCEPT, "application/jwk-set+json, application/json")
            .header(header::USER_AGENT, concat!("fluvius/", env!("CARGO_PKG_VERSION")))
            .body(Empty::<Bytes>::new())
            .map_err(|error| failed(format!("the request cannot be sent: {error}")))?;
        let answered = async {
            let response = sender.send_request(request).await.map_err(broken)?;
            match response.status() {
                StatusCode::OK => {}
                status if status.is_redirection() => {
                    return Err(failed(format!("a redirect is refused (status {status})")));
                }
                status => return Err(failed(format!("the answer has status {status}"))),
            }
            let body = Limited::new(response.into_body(), MAX_BYTES).collect().await;
            let body = body.map_err(|error| match error.downcast::<hyper::Error>() {
                Ok(error) => broken(*error),
                Err(_) => KeySourceError::TooLarge { max_bytes: MAX_BYTES },
            })?;
            Ok(body.to_bytes().into())
        };
        // Polled here, so that a cancelled request also ends its connection.
        let mut connection = std::pin::pin!(connection);
        let mut answered = std::pin::pin!(answered);
        tokio::select! {
            answered = &mut answered => answered,
            ended = &mut connection => {
                ended.map_err(broken)?;
                answered.await
            }
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn failed(reason: String) -> KeySourceError {
    KeySourceError::Fetch { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_hosts_only() {
        for url in [
            "https://login.example.org/keys",
            "https://192.0.2.7:8443",
            "https://[2001:db8::1]/keys",
            "http://localhost:9000/jwks",
            "http://127.0.0.1/jwks?v=1",
            "http://[::1]:80/jwks",
        ] {
            assert!(Endpoint::parse(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "/keys",
            "login.example.org/keys",
            "http://login.example.org/keys",
            "http://localhost.example.org/keys",
            "http://127.0.0.1@example.org/keys",
            "http://0.0.0.0/keys",
            "https://user:secret@example.org/keys",
            "ftp://localhost/keys",
            "file:///etc/keys.json",
            "https://exa mple.org/",
        ] {
            let parsed = Endpoint::parse(url);
            assert!(matches!(parsed, Err(KeySourceError::InvalidUrl { .. })), "{url}");
        }
    }

    #[test]
    fn parts_of_a_url_are_those_of_the_request() {
        let endpoint = Endpoint::parse("https://[2001:db8::1]:8443/keys?v=1").unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.port), ("2001:db8::1", 8443));
        assert_eq!(endpoint.authority, "[2001:db8::1]:8443");
        assert_eq!(endpoint.path, "/keys?v=1");
        assert_eq!(Endpoint::parse("https://example.org").unwrap().port, 443);
    }

    #[test]
    fn certificates_must_be_pem() {
        let mut endpoint = Endpoint::parse("https://example.org").unwrap();
        for pem in
            ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            assert!(endpoint.add_roots(pem.as_bytes()).is_err(), "{pem}");
        }
    }
}
