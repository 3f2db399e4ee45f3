//! The events of a domain, as pages.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Running;
use crate::library::{emma, library};

async fn keys(server: &Running, query: &str) -> Vec<String> {
    let page = server.get(format!("/library/events?{query}")).send().await.expect(200);
    let key = |row: &Value| row["event"].as_str().unwrap().to_owned();
    page["rows"].as_array().unwrap().iter().map(key).collect()
}

#[tokio::test]
async fn filters_select_events() {
    let server = Running::of(library().await).await;
    for id in 1..=2 {
        let path = format!("/library/book/{}", Uuid::from_u128(id));
        server.post(format!("{path}/add-book"), &emma()).send().await.expect(201);
        server.post(format!("{path}/return-book"), &json!({})).send().await.expect(200);
    }
    let two = Uuid::from_u128(2);
    let both = ["book-added", "book-returned"];
    assert_eq!(keys(&server, "").await, [both, both].concat());
    assert_eq!(keys(&server, "event=book-added").await, ["book-added", "book-added"]);
    assert_eq!(keys(&server, "event=book-added&event=book-returned").await.len(), 4);
    assert_eq!(keys(&server, "resource=book").await.len(), 4);
    assert_eq!(keys(&server, &format!("resource=book&identifier={two}")).await, both);
    let query = format!("resource=book&identifier={two}&event=book-returned");
    assert_eq!(keys(&server, &query).await, ["book-returned"]);
    assert_eq!(keys(&server, &format!("actor={two}")).await, [""; 0]);
    assert_eq!(keys(&server, "event=unknown").await, [""; 0]);
    for odd in ["resource=film", "identifier=1", &format!("identifier={two}"), "after=x"] {
        server.get(format!("/library/events?{odd}")).send().await.expect_problem(400);
    }
    let odd = server.get("/library/events?after=99999").send().await.expect_problem(400);
    assert_eq!(odd["code"], "invalid-position");
}

#[tokio::test]
async fn pages_are_in_the_order_of_commits() {
    let server = Running::of(library().await).await;
    for _ in 0..5 {
        server.post("/library/book/add-book", &emma()).send().await.expect(201);
    }
    let mut positions: Vec<u64> = Vec::new();
    let mut path = "/library/events?limit=2".to_owned();
    loop {
        let page = server.get(&path).send().await.expect(200);
        let rows = page["rows"].as_array().unwrap();
        positions.extend(rows.iter().map(|row| row["position"].as_u64().unwrap()));
        match page["next"].as_str() {
            Some(next) => path = format!("/library/events?limit=2&after={next}"),
            None => break,
        }
    }
    assert_eq!(positions.len(), 5);
    assert!(positions.is_sorted());
}
