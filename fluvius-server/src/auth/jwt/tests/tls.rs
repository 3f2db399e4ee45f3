//! Key sets by HTTPS.

use axum::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::super::fixture::{Signer, key_set};
use super::*;

/// A certificate of `localhost` for tests only, which has signed itself.
const CERTIFICATE: &[u8] = include_bytes!("../fixture_tls_certificate.pem");
/// Its key, for tests only.
const KEY: &[u8] = include_bytes!("../fixture_tls_key.der");

/// Starts a server of a key set by HTTPS. Returns its port.
async fn serve(keys: String) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivatePkcs8KeyDer::from(KEY).into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let keys = Bytes::from(keys);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not trust the certificate ends the handshake.
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let keys = keys.clone();
            let answer = hyper::service::service_fn(move |_| {
                let body = http_body_util::Full::new(keys.clone());
                std::future::ready(Ok::<_, std::convert::Infallible>(hyper::Response::new(body)))
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), answer));
        }
    });
    port
}

#[tokio::test]
async fn certificate_of_the_server_is_verified() {
    let signer = Signer::p256("a");
    let port = serve(key_set(&[&signer])).await;
    let token = signer.token("ES256", &claims(json!({})));
    let reason = "the keys of the issuer are not available";

    let source = |host: &str| KeySource::url(&format!("https://{host}:{port}/keys")).unwrap();
    let trusted = source("localhost").with_root_certificates(CERTIFICATE).unwrap();
    send(&authenticator(trusted), &token).await.unwrap();

    let unknown = authenticator(source("localhost"));
    check_refused(send(&unknown, &token).await, &token, reason);
    // The certificate has no such name.
    let other = source("127.0.0.1").with_root_certificates(CERTIFICATE).unwrap();
    check_refused(send(&authenticator(other), &token).await, &token, reason);
}
