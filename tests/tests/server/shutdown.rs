//! The base path, health and the shutdown.

use std::time::{Duration, Instant};

use fluvius::server::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::Running;
use crate::library::{emma, library};

#[tokio::test]
async fn base_path_is_before_every_path() {
    let server = Running::start(Server::new().mount(library().await).base_path("/api/")).await;
    let created = server.post("/api/library/book/add-book", &emma()).send().await;
    created.expect(201);
    assert!(created.header("location").starts_with("/api/library/book/"));
    server.get(created.header("location")).send().await.expect(200);
    let problem = server.get("/api/nowhere").send().await.expect_problem(404);
    assert_eq!(problem["type"], "/api/problems/not-found");
    server.get(problem["type"].as_str().unwrap()).send().await.expect(200);
    server.get("/library/book").send().await.expect_problem(404);
    let page = server.get("/api/library/book?limit=1").send().await.expect(200);
    assert_eq!(page["rows"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn readiness_ends_before_the_server_does() {
    let delay = Duration::from_millis(500);
    let mut server = Running::start(Server::new().mount(library().await).drain_delay(delay)).await;
    server.get("/livez").send().await.expect(200);
    server.get("/readyz").send().await.expect(200);
    server.begin_to_stop();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.get("/readyz").send().await.expect_problem(503)["code"], "shutting-down");
    server.post("/library/book/add-book", &emma()).send().await.expect(201);
    server.ended().await;
}

#[tokio::test]
async fn idle_connections_do_not_delay_the_end() {
    let server = Running::of(library().await).await;
    let mut idle = Vec::new();
    for _ in 0..100 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut part = [0; 12];
        stream.read_exact(&mut part).await.unwrap();
        assert_eq!(&part, b"HTTP/1.1 200");
        idle.push(stream);
    }
    let begun = Instant::now();
    server.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn domain_is_shut_down_with_the_server() {
    let domain = library().await;
    let server = Running::of(domain.clone()).await;
    server.stop().await;
    let session = domain.session(fluvius::DomainContext::create("test"));
    let target = fluvius::AggregateId::new("book", uuid::Uuid::from_u128(1));
    let add = session.aggregate(target).create_command("add-book", emma()).unwrap();
    assert_eq!(session.process_command(add).await.unwrap_err().code(), "shutting-down");
}
