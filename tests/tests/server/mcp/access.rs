//! The requests that `/mcp` answers, and as whom.

use std::time::{Duration, Instant};

use fluvius::server::{RateLimit, Server};
use fluvius::{
    ActionDescriptor, Authorization, Domain as _, DomainContext, MemoryStore, Policy,
    PolicyRequest, ReadRequest, Transport,
};
use hyper::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use super::desk::{Named, desk};
use super::{REVISIONS, Revision, error, problem, result};
use crate::client::{Answer, Running};
use crate::library::{LibraryDomain, emma, library};

#[tokio::test]
async fn call_runs_as_the_sender_in_its_realm() {
    let domain = LibraryDomain::runtime(MemoryStore::new()).await.unwrap();
    let server = Running::start(Server::new().mount(domain.clone()).authenticate(Named)).await;
    for revision in REVISIONS {
        let call = |sender, name, arguments| {
            let params = json!({ "name": name, "arguments": arguments });
            let server = &server;
            async move { result(&revision.request_as(server, sender, "tools/call", &params).await) }
        };
        let added = call((5, "north"), "add-book", json!({ "payload": emma() })).await;
        let id = added["structuredContent"]["identifier"].clone();
        let row = domain.log().descending().limit(1).commands().await.unwrap().rows.remove(0);
        let context = domain.log().context(row.record.context_id).await.unwrap().unwrap();
        assert_eq!(context.transport, Transport::Mcp);
        assert_eq!(context.realm.as_deref(), Some("north"));
        assert_eq!(context.actor.user_id, Some(Uuid::from_u128(5)));

        let read = call((6, "north"), "book_get", json!({ "id": id })).await;
        assert_eq!(read["isError"], false, "{read}");
        for (name, arguments) in [
            ("book_get", json!({ "id": id })),
            ("book_history", json!({ "id": id })),
            ("return-book", json!({ "id": id })),
            ("remove-book", json!({ "id": id })),
        ] {
            let foreign = call((5, "south"), name, arguments).await;
            assert_eq!(problem(&foreign)["code"], "not-found", "{name}");
        }
        let rows = call((5, "south"), "book_query", json!({ "closed": true })).await;
        assert_eq!(rows["structuredContent"]["rows"], json!([]));
    }
}

#[tokio::test]
async fn request_without_credentials_is_told_where_to_get_them() {
    let server = Server::new().mount(library().await).authenticate(Named);
    let server = Running::start(server.public_url("https://library.example.org/")).await;
    for revision in REVISIONS {
        let answer = revision.request_as(&server, (0, ""), "tools/list", &json!({})).await;
        assert_eq!(answer.expect_problem(401)["code"], "unauthenticated");
        let path = "/.well-known/oauth-protected-resource/mcp";
        let expected = format!("Named resource_metadata=\"https://library.example.org{path}\"");
        assert_eq!(answer.header("www-authenticate"), expected);
        for path in [path, "/.well-known/oauth-protected-resource"] {
            let metadata = server.get(path).send().await.expect(200);
            let expected = json!({
                "resource": "https://library.example.org/mcp",
                "authorization_servers": ["https://login.example.org"],
                "bearer_methods_supported": ["header"],
            });
            assert_eq!(metadata, expected);
        }
    }
    let other = Running::of(library().await).await;
    other.get("/.well-known/oauth-protected-resource").send().await.expect_problem(404);
}

async fn list_with(server: &Running, name: &str, value: &str) -> Answer {
    let list = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/list" });
    server.post("/mcp", &list).header("x-user", "5").header(name, value).send().await
}

