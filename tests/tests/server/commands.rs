//! Commands, and their answers.

use serde_json::json;
use uuid::Uuid;

use crate::client::Running;
use crate::library::{emma, library};

#[tokio::test]
async fn creating_command_draws_an_id() {
    let server = Running::of(library().await).await;
    let created = server.post("/library/book/add-book", &emma()).send().await;
    let body = created.expect(201);
    let id = body["identifier"].as_str().unwrap();
    assert_eq!(created.header("location"), format!("/library/book/{id}"));
    assert_eq!(created.header("cache-control"), "no-store");
    assert_eq!((body["version"].as_u64(), body["event"].as_str()), (Some(1), Some("book-added")));
    assert_eq!(body["data"]["title"], "Emma");
    let members: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "command",
        "command_id",
        "data",
        "etag",
        "event",
        "identifier",
        "occurred_at",
        "position",
        "resource",
        "version",
    ];
    assert_eq!(members, expected);
    let read = server.get(created.header("location")).send().await;
    assert_eq!(read.expect(200)["data"], body["data"]);
}

#[tokio::test]
async fn command_on_a_given_id_links_its_state() {
    let server = Running::of(library().await).await;
    let path = format!("/library/book/{}", Uuid::from_u128(7));
    let created = server.post(format!("{path}/add-book"), &emma()).send().await;
    created.expect(201);
    assert_eq!(created.header("location"), path);
    let returned = server.post(format!("{path}/return-book"), &json!({})).send().await;
    let body = returned.expect(200);
    assert_eq!((body["version"].as_u64(), body["data"].as_u64()), (Some(2), Some(474)));
    assert_eq!(returned.header("link"), format!("<{path}>; rel=\"related\""));
    let counted = server.post(format!("{path}/count-words"), &json!({})).send().await.expect(200);
    assert_eq!((counted["event"].is_null(), counted["data"].as_u64()), (true, Some(1)));
    assert!(counted["position"].as_u64() > body["position"].as_u64());
}

#[tokio::test]
async fn deprecated_command_says_so() {
    let server = Running::of(library().await).await;
    let path = format!("/library/book/{}", Uuid::from_u128(7));
    server.post(format!("{path}/add-book"), &emma()).send().await.expect(201);
    let returned = server.post(format!("{path}/return-book"), &json!({})).send().await;
    assert_eq!(returned.header("deprecation"), "@0");
    assert_eq!(returned.header("sunset"), "Wed, 30 Jun 2027 00:00:00 GMT");
}

#[tokio::test]
async fn status_of_a_command_has_its_answer() {
    let server = Running::of(library().await).await;
    let created = server.post("/library/book/add-book", &emma()).send().await.expect(201);
    let path = |id: &serde_json::Value| format!("/library/commands/{}", id.as_str().unwrap());
    let status = server.get(path(&created["command_id"])).send().await.expect(200);
    assert_eq!(status["status"], "applied");
    assert_eq!(status["answer"], created);

    let empty = json!({ "title": "Void", "price": "1", "pages": 0 });
    let rejected = server.post("/library/book/add-book", &empty).send().await;
    let problem = rejected.expect_problem(409);
    let status = server.get(rejected.header("location")).send().await.expect(200);
    assert_eq!((&status["status"], &status["problem"]), (&json!("rejected"), &problem));

    let unknown = server.get(path(&json!(Uuid::from_u128(1)))).send().await;
    assert_eq!(unknown.expect_problem(404)["code"], "not-found");
}

#[tokio::test]
async fn internal_action_has_no_route() {
    use fluvius::{Domain, MemoryStore};

    let store = MemoryStore::new();
    let domain = banking_domain::TransactionManagerDomain::runtime(store).await.unwrap();
    let server = Running::of(domain).await;
    let path = format!("/transaction-manager/bank-account/{}", Uuid::from_u128(1));
    let sent = server.post(format!("{path}/receive-transfer"), &json!({})).send().await;
    assert_eq!(sent.expect_problem(404)["code"], "unknown-command");
}
