//! Queries: filters, orders, fields and pages.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Running;
use crate::library::library;

/// Serves a library with the books 1 to 7: the price of each is its number, in a room by parity.
async fn books() -> Running {
    let server = Running::of(library().await).await;
    for number in 1..=7_u128 {
        let path = format!("/library/book/{}/add-book", Uuid::from_u128(number));
        let book = json!({
            "title": format!("Book {number}"),
            "price": format!("{number}.50"),
            "pages": 10 - number,
            "tags": [],
        });
        server.post(path, &book).send().await.expect(201);
    }
    server
}

/// Returns the numbers of the books that a query finds.
async fn found(server: &Running, query: &str) -> Vec<u64> {
    let page = server.get(format!("/library/book?{query}")).send().await.expect(200);
    numbers(&page)
}

fn numbers(page: &Value) -> Vec<u64> {
    let number = |row: &Value| row["identifier"].as_str().unwrap()[30..].parse().unwrap();
    page["rows"].as_array().unwrap().iter().map(number).collect()
}

#[tokio::test]
async fn operators_select_rows() {
    let server = books().await;
    for (query, expected) in [
        ("", vec![1, 2, 3, 4, 5, 6, 7]),
        ("price=3.5", vec![3]),
        ("price.eq=3.50", vec![3]),
        ("price.ne=3.5&price.lt=5", vec![1, 2, 4]),
        ("price!eq=3.5&price.le=4.5", vec![1, 2, 4]),
        ("price.between=2&price.between=4", vec![2, 3]),
        ("price.in=1.5&price.in=7.5", vec![1, 7]),
        ("price!in=1.5&price!in=7.5&pages.gt=4", vec![2, 3, 4, 5]),
        ("title.contains=k%206", vec![6]),
        ("title.starts=Book+7", vec![7]),
        ("title!contains=k", vec![]),
        ("lender.null", vec![1, 2, 3, 4, 5, 6, 7]),
        ("lender.null=false", vec![]),
        ("lender!null=true", vec![]),
        ("shelf.row.ge=8", vec![1, 2]),
        ("shelf.room=main&price.ge=7", vec![7]),
        ("@version=1&@identifier=00000000-0000-0000-0000-000000000002", vec![2]),
        ("@created_at.gt=2100-01-01T00:00:00Z", vec![]),
        ("pages:number.lt=4", vec![7]),
    ] {
        assert_eq!(found(&server, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn filter_in_json_is_equal_to_parameters() {
    let server = books().await;
    for (filter, expected) in [
        (json!({ "field": "price", "op": "eq", "value": "3.5" }), vec![3]),
        (json!({ "field": "price", "op": "eq", "value": 3.5 }), vec![3]),
        (json!({ "not": { "field": "price", "op": "gt", "value": 2 } }), vec![1]),
        (
            json!({ "any": [
                { "field": "price", "op": "in", "value": [1.5, "2.5"] },
                { "all": [
                    { "field": "pages", "op": "between", "value": [3, 4] },
                    { "field": "title", "kind": "text", "op": "contains", "value": "7" },
                ] },
            ] }),
            vec![1, 2, 7],
        ),
        (json!({ "field": "lender", "op": "null" }), vec![1, 2, 3, 4, 5, 6, 7]),
        (json!({ "all": [] }), vec![1, 2, 3, 4, 5, 6, 7]),
        (json!({ "any": [] }), vec![]),
    ] {
        let text = filter.to_string();
        let encoded = percent_encoded(&text);
        assert_eq!(found(&server, &format!("filter={encoded}")).await, expected, "{text}");
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn faulty_query_says_what_to_write() {
    let server = books().await;
    for (query, text) in [
        ("colour=red", "the state has no field `colour`"),
        ("tags=x", "the kind of `tags` is unknown: name it"),
        ("price=much", "number `price` cannot be compared with `much`"),
        ("price:money=1", "no kind is `money`"),
        ("@colour=1", "no column is `@colour`, only `@identifier`"),
        ("price.between=1", "`between` takes two values"),
        ("price.contains=1", "is not a text"),
        ("@created_at=now", "cannot be compared with `now`"),
        ("filter=%7B", "a filter in JSON is"),
        ("filter=%7B%22field%22%3A%22price%22%7D", "a filter in JSON is"),
        ("sort=colour", "the state has no field `colour`"),
        ("fields=colour", "the state has no field `colour`"),
        ("cursor=abc", "the cursor belongs to another filter"),
    ] {
        let problem = server.get(format!("/library/book?{query}")).send().await.expect_problem(400);
        assert_eq!(problem["code"], "invalid-query", "{query}");
        assert!(problem["detail"].as_str().unwrap().contains(text), "{query}: {problem}");
    }
    for query in ["limit=0", "limit=501", "limit=x", "sort=price&sort=price", "closed=maybe"] {
        let problem = server.get(format!("/library/book?{query}")).send().await.expect_problem(400);
        assert_eq!(problem["code"], "invalid-parameter", "{query}");
    }
}

#[tokio::test]
async fn pages_follow_the_order() {
    let server = books().await;
    for (sort, expected) in [
        ("", vec![1, 2, 3, 4, 5, 6, 7]),
        ("sort=-price", vec![7, 6, 5, 4, 3, 2, 1]),
        ("sort=shelf.room,pages", vec![7, 6, 5, 4, 3, 2, 1]),
        ("sort=-@created_at", vec![7, 6, 5, 4, 3, 2, 1]),
    ] {
        let mut path = format!("/library/book?limit=3&{sort}");
        let mut all = Vec::new();
        loop {
            let answer = server.get(&path).send().await;
            let page = answer.expect(200);
            all.extend(numbers(&page));
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/library/book?limit=3&{sort}&cursor={next}");
            let link = answer.header("link");
            assert!(link.contains(next) && link.ends_with("rel=\"next\""), "{link}");
        }
        assert_eq!(all, expected, "{sort}");
    }
}

#[tokio::test]
async fn cursor_belongs_to_its_filter_and_order() {
    let server = books().await;
    let page = server.get("/library/book?limit=2&price.gt=1&sort=price").send().await.expect(200);
    let next = page["next"].as_str().unwrap();
    let same = format!("/library/book?limit=2&sort=price&price.gt=1.0&cursor={next}");
    assert_eq!(numbers(&server.get(same).send().await.expect(200)), [3, 4]);
    for other in [
        "price.gt=2&sort=price",
        "price.gt=1",
        "price.gt=1&sort=-price",
        "price.gt=1&sort=price&closed=true",
    ] {
        let path = format!("/library/book?limit=2&{other}&cursor={next}");
        server.get(path).send().await.expect_problem(400);
    }
}

#[tokio::test]
async fn fields_select_parts_of_the_state() {
    let server = books().await;
    let page = server.get("/library/book?limit=1&fields=title,shelf.row").send().await.expect(200);
    assert_eq!(page["rows"][0]["data"], json!({ "title": "Book 1", "shelf": { "row": 9 } }));
}
