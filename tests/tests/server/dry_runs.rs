//! Dry runs.

use serde_json::json;
use uuid::Uuid;

use crate::client::Running;
use crate::library::{emma, library};

#[tokio::test]
async fn dry_run_shows_the_effect_and_stores_nothing() {
    let server = Running::of(library().await).await;
    let path = format!("/library/book/{}", Uuid::from_u128(1));
    let send = || server.post(format!("{path}/add-book?dry_run=true"), &emma());
    let body = send().send().await.expect(200);
    assert_eq!((&body["dry_run"], &body["data"][0]["title"]), (&json!(true), &json!("Emma")));
    let event = &body["events"][0];
    assert_eq!((event["event"].as_str(), event["version"].as_u64()), (Some("book-added"), Some(1)));
    server.get(&path).send().await.expect_problem(404);
    assert_eq!(server.get("/library/events").send().await.expect(200)["rows"], json!([]));

    // The key is free for the command itself.
    let key = "0190163d-8694-739b-aea5-966c26f8ad92";
    send().header("idempotency-key", key).send().await.expect(200);
    let add = server.post(format!("{path}/add-book"), &emma()).header("idempotency-key", key);
    add.send().await.expect(201);
    send().send().await.expect_problem(409);
    let opened =
        server.post(format!("{path}/open-shelf?dry_run=true"), &json!({ "code": "sesame" }));
    let opened = opened.send().await;
    opened.expect(200);
    assert!(!opened.text.contains("sesame"), "{}", opened.text);
}

#[tokio::test]
async fn dry_run_of_a_group_decides_in_order() {
    let server = Running::of(library().await).await;
    let id = Uuid::from_u128(1);
    let member = |key: &str, payload: serde_json::Value| {
        let mut member = json!({ "resource": "book", "identifier": id, "command": key });
        member["payload"] = payload;
        member
    };
    let group =
        json!({ "commands": [member("add-book", emma()), member("return-book", json!({}))] });
    let body = server.post("/library/atomic?dry_run=true", &group).send().await.expect(200);
    let versions: Vec<u64> = body["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["version"].as_u64().unwrap())
        .collect();
    assert_eq!(versions, [1, 2]);
    server.get(format!("/library/book/{id}")).send().await.expect_problem(404);
}
