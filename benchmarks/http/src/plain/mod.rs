//! The references: plain axum services that do the work of a deposit by hand.
//!
//! Each deposit is one transaction: the check of the key, the account, a row of the audit, and the
//! answer under its key. The routes and the answers are those of fluvius-server.

mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod records;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use rust_decimal::Decimal;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::system::{Fault, Place};
use records::{Account, Arguments, Opening, Stored};

/// A fault that a plain service has by intention, so that a check of the benchmark is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    /// Some deposits are stored, but not acknowledged: the answer is 503.
    DroppedAnswers,
    /// Some deposits are acknowledged, but not stored.
    LostDeposits,
}

/// The interval, in deposits, of planted faults.
const PLANTED_EVERY: u64 = 100;

impl Plant {
    /// Returns the fault with this name.
    pub(crate) fn find(name: &str) -> Option<Self> {
        match name {
            "dropped-answers" => Some(Self::DroppedAnswers),
            "lost-deposits" => Some(Self::LostDeposits),
            _ => None,
        }
    }
}

/// The store of a plain service.
pub(crate) trait Accounts: Send + Sync + 'static {
    /// Opens an account.
    fn open(&self, id: Uuid, opening: Opening) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Deposits an amount under a key, and returns the text of the answer. A known key gets its
    /// stored answer; `None` if the account does not exist.
    fn deposit(
        &self,
        id: Uuid,
        key: Uuid,
        amount: Decimal,
    ) -> impl Future<Output = Result<Option<String>, Fault>> + Send;

    /// Reads an account with its version.
    fn read(&self, id: Uuid) -> impl Future<Output = Result<Option<(Account, i64)>, Fault>> + Send;
}

/// Serves a plain service until `ended` completes.
pub(crate) async fn serve(
    place: &Place,
    plant: Option<Plant>,
    listener: TcpListener,
    ended: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Fault> {
    let router = match place {
        Place::Memory => router(memory::InMemory::default(), plant),
        #[cfg(feature = "sqlite")]
        Place::File(path) => router(sqlite::OneWriter::open(path)?, plant),
        #[cfg(feature = "postgres")]
        Place::Schema { url, name } => router(postgres::Pooled::open(url, name).await?, plant),
    };
    // As fluvius-server does.
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).with_graceful_shutdown(ended).await?)
}

struct Service<A> {
    accounts: A,
    plant: Option<Plant>,
    deposits: AtomicU64,
}

fn router<A: Accounts>(accounts: A, plant: Option<Plant>) -> Router {
    let service = Service { accounts, plant, deposits: AtomicU64::new(0) };
    Router::new()
        .route("/transaction-manager/bank-account/{id}", get(read::<A>))
        .route("/transaction-manager/bank-account/{id}/open-account", post(open::<A>))
        .route("/transaction-manager/bank-account/{id}/deposit-money", post(deposit::<A>))
        .with_state(Arc::new(service))
}

/// The answer to a failed request.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, fault.to_string())
    }
}

impl From<serde_json::Error> for Refused {
    fn from(error: serde_json::Error) -> Self {
        Self(StatusCode::BAD_REQUEST, error.to_string())
    }
}

fn not_found() -> Refused {
    Refused(StatusCode::NOT_FOUND, "no such account".to_owned())
}

fn json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

async fn open<A: Accounts>(
    State(service): State<Arc<Service<A>>>,
    Path(id): Path<Uuid>,
    body: Bytes,
) -> Result<Response, Refused> {
    service.accounts.open(id, serde_json::from_slice(&body)?).await?;
    Ok(StatusCode::CREATED.into_response())
}

async fn deposit<A: Accounts>(
    State(service): State<Arc<Service<A>>>,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let bad = |detail: &str| Refused(StatusCode::BAD_REQUEST, detail.to_owned());
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    let key = key.and_then(|key| Uuid::try_parse(key).ok());
    let key = key.ok_or_else(|| bad("a key is a UUID"))?;
    let Arguments { amount } = serde_json::from_slice(&body)?;
    if amount <= Decimal::ZERO {
        return Err(bad("an amount is positive"));
    }
    let number = service.deposits.fetch_add(1, Ordering::Relaxed) + 1;
    let planted = service.plant.filter(|_| number.is_multiple_of(PLANTED_EVERY));
    if planted == Some(Plant::LostDeposits) {
        return Ok(json("{}".to_owned()));
    }
    let answer = service.accounts.deposit(id, key, amount).await?.ok_or_else(not_found)?;
    if planted == Some(Plant::DroppedAnswers) {
        return Err(Refused(StatusCode::SERVICE_UNAVAILABLE, "planted".to_owned()));
    }
    Ok(json(answer))
}

async fn read<A: Accounts>(
    State(service): State<Arc<Service<A>>>,
    Path(id): Path<Uuid>,
) -> Result<Response, Refused> {
    let (data, version) = service.accounts.read(id).await?.ok_or_else(not_found)?;
    let stored = Stored { identifier: id, version, data };
    Ok(json(serde_json::to_string(&stored)?))
}
