//! Pages with a bound on the rows that are read: they may be short or empty, and have a `next`.

use std::time::Duration;

use fluvius::server::Server;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Running;
use crate::library::library;
use crate::mcp::Revision;
use crate::people::{Person, Trusting};

const NORTH: Person = Person { user: 1, realm: Some("north"), role: "reader" };
const SOUTH: Person = Person { user: 2, realm: Some("south"), role: "reader" };

/// Serves a library that reads up to five rows for a page. It has the books 1 to 23 with as many
/// pages; the titles of two of them are rare.
async fn books() -> Running {
    let server = Server::new().mount(library().await).authenticate(Trusting);
    let server = Running::start(server.scan_limit(5).scan_time(Duration::MAX)).await;
    for number in 1..=23_u128 {
        let sender = if number.is_multiple_of(4) { SOUTH } else { NORTH };
        let path = format!("/library/book/{}/add-book", Uuid::from_u128(number));
        let title = if matches!(number, 7 | 22) { "Rare" } else { "Common" };
        let book = json!({ "title": title, "price": "1.50", "pages": number, "tags": [] });
        sender.sends(server.post(path, &book)).send().await.expect(201);
    }
    server
}

/// Reads all pages of a list. Returns the rows of each, and the `next` of each but the last one.
async fn pages(
    server: &Running,
    sender: Person,
    list: &str,
    cursor: &str,
) -> (Vec<Vec<Value>>, Vec<String>) {
    let (mut pages, mut nexts) = (Vec::new(), Vec::<String>::new());
    loop {
        let mut path = list.to_owned();
        if let Some(next) = nexts.last() {
            path = format!("{list}&{cursor}={next}");
        }
        let page = sender.sends(server.get(path)).send().await.expect(200);
        pages.push(page["rows"].as_array().unwrap().clone());
        assert!(pages.len() < 30, "the pages do not end");
        match page["next"].as_str() {
            Some(next) => nexts.push(next.to_owned()),
            None => return (pages, nexts),
        }
    }
}

fn numbers(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(|row| row["data"]["pages"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn query_of_an_undeclared_field_is_read_in_short_pages() {
    let server = books().await;
    // The realm has 18 books: 1 2 3 5 6, 7 9 10 11 13, 14 15 17 18 19, 21 22 23.
    let list = "/library/book?pages.in=7&pages.in=22&pages.in=8";
    let (found, nexts) = pages(&server, NORTH, list, "cursor").await;
    let found: Vec<Vec<u64>> = found.iter().map(|rows| numbers(rows)).collect();
    assert_eq!(found, [vec![], vec![7], vec![], vec![22]]);
    // A cursor names the last book that was read, which is one of the realm.
    for (next, last) in nexts.iter().zip([6, 13, 19_u128]) {
        let cursor: fluvius::query::Cursor = next[16..].parse().unwrap();
        assert_eq!(cursor.aggregate_id().id, Uuid::from_u128(last));
    }
    // It is no cursor of another realm or filter.
    let foreign = format!("{list}&cursor={}", nexts[0]);
    SOUTH.sends(server.get(foreign)).send().await.expect_problem(400);
    let other = format!("/library/book?pages.in=7&cursor={}", nexts[0]);
    NORTH.sends(server.get(other)).send().await.expect_problem(400);
    // A page that is full ends earlier.
    let (found, _) = pages(&server, NORTH, "/library/book?pages.gt=0&limit=2", "cursor").await;
    assert!(found[..8].iter().all(|rows| rows.len() == 2), "{found:?}");
    assert_eq!(found.concat().len(), 18);
}

#[tokio::test]
async fn undeclared_order_of_many_rows_is_an_invalid_query() {
    let server = books().await;
    for sort in ["pages", "-price,title", "-@created_at", "title:text,pages"] {
        let answer = NORTH.sends(server.get(format!("/library/book?sort={sort}"))).send().await;
        if sort == "title:text,pages" {
            // The first key has an index.
            answer.expect(200);
            continue;
        }
        let problem = answer.expect_problem(400);
        assert_eq!(problem["code"], "invalid-query");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("would read more than 5 aggregates"), "{detail}");
    }
    // The other realm has five books.
    let page =
        SOUTH.sends(server.get("/library/book?sort=-pages&limit=2")).send().await.expect(200);
    assert_eq!(numbers(page["rows"].as_array().unwrap()), [20, 16]);
    let (found, _) = pages(&server, NORTH, "/library/book?sort=-title&pages.gt=20", "cursor").await;
    assert_eq!(numbers(&found.concat()), [22, 21, 23]);
}

#[tokio::test]
async fn events_of_a_rare_condition_are_read_in_short_pages() {
    let server = books().await;
    let actor = format!("/library/events?limit=3&actor={}", Uuid::from_u128(99));
    let (found, nexts) = pages(&server, NORTH, &actor, "after").await;
    assert_eq!((found.concat().len(), found.len()), (0, 5));
    // The rows at these places may be of another realm, so their ids are not shown.
    assert!(nexts.iter().all(|next| next.parse::<u64>().is_ok()), "{nexts:?}");
    let (found, _) = pages(&server, SOUTH, "/library/events?limit=3", "after").await;
    assert_eq!((found.concat().len(), found.len()), (5, 5));
}

#[tokio::test]
async fn tool_reads_short_pages() {
    let server = books().await;
    let filter = json!({ "field": "pages", "op": "in", "value": [7, 22] });
    let mut arguments = json!({ "filter": filter });
    let mut found = Vec::new();
    loop {
        let params = json!({ "name": "book_query", "arguments": arguments });
        let answer = Revision::V2025.request_as(&server, (1, "north"), "tools/call", &params).await;
        let page = crate::mcp::result(&answer)["structuredContent"].clone();
        found.push(numbers(page["rows"].as_array().unwrap()));
        match page["next"].as_str() {
            Some(next) => arguments["cursor"] = json!(next),
            None => break,
        }
    }
    assert_eq!(found, [vec![], vec![7], vec![], vec![22]]);
}
