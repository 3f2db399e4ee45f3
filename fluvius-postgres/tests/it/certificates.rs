//! Whom a store takes for its server.

use std::error::Error;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use fluvius_core::StoreError;
use fluvius_postgres::PostgresStore;
use fluvius_postgres::testing::PrivateServer;

use crate::proxy::Proxy;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_tls_is_refused_where_it_is_required() {
    let Some(server) = PrivateServer::start_with(&[]) else { return };
    let url = Proxy::start(server.socket()).await.url();
    assert!(PostgresStore::open(&url.replace("=disable", "=require")).await.is_err());
    PostgresStore::open(&url).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_certificate_nobody_vouches_for_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("server.crt"), folder.path().join("server.key"));
    if !make_certificate(&certificate, &key) {
        eprintln!("skipped: no openssl to make a certificate with");
        return;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", certificate.display()),
        format!("ssl_key_file={}", key.display()),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let Some(_server) = PrivateServer::start_with(&settings) else { return };
    let address = format!("host=127.0.0.1 port={port} user=postgres dbname=postgres");
    // Asked for or not.
    for url in [format!("{address} sslmode=require"), address.clone()] {
        assert_not_trusted(PostgresStore::open(&url).await);
        let options = PostgresStore::options().root_certificates(&certificate);
        options.open(&url).await.unwrap();
    }
    // It is one for 127.0.0.1, and for no other name.
    let other = address.replace("host=", "host=localhost hostaddr=");
    let options = PostgresStore::options().root_certificates(&certificate);
    assert_not_trusted(options.open(&other).await);
    PostgresStore::open(&format!("{address} sslmode=disable")).await.unwrap();
}

fn assert_not_trusted(opened: Result<PostgresStore, StoreError>) {
    let source = format!("{:?}", opened.unwrap_err().source());
    assert!(source.contains("InvalidCertificate"), "{source}");
}

/// What openssl is told of the certificate.
const REQUEST: &str = "[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = test
[extensions]
basicConstraints = critical, CA:FALSE
subjectAltName = IP:127.0.0.1
";

/// A certificate of 127.0.0.1 that vouches for itself, for a server that may run as `postgres`.
fn make_certificate(certificate: &Path, key: &Path) -> bool {
    let folder = key.parent().unwrap();
    let request = folder.join("request");
    std::fs::write(&request, REQUEST).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-config"]);
    let made = openssl.arg(request).arg("-keyout").arg(key).arg("-out").arg(certificate).output();
    // Where the server's user is this one, this fails and is not needed.
    let _ = Command::new("chown").args(["-R", "postgres"]).arg(folder).output();
    made.is_ok_and(|output| output.status.success())
}
