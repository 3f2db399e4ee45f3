//! Opening connections: where to, how, and with which settings. The address is parsed in `address`.

use std::sync::Arc;
use std::time::Duration;

use fluvius_core::StoreError;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Error, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::address::Address;
use crate::error::{Fault, is_of_encryption};
use crate::gate::Gate;
use crate::home::Home;
use crate::options::PostgresOptions;

/// The longest time of opening a connection.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// The time after which a peer that acknowledges nothing is taken for dead.
const SILENCE_TIME_MAX: Duration = Duration::from_secs(30);

/// The oldest server that is known to work.
const SERVER_VERSION_MIN: i32 = 140_000;

/// The place of a store, and the options with which it is opened.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) config: Config,
    /// A second attempt, for a connection that fails because of its encryption or the lack of it.
    fallback: Option<Config>,
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
        let has_aggregates = options.root_certificates.is_some();
        let Address { mut config, tls } = Address::parse(url, has_aggregates)?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIME_MAX);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE_TIME_MAX);
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

    /// Connects. If the second attempt fails as well, the error is that of the first.
    async fn open(&self) -> Result<(Client, Connection<Socket, TlsStream>), Error> {
        let connected = self.config.connect(self.tls.clone()).await;
        match (connected, &self.fallback) {
            (Err(error), Some(fallback)) if is_of_encryption(&error) => {
                fallback.connect(self.tls.clone()).await.map_err(|_| error)
            }
            (connected, _) => connected,
        }
    }

    /// The longest time until a server has let this program in; the client bounds each attempt to reach one alone.
    pub(crate) fn connect_time_max(&self) -> Duration {
        let of_one = self.config.get_connect_timeout().copied().unwrap_or(CONNECT_TIME_MAX);
        let count = self.config.get_hosts().len().max(self.config.get_hostaddrs().len());
        let count = count.max(1) * if self.fallback.is_some() { 2 } else { 1 };
        of_one.saturating_mul(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// The settings of a connection whose statements may take the given time.
    pub(crate) fn setup(&self, statement_timeout: Duration) -> String {
        format!(
            "SET search_path = \"{}\"; SET statement_timeout = {}; SET client_encoding = 'UTF8'; \
             SET default_transaction_isolation = 'read committed'; SET jit = off",
            self.options.schema,
            statement_timeout.as_millis()
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
                let (client, connection) = place.open().await?;
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
            let connected = place.open();
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

/// Fails if the server cannot keep what a store promises.
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
