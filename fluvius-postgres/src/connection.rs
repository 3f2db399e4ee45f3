//! Opening connections: the endpoint, its settings, and the requirements on the server. `address`
//! parses the address.

use std::sync::Arc;
use std::time::Duration;

use fluvius_store::StoreError;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Error, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::Address;
use crate::backoff::Backoff;
use crate::error::{Fault, is_encryption_failure};
use crate::options::PostgresOptions;
use crate::runtime::StoreRuntime;

/// The longest time to open a connection, unless the address sets it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest time without an acknowledgement of the peer, unless the address sets it.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(30);

/// The oldest supported server.
const MIN_SERVER_VERSION: i32 = 140_000;

/// The database of a store, and the options of the store.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) config: Config,
    /// The second attempt, after one that failed because it was encrypted, or because it was not.
    fallback: Option<Config>,
    pub(crate) tls: MakeRustlsConnect,
    pub(crate) options: PostgresOptions,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Hides the password.
        f.debug_struct("Endpoint").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Endpoint {
    pub(crate) fn new(url: &str, options: PostgresOptions) -> Result<Self, StoreError> {
        check_schema(&options.schema)?;
        let has_roots = options.root_certificates.is_some();
        let Address { mut config, tls } = Address::parse(url, has_roots)?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(TCP_USER_TIMEOUT);
        }
        let (first, second) = tls.mode.attempts();
        config.ssl_mode(first);
        let fallback = second.map(|mode| {
            let mut fallback = config.clone();
            fallback.ssl_mode(mode);
            fallback
        });
        let tls = tls.connect(options.root_certificates.as_deref())?;
        Ok(Self { config, fallback, tls, options })
    }

    /// Connects. If both attempts fail, it returns the error of the first one.
    async fn open(&self) -> Result<(Client, Connection<Socket, TlsStream>), Error> {
        let connected = self.config.connect(self.tls.clone()).await;
        match (connected, &self.fallback) {
            (Err(error), Some(fallback)) if is_encryption_failure(&error) => {
                fallback.connect(self.tls.clone()).await.map_err(|_| error)
            }
            (connected, _) => connected,
        }
    }

    /// The longest time of a login over all hosts and both attempts. The client bounds each attempt
    /// to reach a host only.
    pub(crate) fn connect_timeout(&self) -> Duration {
        let per_host = self.config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT);
        let count = self.config.get_hosts().len().max(self.config.get_hostaddrs().len());
        let count = count.max(1) * if self.fallback.is_some() { 2 } else { 1 };
        per_host.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Returns the statements that set up a session with a timeout of statements.
    pub(crate) fn setup(&self, statement_timeout: Duration) -> String {
        format!(
            "SET search_path = \"{}\"; SET statement_timeout = {}; SET client_encoding = 'UTF8'; \
             SET default_transaction_isolation = 'read committed'; SET jit = off",
            self.options.schema,
            statement_timeout.as_millis()
        )
    }
}

/// The encrypted stream of a connection.
type TlsStream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// Opens connections, on the store's runtime.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) runtime: StoreRuntime,
    backoff: Backoff,
}

impl Connector {
    pub(crate) fn new(endpoint: Endpoint, runtime: StoreRuntime) -> Self {
        let backoff = Backoff::new(runtime.clone(), true);
        Self { endpoint: Arc::new(endpoint), runtime, backoff }
    }

    /// Connects, and runs a setup. A separate task drives the connection until the client is
    /// dropped.
    pub(crate) async fn connect(&self, setup: String) -> Result<Client, Fault> {
        let (endpoint, runtime) = (Arc::clone(&self.endpoint), self.runtime.clone());
        let attempt = async move {
            let connected = async {
                let (client, connection) = endpoint.open().await?;
                runtime.spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection to PostgreSQL has ended");
                    }
                });
                client.batch_execute(&setup).await?;
                Ok::<_, Fault>(client)
            };
            let connected = tokio::time::timeout(endpoint.connect_timeout(), connected).await;
            connected.map_err(|_| Fault::no_answer())?
        };
        self.backoff.run(Box::pin(attempt)).await
    }

    /// Connects. The caller drives the connection.
    pub(crate) async fn connect_raw(
        &self,
    ) -> Result<(Client, Connection<Socket, TlsStream>), Fault> {
        let endpoint = Arc::clone(&self.endpoint);
        let attempt = async move {
            let connected = endpoint.open();
            let connected = tokio::time::timeout(endpoint.connect_timeout(), connected).await;
            Ok(connected.map_err(|_| Fault::no_answer())??)
        };
        self.backoff.run(Box::pin(attempt)).await
    }
}

/// Fails unless a name needs no quotes in SQL.
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
        "`{name}` cannot be the schema of a store: expected up to 63 lower-case letters, digits \
        and `_`, not beginning with a digit or with `pg_`"
    )))
}

/// Fails if the server does not meet the requirements of a store.
pub(crate) async fn check_server(client: &Client, options: &PostgresOptions) -> Result<(), Fault> {
    let row = client
        .query_one(
            "SELECT current_setting('server_version_num')::int, \
            current_setting('server_encoding'), current_setting('fsync'), pg_is_in_recovery()",
            &[],
        )
        .await?;
    let version: i32 = row.try_get(0)?;
    let encoding: String = row.try_get(1)?;
    let fsync: String = row.try_get(2)?;
    let is_standby: bool = row.try_get(3)?;
    let problem = if version < MIN_SERVER_VERSION {
        format!("the server is PostgreSQL {}: use version 14 or newer", version / 10_000)
    } else if encoding != "UTF8" {
        format!("the encoding of the database is {encoding}: create one with `ENCODING 'UTF8'`")
    } else if fsync == "off" && !options.accepts_fsync_off {
        "the server runs with `fsync = off`, and a crash may damage its database: set it to `on`, \
        or use `accept_fsync_off(true)` in a test"
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
    Err(StoreError::permanent(problem).into())
}
