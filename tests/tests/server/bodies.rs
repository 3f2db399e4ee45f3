//! Bodies, media types and query parameters that are refused.

use hyper::Method;
use serde_json::json;
use uuid::Uuid;

use crate::client::Running;
use crate::library::{emma, library};

const ADD: &str = "/library/book/add-book";

#[tokio::test]
async fn empty_body_is_an_empty_object() {
    let server = Running::of(library().await).await;
    let path = format!("/library/book/{}", Uuid::from_u128(1));
    server.post(format!("{path}/add-book"), &emma()).send().await.expect(201);
    server.call(Method::POST, format!("{path}/return-book")).send().await.expect(200);
}

#[tokio::test]
async fn other_media_types_are_refused() {
    let server = Running::of(library().await).await;
    for kind in [
        "text/plain",
        "application/xml",
        "application/json; charset=latin1",
        "application/jsonp",
        "application/merge-patch+json",
    ] {
        let call = server.call(Method::POST, ADD).header("content-type", kind);
        let problem = call.body(emma().to_string()).send().await.expect_problem(415);
        assert_eq!(problem["code"], "unsupported-media-type", "{kind}");
    }
    let without = server.call(Method::POST, ADD).body(emma().to_string()).send().await;
    without.expect_problem(415);
    let call =
        server.call(Method::POST, ADD).header("content-type", "Application/JSON;charset=UTF-8");
    call.body(emma().to_string()).send().await.expect(201);
    let encoded = server.post(ADD, &emma()).header("content-encoding", "gzip").send().await;
    encoded.expect_problem(415);
}

#[tokio::test]
async fn invalid_json_is_a_bad_request() {
    let server = Running::of(library().await).await;
    for text in [
        "{",
        "nonsense",
        "{} {}",
        r#"{"title":"Emma","title":"Emma","price":"1","pages":1}"#,
        r#"{"title":"Emma","price":"1","pages":1,"tags":[{"a":1,"a":2}]}"#,
        "\u{feff}{}",
    ] {
        let call = server.call(Method::POST, ADD).header("content-type", "application/json");
        let problem = call.body(text).send().await.expect_problem(400);
        assert_eq!(problem["code"], "invalid-json", "{text}");
    }
    assert_eq!(server.get("/library/book").send().await.expect(200)["rows"], json!([]));
}

#[tokio::test]
async fn invalid_payload_points_to_its_field() {
    let server = Running::of(library().await).await;
    for (payload, path) in [
        (json!({ "title": 1, "price": "1", "pages": 1 }), "/title"),
        (json!({ "title": "x", "price": "much", "pages": 1 }), "/price"),
        (json!({ "title": "x", "price": "1", "pages": -1 }), "/pages"),
        (json!({ "title": "x", "price": "1", "pages": 1, "tags": ["a", 2] }), "/tags/1"),
        (json!({ "title": "x", "price": "1" }), "/pages"),
        (json!({ "title": "x", "price": "1", "pages": 1, "colour": "red" }), "/colour"),
        (json!({ "title": "x\0", "price": "1", "pages": 1 }), "/title"),
        (json!([]), ""),
        (json!(null), ""),
    ] {
        let problem = server.post(ADD, &payload).send().await.expect_problem(422);
        let found = (problem["code"].as_str(), problem["path"].as_str());
        assert_eq!(found, (Some("invalid-payload"), Some(path)), "{payload} {problem}");
    }
}

#[tokio::test]
async fn large_body_is_refused() {
    let server =
        Running::start(fluvius::server::Server::new().mount(library().await).body_limit(1_000))
            .await;
    let mut payload = emma();
    payload["title"] = "x".repeat(1_000).into();
    let problem = server.post(ADD, &payload).send().await.expect_problem(413);
    assert_eq!(problem["code"], "too-large");
    server.post(ADD, &emma()).send().await.expect(201);
}

#[tokio::test]
async fn answer_that_is_not_acceptable_is_refused() {
    let server = Running::of(library().await).await;
    for path in ["/library/book", "/library/meta", "/openapi.json", "/library/events"] {
        let problem = server.get(path).header("accept", "text/html").send().await;
        assert_eq!(problem.expect_problem(406)["code"], "not-acceptable", "{path}");
        server.get(path).header("accept", "application/*").send().await.expect(200);
    }
    let refused = server.post(ADD, &emma()).header("accept", "text/html").send().await;
    refused.expect_problem(406);
    assert_eq!(server.get("/library/book").send().await.expect(200)["rows"], json!([]));
}

#[tokio::test]
async fn unknown_parameter_is_an_error_on_every_route() {
    let server = Running::of(library().await).await;
    let id = Uuid::from_u128(1);
    server.post(format!("/library/book/{id}/add-book"), &emma()).send().await.expect(201);
    for path in [
        format!("/library/book/{id}?version=1"),
        format!("/library/book/{id}/history?before=1"),
        "/library/events?since=1".to_owned(),
        "/library/meta?x".to_owned(),
        format!("/library/commands/{id}?x=1"),
        "/openapi.json?x=1".to_owned(),
    ] {
        let problem = server.get(&path).send().await.expect_problem(400);
        assert_eq!(problem["code"], "invalid-parameter", "{path}");
    }
    for path in ["/library/book/add-book?force=true", "/library/atomic?x=1"] {
        let problem = server.post(path, &emma()).send().await.expect_problem(400);
        assert_eq!(problem["code"], "invalid-parameter", "{path}");
    }
}
