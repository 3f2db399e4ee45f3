//! The servers that a store accepts, by `sslmode` and trusted authorities.

use std::error::Error;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use fluvius_postgres::PostgresStore;
use fluvius_store::StoreError;
use fluvius_testing::servers::{PrivateServer, Proxy};

use crate::client;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_without_tls_is_rejected_if_it_is_required() {
    let Some(server) = PrivateServer::start_with(&[]) else { return };
    let url = Proxy::start(server.socket(), &[]).await.url();
    for mode in ["require", "verify-ca", "verify-full"] {
        let rejected = PostgresStore::open(&url.replace("=disable", &format!("={mode}"))).await;
        let error = rejected.unwrap_err();
        assert!(!error.is_retryable(), "{mode}: {error}");
        assert!(error.to_string().starts_with("the server offers no TLS"), "{mode}: {error}");
    }
    for mode in ["disable", "allow", "prefer"] {
        PostgresStore::open(&url.replace("=disable", &format!("={mode}"))).await.unwrap();
    }
    PostgresStore::open(&url.replace(" sslmode=disable", "")).await.unwrap();
    // A Unix socket uses no TLS in any mode.
    PostgresStore::open(&format!("{} sslmode=verify-full", server.url())).await.unwrap();
}

/// A server with TLS at 127.0.0.1, with a self-signed certificate.
struct TlsServer {
    folder: tempfile::TempDir,
    server: PrivateServer,
    /// An address without `sslmode`.
    address: String,
}

impl TlsServer {
    /// Starts a server. Its certificate has these extensions, in the form of openssl. Returns
    /// `None` if a required program is not installed.
    fn start(extensions: &str) -> Option<Self> {
        Self::start_with(extensions, "host all all all trust")
    }

    /// As `start`, with the lines of `pg_hba.conf` for TCP.
    fn start_with(extensions: &str, logins: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) =
            (folder.path().join("server.crt"), folder.path().join("server.key"));
        if !make_certificate(extensions, &certificate, &key) {
            eprintln!("skipped: no openssl to make a certificate with");
            return None;
        }
        let hba = folder.path().join("pg_hba.conf");
        std::fs::write(&hba, format!("local all all trust\n{logins}\n")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", certificate.display()),
            format!("ssl_key_file={}", key.display()),
            format!("hba_file={}", hba.display()),
            // A client may use the certificate of the server as its own.
            format!("ssl_ca_file={}", certificate.display()),
        ];
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let server = PrivateServer::start_with(&settings)?;
        let address = format!("host=127.0.0.1 port={port} user=postgres dbname=postgres");
        Some(Self { folder, server, address })
    }

    fn certificate(&self) -> String {
        self.folder.path().join("server.crt").display().to_string()
    }

    /// Returns the address of its socket, whose name contains the port.
    fn socket(&self) -> String {
        let port = self.address.split("port=").nth(1).unwrap().split(' ').next().unwrap();
        format!("{} port={port}", self.server.url())
    }

    /// Opens a store, and returns whether all of its connections are encrypted.
    async fn is_encrypted(&self, tail: &str) -> bool {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("store-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let url = format!("{} {tail} application_name='{name}'", self.address);
        let store = PostgresStore::open(&url).await;
        let store = store.unwrap_or_else(|error| panic!("{tail}: {error}, {:?}", error.source()));
        let beside = client(&self.socket()).await;
        let sql = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                   WHERE application_name = $1";
        let is_encrypted: Option<bool> = beside.query_one(sql, &[&name]).await.unwrap().get(0);
        drop(store);
        is_encrypted.unwrap_or_else(|| panic!("{tail}: no connection"))
    }
}

