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

// ANCHOR: casbin
use fluvius::casbin::CasbinPolicy;

const RULES: &str = r#"
# role, realm, resource, kind, action
p, teller, north, bank-account, COMMAND, transaction-manager:open-account
p, teller, north, bank-account, COMMAND, transaction-manager:deposit-money
p, auditor, *, *, QUERY, *
p, operator, *, *, OPERATION, transaction-manager:export

# A teller is an auditor too.
g2, teller, auditor
"#;

async fn with_rules() -> Result<(DomainRuntime, CasbinPolicy), Box<dyn std::error::Error>> {
    // `CasbinPolicy::from_file` reads them from a file.
    let policy = CasbinPolicy::from_text::<TransactionManagerDomain>(RULES).build().await?;
    let domain = TransactionManagerDomain::builder(MemoryStore::new()).policy(policy.clone());
    Ok((domain.build().await?, policy))
}
// ANCHOR_END: casbin

#[tokio::test]
async fn rules_decide_and_are_replaced() {
    let (domain, policy) = with_rules().await.unwrap();
    let teller = DomainContext::create("desk").with_realm("north").with_role("teller");
    let session = domain.session(teller);
    guide_chapters::open_account(&session, 5).await.unwrap();

    let activities = domain.log().activities().await.unwrap().rows;
    let message = activities[0].record.message.as_ref();
    let reason = "is allowed: line 3 of rules: p, teller, north, bank-account, COMMAND, \
                  transaction-manager:open-account";
    assert!(message.ends_with(reason), "{message}");
    let query = ReadRequest::new(fluvius::ReadKind::Query).resource("bank-account");
    session.may_read(&query).await.unwrap();

    // ANCHOR: casbin_reload
    let rules = RULES.replace("p, teller,", "p, chief,");
    policy.replace_rules(rules).await.unwrap();
    // ANCHOR_END: casbin_reload
    let denied = guide_chapters::open_account(&session, 5).await.unwrap_err();
    assert_eq!(denied.code(), "permission-denied");
    policy.replace_rules("p, chief").await.unwrap_err();
    session.may_read(&query).await.unwrap();
}

// ANCHOR: casbin_model
const MODEL: &str = r#"
[request_definition]
r = roles, realm, act

[policy_definition]
p = role, act, eft

[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))

[matchers]
m = p.role in r.roles && keyMatch(r.act, p.act)
"#;
// ANCHOR_END: casbin_model

#[tokio::test]
async fn model_of_a_program_has_fields_of_its_own() {
    let rules = "p, teller, transaction-manager:*, allow\np, trainee, *, deny\n";
    let policy = CasbinPolicy::from_text::<TransactionManagerDomain>(rules).model(MODEL);
    let domain = TransactionManagerDomain::builder(MemoryStore::new());
    let domain = domain.policy(policy.build().await.unwrap()).build().await.unwrap();
    let teller = DomainContext::create("desk").with_role("teller");
    let trainee = domain.session(teller.clone().with_role("trainee"));
    guide_chapters::open_account(&domain.session(teller), 5).await.unwrap();
    guide_chapters::open_account(&trainee, 5).await.unwrap_err();
}
