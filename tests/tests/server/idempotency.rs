//! Idempotency keys: one key has one effect, and always the same answer.

use serde_json::json;
use uuid::Uuid;

use crate::client::Running;
use crate::library::{emma, library};

const ADD: &str = "/library/book/add-book";
const KEY: &str = "0190163d-8694-739b-aea5-966c26f8ad92";

#[tokio::test]
async fn retry_of_a_creating_command_gets_the_first_answer() {
    let server = Running::of(library().await).await;
    let first = server.post(ADD, &emma()).header("idempotency-key", KEY).send().await;
    first.expect(201);
    assert_eq!(first.header("idempotent-replayed"), "");
    // A quoted key is the same key.
    let quoted = format!("\"{KEY}\"");
    for key in [KEY, &quoted] {
        let again = server.post(ADD, &emma()).header("idempotency-key", key).send().await;
        again.expect(201);
        assert_eq!(again.text, first.text);
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(again.header("location"), first.header("location"));
    }
    let rows = server.get("/library/book").send().await.expect(200);
    assert_eq!(rows["rows"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn concurrent_retries_have_one_effect() {
    let server = Running::of(library().await).await;
    let path = format!("/library/book/{}", Uuid::from_u128(1));
    server.post(format!("{path}/add-book"), &emma()).send().await.expect(201);
    let body = json!({});
    let send = || server.post(format!("{path}/return-book"), &body).header("idempotency-key", KEY);
    let answers = futures_util::future::join_all((0..50).map(|_| send().send())).await;
    for answer in &answers {
        answer.expect(200);
        assert_eq!(answer.text, answers[0].text);
    }
    assert_eq!(server.get(&path).send().await.expect(200)["version"], 2);
}

#[tokio::test]
async fn recorded_rejection_is_replayed() {
    let server = Running::of(library().await).await;
    let empty = json!({ "title": "Void", "price": "1", "pages": 0 });
    let first = server.post(ADD, &empty).header("idempotency-key", KEY).send().await;
    first.expect_problem(409);
    let again = server.post(ADD, &empty).header("idempotency-key", KEY).send().await;
    again.expect_problem(409);
    assert_eq!(again.text, first.text);
    assert_eq!(first.header("idempotent-replayed"), "");
    assert_eq!(again.header("idempotent-replayed"), "true");
}

#[tokio::test]
async fn other_use_of_a_key_is_an_error() {
    let server = Running::of(library().await).await;
    let path = format!("/library/book/{}", Uuid::from_u128(1));
    let sent = server.post(format!("{path}/add-book"), &emma()).header("idempotency-key", KEY);
    sent.send().await.expect(201);
    let mut other = emma();
    other["pages"] = json!(1);
    for (path, payload) in [
        (format!("{path}/add-book"), &other),
        (format!("{path}/count-words"), &json!({})),
        (format!("/library/book/{}/add-book", Uuid::from_u128(2)), &emma()),
        (ADD.to_owned(), &emma()),
    ] {
        let sent = server.post(&path, payload).header("idempotency-key", KEY).send().await;
        assert_eq!(sent.expect_problem(422)["code"], "command-id-reused", "{path}");
    }
}

#[tokio::test]
async fn refused_request_leaves_no_trace() {
    let server = Running::of(library().await).await;
    let with_key = |body: &serde_json::Value| server.post(ADD, body).header("idempotency-key", KEY);
    with_key(&json!({ "title": 1 })).send().await.expect_problem(422);
    with_key(&emma()).header("accept", "text/html").send().await.expect_problem(406);
    with_key(&emma()).header("if-match", "*").header("if-none-match", "*").send().await.expect(400);
    let sent = with_key(&emma()).send().await;
    sent.expect(201);
    assert_eq!(sent.header("idempotent-replayed"), "");
}

#[tokio::test]
async fn malformed_key_is_an_error() {
    let server = Running::of(library().await).await;
    for key in ["", "\"\"", "order-77", "a b", &"k".repeat(256)] {
        let sent = server.post(ADD, &emma()).header("idempotency-key", key).send().await;
        assert_eq!(sent.expect_problem(400)["code"], "invalid-idempotency-key", "{key}");
    }
    let twice = server.post(ADD, &emma()).header("idempotency-key", KEY);
    twice.header("idempotency-key", KEY).send().await.expect_problem(400);
}
