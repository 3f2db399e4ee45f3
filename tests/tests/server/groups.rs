//! Atomic groups.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Running;
use crate::library::{emma, library};

const KEY: &str = "0190163d-8694-739b-aea5-966c26f8ad92";

fn command(id: Option<Uuid>, key: &str, payload: Value) -> Value {
    json!({ "resource": "book", "identifier": id, "command": key, "payload": payload })
}

#[tokio::test]
async fn group_is_applied_as_a_whole() {
    let server = Running::of(library().await).await;
    let id = Uuid::from_u128(1);
    let group = json!({ "commands": [
        command(Some(id), "add-book", emma()),
        command(Some(id), "return-book", json!({})),
        command(None, "add-book", emma()),
    ] });
    let send = || server.post("/library/atomic", &group).header("idempotency-key", KEY);
    let first = send().send().await;
    let body = first.expect(200);
    let answers = body["answers"].as_array().unwrap();
    assert_eq!(
        answers.iter().map(|each| each["version"].as_u64().unwrap()).collect::<Vec<_>>(),
        [1, 2, 1]
    );
    let again = send().send().await;
    again.expect(200);
    assert_eq!(
        (again.text.as_str(), again.header("idempotent-replayed")),
        (first.text.as_str(), "true")
    );
    let rows = server.get("/library/book").send().await.expect(200);
    assert_eq!(rows["rows"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn rejected_member_rejects_the_group() {
    let server = Running::of(library().await).await;
    let id = Uuid::from_u128(1);
    let group = json!({ "commands": [
        command(Some(id), "add-book", emma()),
        command(Some(id), "open-shelf", json!({ "code": "x" })),
    ] });
    let sent = server.post("/library/atomic", &group).send().await;
    let problem = sent.expect_problem(409);
    assert_eq!(
        (problem["code"].as_str(), problem["rejection"].as_str(), problem["path"].as_str()),
        (Some("group-rejected"), Some("wrong-code"), Some("/commands/1"))
    );
    server.get(format!("/library/book/{id}")).send().await.expect_problem(404);
    let status = server.get(sent.header("location")).send().await.expect(200);
    assert_eq!(status["status"], "rejected");
}

#[tokio::test]
async fn faulty_member_is_named() {
    let server = Running::of(library().await).await;
    let id = Some(Uuid::from_u128(1));
    for (member, status, path) in [
        (command(id, "return-book", json!({ "x": 1 })), 422, "/commands/1/payload/x"),
        (command(None, "return-book", json!({})), 422, "/commands/1/identifier"),
        (command(id, "burn-the-book", json!({})), 404, "/commands/1"),
        (command(id, "add-book", json!({ "title": 1 })), 422, "/commands/1/payload/title"),
    ] {
        let group = json!({ "commands": [command(id, "add-book", emma()), member] });
        let problem = server.post("/library/atomic", &group).send().await.expect_problem(status);
        assert_eq!(problem["path"].as_str(), Some(path), "{problem}");
    }
    for group in [
        json!({}),
        json!({ "commands": [] }),
        json!({ "commands": [1] }),
        json!({ "commands": [], "x": 1 }),
    ] {
        server.post("/library/atomic", &group).send().await.expect_problem(422);
    }
    let many: Vec<Value> = (0..101).map(|_| command(None, "add-book", emma())).collect();
    let problem = server.post("/library/atomic", &json!({ "commands": many })).send().await;
    assert_eq!(problem.expect_problem(422)["path"], "/commands");
    assert_eq!(server.get("/library/book").send().await.expect(200)["rows"], json!([]));
}

#[tokio::test]
async fn member_has_a_precondition_of_its_own() {
    let server = Running::of(library().await).await;
    let id = Some(Uuid::from_u128(1));
    let with = |if_match: &str| {
        let mut member = command(id, "lend-book", json!({ "lender": Uuid::from_u128(2) }));
        member["if_match"] = json!(if_match);
        json!({ "commands": [member] })
    };
    let path = format!("/library/book/{}", Uuid::from_u128(1));
    server.post(format!("{path}/add-book"), &emma()).send().await.expect(201);
    let problem = server.post("/library/atomic", &with("\"x\"")).send().await.expect_problem(409);
    assert_eq!(problem["code"], "group-rejected");
    let tag = server.get(&path).send().await.header("etag").to_owned();
    server.post("/library/atomic", &with(&tag)).send().await.expect(200);
    let sent = server.post("/library/atomic", &with(&tag)).header("if-match", "*").send().await;
    sent.expect_problem(400);
}
