//! A hand-written HTTP server over a domain: axum routes that send commands and read states.
//!
//! ```sh
//! cargo run -p fluvius --example axum_server -- 127.0.0.1:3000
//! curl -X POST 127.0.0.1:3000/counters/0190163d-8694-739b-aea5-966c26f8ad91/start-counter -d '{}'
//! ```

use std::convert::Infallible;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use fluvius::serde_json::{self, Value, json};
use fluvius::{
    AggregateId, Domain, DomainContext, DomainRuntime, Error, ErrorKind, MemoryStore, Versioned,
    aggregate,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A counter that never decreases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counter {
    /// The current count.
    pub count: u64,
}

#[aggregate(resource = "counter")]
impl Counter {
    /// Start a counter.
    #[action(evt_key = "counter-started")]
    pub fn start_counter() -> Result<Self, Infallible> {
        Ok(Self { count: 0 })
    }

    /// Add one to the count.
    #[action(evt_key = "count-increased")]
    pub fn increase_count(&mut self) -> Result<(), Infallible> {
        self.count = self.count.saturating_add(1);
        Ok(())
    }
}

/// Domain for counting.
#[derive(Debug, Domain)]
#[domain(aggregates(Counter))]
pub struct CountingDomain;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let domain = CountingDomain::runtime(MemoryStore::new()).await?;
    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router(domain.clone())).with_graceful_shutdown(interrupted()).await?;
    // Accepted commands are answered first.
    domain.shutdown().await;
    Ok(())
}

async fn interrupted() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        eprintln!("cannot wait for an interrupt: {error}");
        std::future::pending::<()>().await;
    }
}

fn router(domain: DomainRuntime) -> Router {
    Router::new()
        .route("/counters/{id}", get(read_counter))
        .route("/counters/{id}/{command}", post(send_command))
        .with_state(domain)
}

/// Returns the state of a counter, with its etag.
async fn read_counter(
    State(domain): State<DomainRuntime>,
    Path(id): Path<Uuid>,
) -> Result<Response, Failure> {
    let session = domain.session(DomainContext::create("http"));
    let counter = session.statemgr().fetch::<Counter>(id).await?;
    let etag = [(header::ETAG, format!("\"{}\"", Versioned::etag(&counter)))];
    Ok((etag, Json(&*counter)).into_response())
}

/// Sends a command by its key. The header `Idempotency-Key`, a UUID, is the id of the command, so a
/// request that is sent again gets the first answer.
async fn send_command(
    State(domain): State<DomainRuntime>,
    Path((id, command)): Path<(Uuid, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let session = domain.session(DomainContext::create("http"));
    let counter = session.aggregate(AggregateId::new("counter", id));
    let payload: Value = serde_json::from_slice(&body).map_err(Failure::malformed)?;
    let mut bundle = counter.create_command(&command, payload)?;
    if let Some(key) = headers.get("idempotency-key") {
        let key = key.to_str().ok().and_then(|key| key.parse().ok());
        bundle = bundle.with_id(key.ok_or_else(|| Failure::malformed("the key is no UUID"))?);
    }
    let response = counter.process_command(bundle).await?;
    let etag = [(header::ETAG, format!("\"{}\"", response.etag))];
    Ok((etag, Json(json!({ "version": response.version, "data": response.data }))).into_response())
}

/// An answer other than success: a status, a stable code and a text.
struct Failure {
    status: StatusCode,
    code: String,
    detail: String,
}

impl Failure {
    fn malformed(detail: impl ToString) -> Self {
        let (status, code) = (StatusCode::BAD_REQUEST, "malformed-request".to_owned());
        Self { status, code, detail: detail.to_string() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::InvalidRequest => StatusCode::BAD_REQUEST,
            ErrorKind::Denied => StatusCode::FORBIDDEN,
            ErrorKind::Rejected if error.framework_code() == "not-found" => StatusCode::NOT_FOUND,
            ErrorKind::Rejected => StatusCode::CONFLICT,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            // In doubt, or a fault. The sender of a command in doubt should send it again.
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, code: error.code().to_owned(), detail: error.to_string() }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = Json(json!({ "code": self.code, "detail": self.detail }));
        (self.status, body).into_response()
    }
}
