//! The server behind a proxy, and for pages of other origins: limits, addresses, compression.

use std::time::Duration;

use fluvius::server::{BuildError, RateLimit, Server};
use hyper::Method;
use serde_json::json;
use uuid::Uuid;

use crate::client::Running;
use crate::library::{emma, library};

async fn server() -> Server {
    Server::new().mount(library().await)
}

#[tokio::test]
async fn senders_behind_a_trusted_proxy_have_their_own_limits() {
    let limit = RateLimit::new(5, Duration::from_secs(3_600));
    let trusted = ["127.0.0.0/8".parse().unwrap()];
    let server = Running::start(server().await.rate_limit(limit).trusted_proxies(trusted)).await;
    let send =
        |client: &'static str| server.get("/library/book").header("x-forwarded-for", client).send();
    for left in [4, 3, 2, 1, 0] {
        let answer = send("203.0.113.1").await;
        answer.expect(200);
        assert_eq!(answer.header("ratelimit-policy"), "\"actor\";q=5;w=3600");
        assert!(answer.header("ratelimit").starts_with(&format!("\"actor\";r={left};")));
    }
    let refused = send("1.2.3.4, 203.0.113.1").await;
    assert_eq!(refused.expect_problem(429)["code"], "rate-limited");
    assert_eq!(refused.header("ratelimit").split(';').nth(1), Some("r=0"));
    assert_eq!(refused.header("retry-after"), "720");
    send("203.0.113.2").await.expect(200);
}

#[tokio::test]
async fn claims_of_other_clients_are_not_believed() {
    let limit = RateLimit::new(3, Duration::from_secs(3_600));
    let server = Running::start(server().await.rate_limit(limit)).await;
    for host in 0..3 {
        let client = format!("203.0.113.{host}");
        server.get("/library/book").header("x-forwarded-for", &client).send().await.expect(200);
    }
    let other = server.get("/library/book").header("x-forwarded-for", "203.0.113.9");
    other.send().await.expect_problem(429);
    // Health is not limited, since it tells nothing.
    server.get("/livez").send().await.expect(200);
}

#[tokio::test]
async fn large_answers_are_compressed_and_their_tags_weakened() {
    let server = Running::start(server().await).await;
    let path = format!("/library/book/{}", Uuid::from_u128(1));
    let mut book = emma();
    book["title"] = json!("word ".repeat(1_000));
    server.post(format!("{path}/add-book"), &book).send().await.expect(201);
    let plain = server.get(&path).send().await;
    assert_eq!(plain.header("content-encoding"), "");
    let (headers, size) = server.get(&path).header("accept-encoding", "gzip").send_raw().await;
    assert_eq!(headers["content-encoding"], "gzip");
    assert!(size < plain.text.len() / 10, "{size}");
    let tag = headers["etag"].to_str().unwrap();
    assert_eq!(tag, format!("W/{}", plain.header("etag")));
    let read = server.get(&path).header("if-none-match", tag).send().await;
    assert_eq!(read.status, 304);
    let lend = server.post(format!("{path}/lend-book"), &json!({ "lender": Uuid::from_u128(2) }));
    lend.header("if-match", tag).send().await.expect(200);
    let small = server.get("/livez").header("accept-encoding", "gzip").send().await;
    assert_eq!(small.header("content-encoding"), "");
    let call = server.get("/library/events").header("accept", "text/event-stream");
    let mut stream = call.header("accept-encoding", "gzip").open().await;
    assert_eq!(stream.take(1).await[0].data.as_ref().unwrap()["event"], "book-added");
}

#[tokio::test]
async fn pages_of_allowed_origins_may_call() {
    let server = server().await.allow_anonymous().cors(["https://shop.example"]);
    let server = Running::start(server).await;
    let preflight = server
        .call(Method::OPTIONS, "/library/book/add-book")
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "idempotency-key")
        .send()
        .await;
    assert_eq!(preflight.status, 200);
    assert_eq!(preflight.header("access-control-allow-origin"), "https://shop.example");
    assert!(preflight.header("access-control-allow-headers").contains("idempotency-key"));
    let sent = server.get("/library/book").header("origin", "https://shop.example").send().await;
    assert!(sent.header("access-control-expose-headers").contains("etag"));
    assert_eq!(sent.header("access-control-allow-credentials"), "");
    let other = server.get("/library/book").header("origin", "https://evil.example").send().await;
    assert_eq!(other.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn document_names_the_public_url() {
    let server = server().await.public_url("https://bank.example").base_path("/api");
    let server = Running::start(server).await;
    let document = server.get("/api/openapi.json").send().await.expect(200);
    assert_eq!(document["servers"], json!([{ "url": "https://bank.example/api" }]));
}

#[tokio::test]
async fn faulty_settings_are_build_errors() {
    let fault =
        |server: Server| -> BuildError { server.allow_anonymous().into_router().unwrap_err() };
    let error = fault(server().await.public_url("bank.example/api"));
    assert!(error.to_string().contains("public URL `bank.example/api`"), "{error}");
    let error = fault(server().await.cors(["https://shop.example/", "x"]));
    assert!(error.to_string().contains("is no origin"), "{error}");
}

#[tokio::test]
async fn slow_sender_is_cut_off() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let timeout = Duration::from_millis(300);
    let server = Running::start(server().await.body_timeout(timeout)).await;
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let head = "POST /library/book/add-book HTTP/1.1\r\nhost: localhost\r\n\
                content-type: application/json\r\ncontent-length: 1000\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut answer));
    read.await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("timed-out"), "{answer}");
}

#[tokio::test]
async fn flood_of_headers_is_refused() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let server = Running::start(server().await).await;
    let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let mut head = "GET /livez HTTP/1.1\r\nhost: localhost\r\n".to_owned();
    head.push_str(&format!("x: {}\r\n", "y".repeat(1_000)).repeat(1_000));
    // The server may close the connection before it has read everything.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    server.get("/livez").send().await.expect(200);
}
