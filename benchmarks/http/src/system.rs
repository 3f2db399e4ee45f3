//! The systems under test, and how each is served.

use banking_domain::TransactionManagerDomain;
use fluvius_core::{Domain, DomainRuntime};
use fluvius_server::Server;
use tokio::net::TcpListener;

use crate::issuer;
use crate::plain::{self, Plant};

/// An error that ends a case.
pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;

/// The program that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum System {
    /// fluvius-server.
    Fluvius,
    /// fluvius-server, with `If-Match` on each request.
    FluviusIfMatch,
    /// fluvius-server with tokens, signed with RSA.
    FluviusRs256,
    /// fluvius-server with tokens, signed with ECDSA.
    FluviusEs256,
    /// A plain axum service.
    Plain,
    /// fluvius without HTTP, with one session.
    InProcess,
    /// fluvius without HTTP, with a session per command.
    InProcessSessions,
}

impl System {
    pub(crate) const ALL: [Self; 7] = [
        Self::Fluvius,
        Self::FluviusIfMatch,
        Self::FluviusRs256,
        Self::FluviusEs256,
        Self::Plain,
        Self::InProcess,
        Self::InProcessSessions,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fluvius => "fluvius",
            Self::FluviusIfMatch => "fluvius+if-match",
            Self::FluviusRs256 => "fluvius+rs256",
            Self::FluviusEs256 => "fluvius+es256",
            Self::Plain => "plain",
            Self::InProcess => "in-process",
            Self::InProcessSessions => "in-process+sessions",
        }
    }

    /// Returns the algorithm of the tokens, if the system has an authenticator.
    pub(crate) fn algorithm(self) -> Option<&'static str> {
        match self {
            Self::FluviusRs256 => Some("RS256"),
            Self::FluviusEs256 => Some("ES256"),
            _ => None,
        }
    }

    pub(crate) fn is_served(self) -> bool {
        !matches!(self, Self::InProcess | Self::InProcessSessions)
    }
}

/// The location of a bank's data.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// The memory of the process.
    Memory,
    /// An SQLite file.
    #[cfg(feature = "sqlite")]
    File(std::path::PathBuf),
    /// A schema of a PostgreSQL server.
    #[cfg(feature = "postgres")]
    Schema {
        /// The address of the server.
        url: String,
        /// The name of the schema, which does not exist yet.
        name: String,
    },
}

impl Place {
    /// Reads a place as [`text`](Self::text) has written it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        #[cfg(feature = "sqlite")]
        if let Some(path) = text.strip_prefix("file ") {
            return Some(Self::File(path.into()));
        }
        #[cfg(feature = "postgres")]
        if let Some((name, url)) = text.strip_prefix("schema ").and_then(|it| it.split_once(' ')) {
            return Some(Self::Schema { url: url.to_owned(), name: name.to_owned() });
        }
        (text == "memory").then_some(Self::Memory)
    }

    /// Returns the place as text, for the environment of another process.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Memory => "memory".to_owned(),
            #[cfg(feature = "sqlite")]
            Self::File(path) => format!("file {}", path.display()),
            #[cfg(feature = "postgres")]
            Self::Schema { url, name } => format!("schema {name} {url}"),
        }
    }
}

/// Opens the bank of fluvius, with the default settings of its store.
pub(crate) async fn bank(place: &Place) -> Result<DomainRuntime, Fault> {
    type Bank = TransactionManagerDomain;
    Ok(match place {
        Place::Memory => Bank::runtime(fluvius_core::MemoryStore::new()).await?,
        #[cfg(feature = "sqlite")]
        Place::File(path) => Bank::runtime(fluvius_sqlite::SqliteStore::open(path).await?).await?,
        #[cfg(feature = "postgres")]
        Place::Schema { url, name } => {
            let options = fluvius_postgres::PostgresStore::options().schema(name);
            Bank::runtime(options.open(url).await?).await?
        }
    })
}

/// A bank that is to be served.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) system: System,
    pub(crate) place: Place,
    /// The fault of a plain service.
    pub(crate) plant: Option<Plant>,
    /// The key set of the tokens.
    pub(crate) key_set: Option<String>,
}

/// Serves a bank until `ended` completes.
pub(crate) async fn serve(
    served: Served,
    listener: TcpListener,
    ended: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Fault> {
    let Served { system, place, plant, key_set } = served;
    match system {
        System::Plain => plain::serve(&place, plant, listener, ended).await,
        _ => {
            let mut server = Server::new().mount(bank(&place).await?).access_log(false);
            if let Some(key_set) = key_set {
                server = server.authenticate(issuer::authenticator(&key_set)?);
            }
            Ok(server.serve_until(listener, ended).await?)
        }
    }
}
