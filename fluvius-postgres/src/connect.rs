//! Opening connections: where to, how, and with which settings.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fluvius_core::StoreError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::Fault;
use crate::gate::Gate;
use crate::home::Home;
use crate::options::PostgresOptions;

/// How long a connection may take to come about.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a peer that says nothing is taken for alive.
const SILENCE_TIME_MAX: Duration = Duration::from_secs(30);

/// The oldest server that is known to work.
const SERVER_VERSION_MIN: i32 = 140_000;

/// Where a store is, and how it is opened.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) config: Config,
    pub(crate) tls: MakeRustlsConnect,
    pub(crate) options: PostgresOptions,
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Hides the password.
        f.debug_struct("Place").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Place {
    pub(crate) fn new(url: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        check_schema(&options.schema)?;
        let mut config: Config = url.parse().map_err(|error| {
            StoreError::permanent(
                "the address of the database is not valid: postgres://user:password@host:port/database?sslmode=require",
            )
            .with_source(error)
        })?;
        if config.get_application_name().is_none() {
            config.application_name("fluvius");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIME_MAX);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE_TIME_MAX);
        }
        config.keepalives_idle(SILENCE_TIME_MAX);
        let tls = tls(options.root_certificates.as_deref())?;
        Ok(Self { config, tls, options })
    }

    /// How long it may take until a server has let this program in: what the client bounds is only each way to reach one.
    pub(crate) fn connect_time_max(&self) -> Duration {
        let of_one = self.config.get_connect_timeout().copied().unwrap_or(CONNECT_TIME_MAX);
        let count = self.config.get_hosts().len().max(self.config.get_hostaddrs().len());
        of_one * u32::try_from(count.max(1)).unwrap_or(u32::MAX)
    }

    /// The settings of a connection whose statements may take the given time.
    pub(crate) fn setup(&self, statement_time_max: Duration) -> String {
        format!(
            "SET search_path = \"{}\"; SET statement_timeout = {}; SET client_encoding = 'UTF8'; \
             SET default_transaction_isolation = 'read committed'; SET jit = off",
            self.options.schema,
            statement_time_max.as_millis()
        )
    }
}

/// The bytes of a connection, encrypted if TLS is used.
type TlsStream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// Opens connections, on the store's runtime.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    pub(crate) place: Arc<Place>,
    pub(crate) home: Home,
    gate: Gate,
}

impl Connector {
    pub(crate) fn new(place: Place, home: Home) -> Self {
        let gate = Gate::new(home.clone(), true);
        Self { place: Arc::new(place), home, gate }
    }

    /// Connects, and runs a setup. A task of its own drives the connection, and ends with the
    /// client.
    pub(crate) async fn connect(&self, setup: String) -> Result<Client, Fault> {
        let (place, home) = (Arc::clone(&self.place), self.home.clone());
        let attempt = async move {
            let connected = async {
                let (client, connection) = place.config.connect(place.tls.clone()).await?;
                home.spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection to PostgreSQL has ended");
                    }
                });
                client.batch_execute(&setup).await?;
                Ok::<_, Fault>(client)
            };
            let connected = tokio::time::timeout(place.connect_time_max(), connected).await;
            connected.map_err(|_| Fault::unanswered())?
        };
        self.gate.pass(Box::pin(attempt)).await
    }

    /// Connects, and leaves it to the caller to drive the connection.
    pub(crate) async fn connect_raw(
        &self,
    ) -> Result<(Client, Connection<Socket, TlsStream>), Fault> {
        let place = Arc::clone(&self.place);
        let attempt = async move {
            let connected = place.config.connect(place.tls.clone());
            let connected = tokio::time::timeout(place.connect_time_max(), connected).await;
            Ok(connected.map_err(|_| Fault::unanswered())??)
        };
        self.gate.pass(Box::pin(attempt)).await
    }
}

/// A name that needs no quotes, so that nobody else has to think of them either.
fn check_schema(name: &str) -> Result<(), StoreError> {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let is_valid = name.bytes().next().is_some_and(is_letter)
        && name.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit())
        && name.len() <= 63
        && !name.starts_with("pg_")
        && name != "information_schema";
    if is_valid {
        return Ok(());
    }
    Err(StoreError::permanent(format!(
        "`{name}` cannot be the schema of a store: expected lower-case letters, digits and `_`, not beginning with a \
         digit or with `pg_`, at most 63"
    )))
}

/// What checks the server's certificate: the authorities of the system, and those of a file.
fn tls(file: Option<&Path>) -> Result<MakeRustlsConnect, StoreError> {
    let mut roots = RootCertStore::empty();
    // What cannot be read is no authority: a server that needs it is refused when it is met.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = file {
        let refused = |error: Box<dyn std::error::Error + Send + Sync>| {
            StoreError::permanent(format!(
                "no certificates can be read from `{}`: {error}",
                file.display()
            ))
        };
        let certificates =
            CertificateDer::pem_file_iter(file).map_err(|error| refused(error.into()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| refused(error.into()))?;
            roots.add(certificate).map_err(|error| refused(error.into()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::permanent("TLS cannot be set up").with_source(error))?;
    Ok(MakeRustlsConnect::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// Whether the server can keep what is promised.
pub(crate) async fn check_server(client: &Client, options: &PostgresOptions) -> Result<(), Fault> {
    let row = client
        .query_one(
            "SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), \
             current_setting('fsync'), pg_is_in_recovery()",
            &[],
        )
        .await?;
    let version: i32 = row.try_get(0)?;
    let encoding: String = row.try_get(1)?;
    let fsync: String = row.try_get(2)?;
    let is_standby: bool = row.try_get(3)?;
    let refusal = if version < SERVER_VERSION_MIN {
        format!("the server is PostgreSQL {}, and at least 14 is needed", version / 10_000)
    } else if encoding != "UTF8" {
        format!("the database stores {encoding}: make one with `ENCODING 'UTF8'`")
    } else if fsync == "off" && !options.accepts_fsync_off {
        "the server runs with `fsync = off`: after a crash its database may be damaged; set it to `on`, or say \
         `accept_fsync_off(true)` for a test"
            .to_owned()
    } else if is_standby {
        return Err(StoreError::unavailable(
            "the server is a standby, which only reads: name the primary, or add \
             `target_session_attrs=read-write` to the address",
        )
        .into());
    } else {
        return Ok(());
    };
    Err(StoreError::permanent(refusal).into())
}
