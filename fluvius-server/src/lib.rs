//! The HTTP API of a domain: routes, problems and an OpenAPI document from its declaration.
//!
//! A [`Server`] has a route for every action of the domains that it mounts, and routes to read
//! states, histories and events. Programs use this crate as `fluvius::server`.
//!
//! ```
//! use fluvius_core::{Domain, MemoryStore, SimpleRejection, aggregate};
//! use fluvius_server::Server;
//! use serde::{Deserialize, Serialize};
//!
//! /// A counter that never decreases.
//! #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
//! pub struct Counter {
//!     pub count: u64,
//! }
//!
//! #[aggregate(resource = "counter")]
//! impl Counter {
//!     /// Start a counter.
//!     #[action(evt_key = "counter-started")]
//!     pub fn start_counter() -> Result<Self, SimpleRejection> {
//!         Ok(Self { count: 0 })
//!     }
//! }
//!
//! /// Domain for counting.
//! #[derive(Domain)]
//! #[domain(aggregates(Counter))]
//! pub struct CountingDomain;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let domain = CountingDomain::runtime(MemoryStore::new()).await?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let stop = async { /* .. until the program ends .. */ };
//! Server::new().mount(domain).serve_until(listener, stop).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Routes
//!
//! | route | answer |
//! |---|---|
//! | `POST /{domain}/{resource}/{command}` | a creating command, whose aggregate gets a new id |
//! | `POST /{domain}/{resource}/{id}/{command}` | a command |
//! | `POST /{domain}/atomic` | several commands as one unit of work |
//! | `GET /{domain}/commands/{id}` | the status and the answer of a command |
//! | `GET /{domain}/{resource}/{id}` | the state of an aggregate, now or earlier |
//! | `GET /{domain}/{resource}` | a page of aggregates, with filters and an order |
//! | `GET /{domain}/{resource}/{id}/history` | the events of an aggregate |
//! | `GET /{domain}/events` | the events of the domain |
//! | `GET /{domain}/meta` | the description of the domain |
//! | `GET /openapi.json` | the OpenAPI document |
//! | `GET /problems` | all problem codes |
//! | `GET /livez`, `GET /readyz` | health |
//! | `GET /metrics` | the metrics, if the program renders any |
//! | `POST /mcp` | the tools of the Model Context Protocol (feature `mcp`) |
//!
//! # Tools
//!
//! With the feature `mcp`, each action is a tool that a model can call, and each resource has the
//! tools `{resource}_get`, `{resource}_query` and `{resource}_history`. The arguments of a command
//! are `id`, `payload`, `if_match` and `idempotency_key`; the structured result is the body of the
//! same request over HTTP, or its problem. An action with `#[action(mcp = false)]` is no tool.
//! [`Server::without_mcp`] removes the route.
//!
//! ```
//! # #[cfg(feature = "mcp")]
//! # async fn run(domain: fluvius_core::DomainRuntime) -> Result<(), fluvius_server::ServeError> {
//! use fluvius_core::DomainContext;
//! use fluvius_server::Server;
//!
//! // For a client that starts the program and writes to its standard input:
//! let sender = DomainContext::create("desktop");
//! Server::new().mount(domain).serve_mcp_stdio(sender).await?;
//! # Ok(())
//! # }
//! ```

mod app;
mod auth;
mod build_error;
mod client_address;
mod context;
mod cors;
mod host;
mod input;
#[cfg(feature = "mcp")]
mod mcp;
mod mounted;
mod openapi;
mod operations;
mod output;
mod problem;
mod public_url;
mod rate_limit;
mod routes;
mod schemas;
mod serve;
mod server;
mod sessions;
mod settings;
mod streams;

#[cfg(feature = "jwt")]
pub use auth::jwt::{JwtAuthenticator, KeySource, KeySourceError, SigningAlgorithm};
pub use auth::{Authenticated, Authenticator, RequestHead, Unauthenticated};
pub use build_error::BuildError;
pub use client_address::{Network, ParseNetworkError};
pub use problem::{ProblemCode, Retry};
pub use rate_limit::RateLimit;
pub use serve::ServeError;
pub use server::Server;
pub use settings::Document;

/// The problem codes of the framework and the server, ordered by status.
pub const PROBLEM_CODES: &[ProblemCode] = problem::CODES;

// Crates whose types are part of the public API.
pub use axum;