/// The default of `openssl req -x509`: the certificate is marked as an authority.
const STOCK: &str = "basicConstraints = critical, CA:TRUE";
/// Without extensions openssl creates a certificate of X.509 version 1.
const VERSION_1: &str = "";
const OF_HOST: &str = "basicConstraints = critical, CA:FALSE\nsubjectAltName = IP:127.0.0.1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn default_mode_accepts_a_self_signed_local_server() {
    let Some(server) = TlsServer::start(STOCK) else { return };
    for (tail, is_encrypted) in [
        ("", true),
        ("sslmode=disable", false),
        ("sslmode=allow", false),
        ("sslmode=prefer", true),
        ("sslmode=require", true),
    ] {
        assert_eq!(server.is_encrypted(tail).await, is_encrypted, "{tail}");
    }
    for mode in ["verify-ca", "verify-full", "verify-full sslrootcert=system"] {
        check_not_trusted(&format!("{} sslmode={mode}", server.address), "is self-signed").await;
    }
    let elsewhere = server.address.replace("host=", "host=db.example hostaddr=");
    // The address is that of this machine.
    PostgresStore::open(&elsewhere).await.unwrap();
    check_not_trusted(&format!("{elsewhere} sslmode=verify-full"), "is self-signed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn given_authorities_replace_those_of_the_system() {
    for extensions in [STOCK, OF_HOST] {
        let Some(server) = TlsServer::start(extensions) else { return };
        let named = format!("sslrootcert='{}'", server.certificate());
        for mode in ["require", "verify-ca"] {
            assert!(server.is_encrypted(&format!("sslmode={mode} {named}")).await, "{mode}");
        }
        let full = format!("{} sslmode=verify-full {named}", server.address);
        let option = PostgresStore::options().root_certificates(server.certificate());
        if extensions == STOCK {
            check_not_trusted(&full, "is for another host").await;
            option.open(&format!("{} sslmode=require", server.address)).await.unwrap();
            continue;
        }
        PostgresStore::open(&full).await.unwrap();
        option.clone().open(&server.address).await.unwrap();
        // The certificate is for 127.0.0.1 only.
        let other = server.address.replace("host=", "host=localhost hostaddr=");
        check_rejected(option.open(&other).await, "is for another host");
        check_not_trusted(&format!("{other} {named}"), "is for another host").await;
        // Another authority has not signed the certificate.
        let Some(another) = TlsServer::start(OF_HOST) else { return };
        let other = format!("sslrootcert='{}'", another.certificate());
        for mode in ["require", "verify-ca", "verify-full"] {
            let url = format!("{} sslmode={mode} {other}", server.address);
            check_not_trusted(&url, "is not trusted").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_attempt_follows_the_server_in_using_tls() {
    let required = "hostssl all all all trust";
    let forbidden = "hostnossl all all all trust";
    for (logins, sound, rejected) in
        [(required, ["allow", "prefer"], "disable"), (forbidden, ["allow", "prefer"], "require")]
    {
        let Some(server) = TlsServer::start_with(STOCK, logins) else { return };
        for mode in sound {
            let tail = format!("sslmode={mode}");
            assert_eq!(server.is_encrypted(&tail).await, logins == required, "{logins}, {mode}");
        }
        let url = format!("{} sslmode={rejected}", server.address);
        let error = PostgresStore::open(&url).await.unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with("the server rejected the login: "), "{message}");
        assert!(!error.is_retryable(), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn login_by_password_binds_the_channel_and_explains_failures() {
    let Some(server) = TlsServer::start_with(STOCK, "host all all all scram-sha-256") else {
        return;
    };
    let admin = client(&server.socket()).await;
    admin.batch_execute("ALTER ROLE postgres PASSWORD 's3cret'").await.unwrap();
    for tail in ["", "channel_binding=require", "sslmode=require channel_binding=require"] {
        assert!(server.is_encrypted(&format!("password=s3cret {tail}")).await, "{tail}");
    }
    for (tail, message) in [
        ("password=another-s3cret", "the server rejected the login: "),
        ("", "the login to the server failed: "),
        (
            "password=s3cret sslmode=disable channel_binding=require",
            "the login to the server failed: ",
        ),
    ] {
        let error = PostgresStore::open(&format!("{} {tail}", server.address)).await.unwrap_err();
        let all = format!("{error}, {:?}", error.source());
        assert!(all.starts_with(message) && !error.is_retryable(), "{all}");
        assert!(!all.contains("s3cret"), "{all}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_may_log_in_by_certificate() {
    let logins = "hostssl all all all trust clientcert=verify-ca";
    let Some(server) = TlsServer::start_with(STOCK, logins) else { return };
    let (certificate, key) = (server.certificate(), server.certificate().replace(".crt", ".key"));
    assert!(server.is_encrypted(&format!("sslcert='{certificate}' sslkey='{key}'")).await);
    let error = PostgresStore::open(&server.address).await.unwrap_err();
    assert!(error.to_string().starts_with("the server rejected the login: "), "{error}");
    // A file with a certificate has no key.
    let url = format!("{} sslcert='{certificate}' sslkey='{certificate}'", server.address);
    let error = PostgresStore::open(&url).await.unwrap_err();
    assert!(!error.is_retryable() && error.to_string().contains("`sslkey`"), "{error}");
}

/// Older versions of openssl create such a certificate from a request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificate_of_version_1_is_rejected() {
    let Some(server) = TlsServer::start(VERSION_1) else { return };
    assert!(!server.is_encrypted("").await);
    check_not_trusted(&format!("{} sslmode=require", server.address), "of X.509 version 1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn file_without_a_certificate_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (gone, empty) = (folder.path().join("gone.pem"), folder.path().join("empty.pem"));
    std::fs::write(&empty, "").unwrap();
    let address = "postgres://u@localhost:1/b?sslmode=verify-full";
    for (file, setting) in [(&gone, "sslrootcert"), (&empty, "sslrootcert"), (&gone, "sslcert")] {
        let key = if setting == "sslcert" {
            format!("&sslkey={}", gone.display())
        } else {
            String::new()
        };
        let url = format!("{address}&{setting}={}{key}", file.display());
        let error = PostgresStore::open(&url).await.unwrap_err();
        assert!(!error.is_retryable(), "{error}");
        let message = error.to_string();
        assert!(message.contains("`sslrootcert`") || message.contains("`sslkey`"), "{message}");
        assert!(message.contains(&file.display().to_string()), "{message}");
    }
}

async fn check_not_trusted(url: &str, message: &str) {
    check_rejected(PostgresStore::open(url).await, message);
}

/// Checks that the certificate is rejected with a permanent error and this cause.
fn check_rejected(opened: Result<PostgresStore, StoreError>, message: &str) {
    let error = opened.unwrap_err();
    assert!(!error.is_retryable(), "{error}");
    assert!(error.to_string().contains(message), "{error}");
    let source = error.source().unwrap();
    assert!(source.to_string().contains("invalid peer certificate"), "{source}");
}

/// The configuration of openssl, before the extensions of the certificate.
const REQUEST: &str = "[req]
distinguished_name = name
prompt = no
[name]
CN = test
[extensions]
";

/// Creates a self-signed certificate that a server of the user `postgres` can read.
fn make_certificate(extensions: &str, certificate: &Path, key: &Path) -> bool {
    let folder = key.parent().unwrap();
    let request = folder.join("request");
    std::fs::write(&request, format!("{REQUEST}{extensions}\n")).unwrap();
    let is_version_1 = extensions == VERSION_1;
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-config"]);
    openssl.arg(request);
    if !is_version_1 {
        openssl.args(["-extensions", "extensions"]);
    }
    let made = openssl.arg("-keyout").arg(key).arg("-out").arg(certificate).output();
    // This fails, and is not needed, if the server runs as this user.
    let _ = Command::new("chown").args(["-R", "postgres"]).arg(folder).output();
    made.is_ok_and(|output| output.status.success())
}
