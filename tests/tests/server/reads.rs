//! Reading states, histories and events.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Running;
use crate::library::{emma, library};

async fn with_history(server: &Running, id: Uuid) -> String {
    let path = format!("/library/book/{id}");
    server.post(format!("{path}/add-book"), &emma()).send().await.expect(201);
    for lender in 1..=2 {
        let lender = json!({ "lender": Uuid::from_u128(lender) });
        let lend = server.post(format!("{path}/lend-book"), &lender).header("if-match", "*");
        lend.send().await.expect(200);
        server.post(format!("{path}/return-book"), &json!({})).send().await.expect(200);
    }
    path
}

#[tokio::test]
async fn state_is_read_at_a_version_or_a_time() {
    let server = Running::of(library().await).await;
    let path = with_history(&server, Uuid::from_u128(1)).await;
    let newest = server.get(&path).send().await.expect(200);
    assert_eq!((newest["version"].as_u64(), &newest["data"]["lender"]), (Some(5), &Value::Null));
    let second = server.get(format!("{path}?at_version=2")).send().await;
    let body = second.expect(200);
    assert_eq!(body["data"]["lender"], json!(Uuid::from_u128(1)));
    assert!(second.header("etag").starts_with("\"v2-"));
    let time = body["updated_at"].as_str().unwrap();
    let at = server.get(format!("{path}?at_time={time}")).send().await.expect(200);
    assert_eq!(at, body);
    server.get(format!("{path}?at_version=6")).send().await.expect_problem(404);
    server.get(format!("{path}?at_time=2020-01-01T00:00:00Z")).send().await.expect_problem(404);
    for odd in [
        "at_version=x",
        "at_time=yesterday",
        "at_version=1&at_time=2020-01-01T00:00:00Z",
        "closed=1",
    ] {
        server.get(format!("{path}?{odd}")).send().await.expect_problem(400);
    }
}

#[tokio::test]
async fn closed_aggregate_is_read_on_demand() {
    let server = Running::of(library().await).await;
    let path = with_history(&server, Uuid::from_u128(1)).await;
    server.post(format!("{path}/remove-book"), &json!({})).send().await.expect(200);
    server.get(&path).send().await.expect_problem(404);
    let closed = server.get(format!("{path}?closed=true")).send().await.expect(200);
    assert!(closed["closed_at"].is_string());
    assert_eq!(server.get("/library/book").send().await.expect(200)["rows"], json!([]));
    let rows = server.get("/library/book?closed=true").send().await.expect(200);
    assert_eq!(rows["rows"][0], closed);
    let history = server.get(format!("{path}/history")).send().await.expect(200);
    assert_eq!(history["rows"][5]["event"], "book-removed");
}

#[tokio::test]
async fn history_is_paged_in_both_orders() {
    let server = Running::of(library().await).await;
    let path = with_history(&server, Uuid::from_u128(1)).await;
    for (order, expected) in [("asc", vec![1, 2, 3, 4, 5]), ("desc", vec![5, 4, 3, 2, 1])] {
        let mut versions = Vec::new();
        let mut after = String::new();
        loop {
            let page = format!("{path}/history?order={order}&limit=2{after}");
            let page = server.get(page).send().await.expect(200);
            let rows = page["rows"].as_array().unwrap();
            assert!(!rows.is_empty());
            versions.extend(rows.iter().map(|row| row["version"].as_u64().unwrap()));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(versions, expected);
    }
    let first = server.get(format!("{path}/history?limit=1")).send().await.expect(200);
    let event = &first["rows"][0];
    assert_eq!(event["event"], "book-added");
    assert_eq!(event["fields"]["title"], "Emma");
    assert_eq!(event["delta"]["snapshot"]["title"], "Emma");
    let second = server.get(format!("{path}/history?after=1&limit=1")).send().await.expect(200);
    assert!(second["rows"][0]["delta"].is_array(), "{second}");
}

#[tokio::test]
async fn history_never_has_a_secret() {
    let server = Running::of(library().await).await;
    let path = with_history(&server, Uuid::from_u128(1)).await;
    let opened =
        server.post(format!("{path}/open-shelf"), &json!({ "code": "sesame" })).send().await;
    opened.expect(200);
    for path in
        [format!("{path}/history"), "/library/events".to_owned(), path, "/library/meta".to_owned()]
    {
        let read = server.get(&path).send().await;
        read.expect(200);
        assert!(!read.text.contains("sesame"), "{path}");
    }
}

#[tokio::test]
async fn description_lists_every_action() {
    let server = Running::of(library().await).await;
    let meta = server.get("/library/meta").send().await.expect(200);
    let actions = meta["aggregates"][0]["actions"].as_array().unwrap();
    assert_eq!(actions.len(), 7);
    assert_eq!(meta["namespace"], "library");
}
