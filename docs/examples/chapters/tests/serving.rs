//! The code of the chapters "Serving a domain" and "Securing a server".

#![allow(missing_docs, unreachable_pub, reason = "the chapter documents the examples")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use banking_domain::TransactionManagerDomain;
use fluvius::server::Server;
use fluvius::{Domain, DomainRuntime, MemoryStore};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

async fn bank() -> DomainRuntime {
    TransactionManagerDomain::runtime(MemoryStore::new()).await.unwrap()
}

// ANCHOR: serve
async fn serve(domain: DomainRuntime) -> Result<(), Box<dyn std::error::Error>> {
    // Until the process gets SIGTERM or an interrupt.
    Server::new().mount(domain).serve("127.0.0.1:8080").await?;
    Ok(())
}
// ANCHOR_END: serve

#[tokio::test]
async fn server_listens_until_it_is_stopped() {
    // The chapter's function waits for a signal; this one ends by itself.
    drop(serve(bank().await));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    stop.send(()).unwrap();
    let stopped = async { drop(stopped.await) };
    Server::new().mount(bank().await).serve_until(listener, stopped).await.unwrap();
}

mod nested {
    // ANCHOR: router
    use axum::Router;
    use axum::routing::get;
    use fluvius::DomainRuntime;
    use fluvius::server::{BuildError, Server, axum};

    pub fn application(domain: DomainRuntime) -> Result<Router, BuildError> {
        let bank = Server::new().mount(domain).base_path("/api").allow_anonymous().into_router()?;
        Ok(Router::new().route("/hello", get(|| async { "hello" })).fallback_service(bank))
    }
    // ANCHOR_END: router
}

#[tokio::test]
async fn server_is_part_of_another_application() {
    use fluvius::server::axum::body::{Body, to_bytes};
    use fluvius::server::axum::http::Request;
    use tower::ServiceExt;

    let application = nested::application(bank().await).unwrap();
    for (path, text) in [("/hello", "hello"), ("/api/livez", "{\"status\":\"ok\"}")] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = application.clone().oneshot(request).await.unwrap();
        assert_eq!(to_bytes(answer.into_body(), 100).await.unwrap(), text);
    }
}

// ANCHOR: tokens
use fluvius::server::{JwtAuthenticator, KeySource};

fn secured(domain: DomainRuntime) -> Result<Server, Box<dyn std::error::Error>> {
    let keys = KeySource::url("https://login.example.org/.well-known/jwks.json")?;
    let tokens = JwtAuthenticator::new("https://login.example.org", "bank-api", keys)
        .realm_claim("tenant")
        .roles_claim("roles");
    Ok(Server::new().mount(domain).authenticate(tokens))
}
// ANCHOR_END: tokens

// ANCHOR: policy
use fluvius::{Authorization, DomainContext, Policy, PolicyRequest, ReadRequest};

/// Tellers do everything, auditors read.
struct Branch;

fn has_role(context: &DomainContext, role: &str) -> bool {
    context.roles().iter().any(|each| each == role)
}

impl Policy for Branch {
    async fn authorize(&self, request: &PolicyRequest<'_>) -> Authorization {
        match has_role(request.context, "teller") {
            true => Authorization::Allow,
            false => Authorization::deny("only tellers send commands"),
        }
    }

    async fn may_read(&self, _: &ReadRequest<'_>, context: &DomainContext) -> Authorization {
        match has_role(context, "teller") || has_role(context, "auditor") {
            true => Authorization::Allow,
            false => Authorization::deny("only tellers and auditors read"),
        }
    }
}
// ANCHOR_END: policy

#[tokio::test]
async fn policy_decides_on_commands_and_reads() {
    let domain = TransactionManagerDomain::builder(MemoryStore::new());
    let domain = domain.policy(Branch).build().await.unwrap();
    assert!(secured(domain.clone()).is_ok());
    for (role, sends, reads) in
        [("teller", true, true), ("auditor", false, true), ("x", false, false)]
    {
        let session = domain.session(DomainContext::create("test").with_role(role));
        let opened = guide_chapters::open_account(&session, 5).await;
        assert_eq!(opened.is_ok(), sends, "{role}");
        let request = ReadRequest::new(fluvius::ReadKind::Query).resource("bank-account");
        assert_eq!(session.may_read(&request).await.is_ok(), reads, "{role}");
    }
}

// ANCHOR: proxy
use std::time::Duration;

use fluvius::server::RateLimit;

fn behind_a_proxy(server: Server) -> Result<Server, Box<dyn std::error::Error>> {
    Ok(server
        .public_url("https://bank.example.org")
        .base_path("/api")
        .trusted_proxies(["10.0.0.0/8".parse()?])
        .rate_limit(RateLimit::new(600, Duration::from_secs(60)))
        .drain_delay(Duration::from_secs(5)))
}
// ANCHOR_END: proxy

#[tokio::test]
async fn settings_for_a_proxy_are_valid() {
    let server = Server::new().mount(bank().await).allow_anonymous();
    assert!(behind_a_proxy(server).unwrap().into_router().is_ok());
}
