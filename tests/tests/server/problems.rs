//! Problems: each error answer is one, also those of the router.

use hyper::Method;
use serde_json::json;
use uuid::Uuid;

use crate::client::Running;
use crate::library::{emma, library};

#[tokio::test]
async fn router_answers_with_problems() {
    let server = Running::of(library().await).await;
    for path in
        ["/", "/nowhere", "/library", "/library/film", "/library/book/1/2/3/4", "/problems/x"]
    {
        let problem = server.get(path).send().await.expect_problem(404);
        assert_eq!(problem["code"], "not-found", "{path}");
    }
    for (method, path, allowed) in [
        (Method::PUT, "/library/book", "GET,HEAD"),
        (Method::GET, "/library/book/add-book", "POST"),
        (Method::DELETE, "/library/atomic", "POST"),
        (Method::POST, "/livez", "GET,HEAD"),
    ] {
        let answer = server.call(method, path).send().await;
        assert_eq!(answer.expect_problem(405)["code"], "method-not-allowed");
        assert_eq!(answer.header("allow"), allowed);
    }
}

#[tokio::test]
async fn options_and_head_work() {
    let server = Running::of(library().await).await;
    let options = server.call(Method::OPTIONS, "/library/book").send().await;
    options.expect(204);
    assert_eq!(options.header("allow"), "GET,HEAD,OPTIONS");
    let id = Uuid::from_u128(1);
    server.post(format!("/library/book/{id}/add-book"), &emma()).send().await.expect(201);
    let path = format!("/library/book/{id}");
    let (read, head) =
        (server.get(&path).send().await, server.call(Method::HEAD, &path).send().await);
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(head.header("etag"), read.header("etag"));
}

#[tokio::test]
async fn unknown_command_names_similar_ones() {
    let server = Running::of(library().await).await;
    let path = format!("/library/book/{}/lent-book", Uuid::from_u128(1));
    let problem = server.post(path, &json!({})).send().await.expect_problem(404);
    assert_eq!(problem["code"], "unknown-command");
    assert!(problem["detail"].as_str().unwrap().contains("`lend-book`"), "{problem}");
    // The command needs an identifier in the path.
    let problem = server.post("/library/book/lend-book", &json!({})).send().await;
    let detail = problem.expect_problem(404)["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("/library/book/{id}/lend-book"), "{detail}");
    for id in ["1", "NOT-A-UUID", "00000000-0000-0000-0000-00000000000A"] {
        let problem = server.post(format!("/library/book/{id}/lend-book"), &json!({})).send().await;
        assert_eq!(problem.expect_problem(404)["code"], "not-found");
    }
}

#[tokio::test]
async fn rejection_has_its_own_status_and_page() {
    let server = Running::of(library().await).await;
    let path = format!("/library/book/{}", Uuid::from_u128(1));
    server.post(format!("{path}/add-book"), &emma()).send().await.expect(201);
    let sent =
        server.post(format!("{path}/open-shelf"), &json!({ "code": "hunter2" })).send().await;
    let problem = sent.expect_problem(403);
    assert!(!sent.text.contains("hunter2"));
    let expected = json!({
        "type": "/problems/library/wrong-code",
        "title": "Wrong code",
        "status": 403,
        "detail": "the code is wrong",
        "instance": problem["instance"],
        "code": "rejected",
        "rejection": "wrong-code",
        "retry": "new-key",
    });
    assert_eq!(problem, expected);
    let id = problem["instance"].as_str().unwrap().strip_prefix("urn:uuid:").unwrap();
    assert_eq!(sent.header("location"), format!("/library/commands/{id}"));

    let page = server.get("/problems/library/wrong-code").send().await.expect(200);
    assert_eq!(
        (page["status"].as_u64(), page["description"].as_str()),
        (Some(403), Some("The code is wrong."))
    );
    let page = server.get("/problems/precondition-failed").send().await.expect(200);
    assert_eq!(page["status"], 412);
    let html = server.get("/problems/conflict").header("accept", "text/html").send().await;
    assert!(html.header("content-type").starts_with("text/html") && html.text.contains("<h1>"));
    let all = server.get("/problems").send().await.expect(200);
    let all = all["problems"].as_array().unwrap();
    assert!(all.iter().any(|each| each["rejection"] == "lent" && each["status"] == 423));
    for each in all {
        server.get(each["type"].as_str().unwrap()).send().await.expect(200);
    }
}

#[tokio::test]
async fn missing_aggregate_is_not_found() {
    let server = Running::of(library().await).await;
    let path = format!("/library/book/{}", Uuid::from_u128(1));
    let problem = server.post(format!("{path}/return-book"), &json!({})).send().await;
    let problem = problem.expect_problem(404);
    assert_eq!(
        (problem["code"].as_str(), problem["retry"].as_str()),
        (Some("not-found"), Some("new-key"))
    );
    let problem = server.get(&path).send().await.expect_problem(404);
    assert_eq!(problem["retry"], "never");
    server.get(format!("{path}/history")).send().await.expect_problem(404);
    server.post(format!("{path}/add-book"), &emma()).send().await.expect(201);
    let problem = server.post(format!("{path}/add-book"), &emma()).send().await.expect_problem(409);
    assert_eq!(problem["code"], "already-exists");
}

#[tokio::test]
async fn internal_error_tells_nothing_of_the_program() {
    let server = Running::of(library().await).await;
    let path = format!("/library/book/{}", Uuid::from_u128(1));
    server.post(format!("{path}/add-book"), &emma()).send().await.expect(201);
    let burnt = server.post(format!("{path}/burn-book"), &json!({ "reason": "cold" })).send().await;
    let problem = burnt.expect_problem(500);
    assert_eq!(problem["code"], "panicked");
    assert!(!burnt.text.contains("plan") && !burnt.text.contains("cold"), "{}", burnt.text);
    assert_eq!(server.get(&path).send().await.expect(200)["version"], 1);
}

#[tokio::test]
async fn request_id_is_echoed_or_drawn() {
    let server = Running::of(library().await).await;
    let sent = server.get("/livez").header("x-request-id", "abc-1").send().await;
    assert_eq!(sent.header("x-request-id"), "abc-1");
    for odd in ["two words", &"x".repeat(129)] {
        let sent = server.get("/livez").header("x-request-id", odd).send().await;
        assert_eq!(sent.header("x-request-id").len(), 36, "{odd}");
    }
}

#[tokio::test]
async fn foreign_host_and_origin_are_refused() {
    let server = Running::of(library().await).await;
    for (name, value) in [
        ("host", "example.org"),
        ("host", "localhost.example.org"),
        ("origin", "https://example.org"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1.example.org"),
    ] {
        let sent = server.post("/library/book/add-book", &emma()).header(name, value).send().await;
        assert_eq!(sent.expect_problem(403)["code"], "foreign-origin", "{name}: {value}");
        let sent = server.get("/problems").header(name, value).send().await;
        sent.expect_problem(403);
    }
    let sent =
        server.post("/library/book/add-book", &emma()).header("origin", "http://localhost:1");
    sent.send().await.expect(201);
    assert_eq!(server.get("/library/book").send().await.expect(200)["rows"][1], json!(null));
}