#[tokio::test]
async fn foreign_host_and_origin_are_refused() {
    let anonymous = Running::of(library().await).await;
    let server = Server::new().mount(library().await).authenticate(Named);
    let named = Running::start(server.public_url("https://library.example.org")).await;
    for server in [&anonymous, &named] {
        for (name, value) in [
            ("host", "evil.example"),
            ("host", "library.example.org.evil.example"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
        ] {
            let refused = list_with(server, name, value).await.expect_problem(403);
            assert_eq!(refused["code"], "foreign-origin", "{name}: {value}");
        }
        for (name, value) in [("host", "localhost"), ("origin", "http://127.0.0.1:3000")] {
            list_with(server, name, value).await.expect(200);
        }
    }
    list_with(&named, "host", "library.example.org").await.expect(200);
    list_with(&named, "origin", "https://library.example.org").await.expect(200);
    // Other routes of a server with an authenticator have any host.
    let read = named.get("/library/book").header("x-user", "5").header("host", "evil.example");
    read.send().await.expect(200);
}

#[tokio::test]
async fn base_path_is_before_the_route() {
    let server = Server::new().mount(library().await).authenticate(Named).base_path("/api");
    let server = Running::start(server).await;
    let list = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/list" });
    server.post("/api/mcp", &list).header("x-user", "5").send().await.expect(200);
    server.post("/mcp", &list).header("x-user", "5").send().await.expect_problem(404);
    let foreign = server.post("/api/mcp", &list).header("origin", "https://evil.example");
    foreign.send().await.expect_problem(403);
    let path = "/.well-known/oauth-protected-resource/api/mcp";
    let metadata = server.get(path).send().await.expect(200);
    assert_eq!(metadata["resource"], format!("http://{}/api/mcp", server.address));
}

#[tokio::test]
async fn errors_of_the_route_are_well_formed() {
    let server = Server::new().mount(library().await).body_limit(200);
    let server = Running::start(server).await;
    let long = format!(r#"{{"x":"{}"}}"#, "x".repeat(20_000));
    for (text, status, code) in [
        ("{", 400, "invalid-json"),
        (r#"{"a":1,"a":1}"#, 400, "invalid-json"),
        (long.as_str(), 413, "too-large"),
    ] {
        let sent = server.post("/mcp", &json!({})).body(text).send().await;
        assert_eq!(sent.expect_problem(status)["code"], code);
    }
    for text in ["[]", "{}", "1", r#"{"jsonrpc":"2.0"}"#] {
        let sent = server.post("/mcp", &json!({})).body(text).send().await;
        assert_eq!((sent.status, error(&sent)["code"].as_i64()), (400, Some(-32600)), "{text}");
    }
    let list = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/list" });
    let version = server.post("/mcp", &list).header("mcp-protocol-version", "1999-01-01");
    assert_eq!(version.send().await.expect_problem(400)["code"], "invalid-parameter");
    let html = server.post("/mcp", &list).header("accept", "text/html").send().await;
    assert_eq!(html.expect_problem(406)["code"], "not-acceptable");
    let text = server.call(Method::POST, "/mcp").header("content-type", "text/plain");
    let text = text.body(list.to_string()).send().await;
    assert_eq!(text.expect_problem(415)["code"], "unsupported-media-type");
}

#[tokio::test]
async fn no_stream_is_open_that_would_delay_the_end() {
    let server = Running::of(library().await).await;
    for method in [Method::GET, Method::DELETE] {
        let stream = server.call(method, "/mcp").header("accept", "text/event-stream");
        let refused = stream.send().await;
        refused.expect_problem(405);
        assert_eq!(refused.header("allow"), "POST");
    }
    let listen = json!({ "notifications": { "toolsListChanged": true } });
    let answer =
        Revision::V2026.request_as(&server, (0, ""), "subscriptions/listen", &listen).await;
    assert_eq!(error(&answer)["code"], -32601);
    let begun = Instant::now();
    server.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn call_in_flight_is_answered_at_the_end() {
    let mut server = Running::of(desk().await).await;
    let note = json!({ "resource": "note", "payload": { "text": "Buy milk" } });
    let id = Revision::V2026.done(&server, "write-note", &note).await["identifier"].clone();
    let call = json!({
        "jsonrpc": "2.0",
        "id": 7,
        "method": "tools/call",
        "params": { "name": "ponder-note", "arguments": { "resource": "note", "id": id } },
    });
    let body = call.to_string();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.begin_to_stop();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(r#""data":8"#), "{answer}");
    server.ended().await;
}

#[tokio::test]
async fn notification_is_accepted() {
    let server = Running::of(library().await).await;
    let message = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let answer = server.post("/mcp", &message).send().await;
    assert_eq!((answer.status, answer.text.as_str()), (202, ""));
}

/// A policy by roles: `clerk` may do everything, others may add books only.
struct Desk;

impl Policy for Desk {
    async fn authorize(&self, request: &PolicyRequest<'_>) -> Authorization {
        match request.context.actor().user_id == Some(CLERK) || request.action.key == "add-book" {
            true => Authorization::Allow,
            false => Authorization::deny("clerks only"),
        }
    }

    async fn may_read(&self, _: &ReadRequest<'_>, context: &DomainContext) -> Authorization {
        match context.actor().user_id == Some(CLERK) {
            true => Authorization::Allow,
            false => Authorization::deny("clerks only"),
        }
    }

    fn may_list(&self, action: &'static ActionDescriptor, context: &DomainContext) -> bool {
        context.actor().user_id == Some(CLERK) || action.key == "add-book"
    }
}

const CLERK: Uuid = Uuid::from_u128(1);

#[tokio::test]
async fn policy_hides_tools_and_denies_their_calls() {
    let domain = LibraryDomain::builder(MemoryStore::new()).policy(Desk).build().await.unwrap();
    let server = Running::start(Server::new().mount(domain).authenticate(Named)).await;
    for revision in REVISIONS {
        let tools = async |user| {
            let answer = revision.request_as(&server, (user, ""), "tools/list", &json!({})).await;
            let list = result(&answer)["tools"].clone();
            let names = list.as_array().unwrap().iter().map(|tool| tool["name"].clone());
            names.filter(|name| !name.as_str().unwrap().contains('_')).collect::<Vec<_>>()
        };
        assert_eq!(tools(1).await.len(), 7);
        assert_eq!(tools(2).await, ["add-book"]);
        let call = async |name: &str, arguments: Value| {
            let params = json!({ "name": name, "arguments": arguments });
            result(&revision.request_as(&server, (2, ""), "tools/call", &params).await)
        };
        let added = call("add-book", json!({ "payload": emma() })).await;
        assert_eq!(added["isError"], false, "{added}");
        let id = &added["structuredContent"]["identifier"];
        for (name, arguments) in [
            ("return-book", json!({ "id": id })),
            ("book_get", json!({ "id": id })),
            ("book_history", json!({ "id": id })),
            ("book_query", json!({})),
        ] {
            let denied = problem(&call(name, arguments).await);
            assert_eq!(denied["code"], "permission-denied", "{name}");
        }
    }
}

#[tokio::test]
async fn rate_limit_counts_messages() {
    let limit = RateLimit::new(2, Duration::from_secs(3_600));
    let server = Server::new().mount(library().await).authenticate(Named).rate_limit(limit);
    let server = Running::start(server).await;
    for _ in 0..2 {
        list_with(&server, "x-realm", "north").await.expect(200);
    }
    let refused = list_with(&server, "x-realm", "north").await;
    assert_eq!(refused.expect_problem(429)["code"], "rate-limited");
}
