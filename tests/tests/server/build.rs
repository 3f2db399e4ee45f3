//! Servers that are not built, and say why.

use fluvius::server::{ServeError, Server};
use fluvius::{Domain, MemoryStore, SimpleRejection, aggregate};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::library::library;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Thing {}

#[aggregate(resources = ["events", "thing"])]
impl Thing {
    /// Take part in the history.
    #[action(evt_key = "thing-made")]
    pub fn history() -> Result<Self, SimpleRejection> {
        Ok(Self {})
    }
}

#[derive(Debug, Domain)]
#[domain(aggregates(Thing), namespace = "problems")]
pub struct OddDomain;

#[tokio::test]
async fn reserved_names_are_faults() {
    let domain = OddDomain::runtime(MemoryStore::new()).await.unwrap();
    let server = Server::new().mount(domain).mount(library().await).mount(library().await);
    let error = server.allow_anonymous().into_router().unwrap_err();
    let faults = error.faults();
    assert_eq!(faults.len(), 4, "{error}");
    for part in [
        "two domains have the namespace `library`",
        "the namespace `problems` is reserved",
        "the resource `events` is reserved",
        "the command key `history`",
    ] {
        assert!(faults.iter().any(|fault| fault.contains(part)), "{part}: {error}");
    }
    let error = Server::new().allow_anonymous().into_router().unwrap_err();
    assert!(error.to_string().contains("no domain"), "{error}");
}

#[tokio::test]
async fn router_needs_an_authenticator() {
    let error = Server::new().mount(library().await).into_router().unwrap_err();
    assert!(error.to_string().contains("allow_anonymous"), "{error}");
    let server = Server::new().mount(library().await).allow_anonymous();
    assert!(server.into_router().is_ok());
}

#[tokio::test]
async fn base_path_begins_with_a_slash() {
    for path in ["api", "/a/{id}", "/}"] {
        let server = Server::new().mount(library().await).allow_anonymous().base_path(path);
        let error = server.into_router().unwrap_err();
        assert!(error.to_string().contains("does not begin with `/`"), "{error}");
    }
    for path in ["", "/", "/api/", "/a/b"] {
        let server = Server::new().mount(library().await).allow_anonymous().base_path(path);
        assert!(server.into_router().is_ok(), "{path}");
    }
}

#[tokio::test]
async fn anonymous_server_stays_on_loopback() {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let server = Server::new().mount(library().await);
    let error = server.serve_until(listener, std::future::pending()).await.unwrap_err();
    assert!(matches!(error, ServeError::NotLoopback { .. }), "{error}");
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = Server::new().mount(library().await).serve(address).await.unwrap_err();
    assert!(matches!(error, ServeError::Listen(_)), "{error}");
}
