//! Realms: a request never sees a row of another realm, by any route.

use fluvius::server::Server;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Answer, Running};
use crate::library::{emma, library};
use crate::people::{Person, Trusting};

const BOOK: Uuid = Uuid::from_u128(7);
/// The secret of the northern realm: the title of its book.
const TITLE: &str = "Emma";

/// `{"field":"title","op":"eq","value":"Emma"}`, encoded.
const FILTER: &str =
    "%7B%22field%22%3A%22title%22%2C%22op%22%3A%22eq%22%2C%22value%22%3A%22Emma%22%7D";

const NORTH: Person = Person { user: 1, realm: Some("north"), role: "reader" };

/// Senders who are not of the realm: of another one, of none, and the same user elsewhere.
const STRANGERS: [Person; 4] = [
    Person { user: 2, realm: Some("south"), role: "reader" },
    Person { user: 2, realm: None, role: "reader" },
    Person { user: 1, realm: Some("south"), role: "reader" },
    Person { user: 1, realm: None, role: "reader" },
];

struct Shelf {
    server: Running,
    /// The answer to the command that added the book.
    added: Value,
    key: &'static str,
}

impl Shelf {
    async fn new() -> Self {
        let server = Server::new().mount(library().await).authenticate(Trusting);
        let server = Running::start(server).await;
        // With a UUID, since each sender may use one as key.
        let key = "0190163d-8694-739b-aea5-966c26f8ad92";
        let add = server.post(format!("/library/book/{BOOK}/add-book"), &emma());
        let added = NORTH.sends(add.header("idempotency-key", key)).send().await.expect(201);
        Self { server, added, key }
    }

    fn text(&self, member: &str) -> &str {
        self.added[member].as_str().unwrap()
    }
}

/// Checks that an answer shows nothing of the book: neither title nor version, etag or position.
fn check_hidden(answer: &Answer, path: &str, stranger: Person) {
    assert!(!answer.text.contains(TITLE), "{path} {stranger:?}: {}", answer.text);
    for name in ["etag", "last-modified"] {
        assert_eq!(answer.header(name), "", "{path} {stranger:?}: {name}");
    }
    // Only the status of the stranger's own command.
    let location = answer.header("location");
    assert!(!location.contains(&BOOK.to_string()), "{path} {stranger:?}: {location}");
    if answer.status >= 400 {
        let problem = answer.json();
        for member in ["version", "etag"] {
            assert!(problem.get(member).is_none(), "{path} {stranger:?}: {problem}");
        }
    }
}

#[tokio::test]
async fn reads_show_no_row_of_another_realm() {
    let shelf = Shelf::new().await;
    let book = format!("/library/book/{BOOK}");
    let (command, etag) = (shelf.text("command_id"), shelf.text("etag"));
    let time = shelf.text("occurred_at");
    // The next page of the realm's own list.
    for number in 8..10_u128 {
        let path = format!("/library/book/{}/add-book", Uuid::from_u128(number));
        NORTH.sends(shelf.server.post(path, &emma())).send().await.expect(201);
    }
    let page = NORTH.sends(shelf.server.get("/library/book?limit=1")).send().await.expect(200);
    let cursor = page["next"].as_str().unwrap();
    let events = NORTH.sends(shelf.server.get("/library/events?limit=1")).send().await.expect(200);
    let token = events["next"].as_str().unwrap();

    for stranger in STRANGERS {
        for path in [
            book.clone(),
            format!("{book}?at_version=1"),
            format!("{book}?at_time={time}"),
            format!("{book}?closed=true"),
            format!("{book}/history"),
            format!("{book}/history?order=desc&limit=1"),
            format!("/library/commands/{command}"),
        ] {
            let conditional = shelf.server.get(&path).header("if-none-match", etag);
            for call in [shelf.server.get(&path), conditional] {
                let answer = stranger.sends(call).send().await;
                assert_eq!(answer.status, 404, "{path} {stranger:?}: {}", answer.text);
                check_hidden(&answer, &path, stranger);
            }
            NORTH.sends(shelf.server.get(&path)).send().await.expect(200);
        }
        for path in [
            "/library/book".to_owned(),
            "/library/book?closed=true".to_owned(),
            format!("/library/book?title={TITLE}"),
            "/library/book?title.ne=x&sort=-title".to_owned(),
            "/library/book?@version.ge=1".to_owned(),
            format!("/library/book?filter={FILTER}"),
            "/library/events".to_owned(),
            format!("/library/events?after={token}"),
            format!("/library/events?resource=book&identifier={BOOK}"),
            format!("/library/events?actor={}", Uuid::from_u128(1)),
            "/library/events?event=book-added".to_owned(),
        ] {
            let answer = stranger.sends(shelf.server.get(&path)).send().await;
            check_hidden(&answer, &path, stranger);
            assert_eq!(answer.expect(200)["rows"], json!([]), "{path} {stranger:?}");
            let own = NORTH.sends(shelf.server.get(&path)).send().await.expect(200);
            assert_ne!(own["rows"], json!([]), "{path}");
        }
        let path = format!("/library/book?limit=1&cursor={cursor}");
        let answer = stranger.sends(shelf.server.get(&path)).send().await;
        assert_eq!(answer.expect_problem(400)["code"], "invalid-query");
        check_hidden(&answer, &path, stranger);
    }
}

#[tokio::test]
async fn commands_reach_no_aggregate_of_another_realm() {
    let shelf = Shelf::new().await;
    let etag = shelf.text("etag").to_owned();
    let book = format!("/library/book/{BOOK}");
    for stranger in STRANGERS {
        for (path, body) in [
            (format!("{book}/return-book"), json!({})),
            (format!("{book}/count-words"), json!({})),
            (format!("{book}/remove-book"), json!({})),
            (format!("{book}/lend-book"), json!({ "lender": Uuid::nil() })),
            (format!("{book}/return-book?dry_run=true"), json!({})),
        ] {
            for tag in ["*", &format!("\"{etag}\""), "\"v9-x\""] {
                let call = shelf.server.post(&path, &body).header("if-match", tag);
                let answer = stranger.sends(call).send().await;
                assert_eq!(answer.status, 404, "{path} {stranger:?}: {}", answer.text);
                check_hidden(&answer, &path, stranger);
            }
        }
        let group = json!({ "commands": [
            { "resource": "book", "identifier": BOOK, "command": "return-book" },
        ] });
        let answer = stranger.sends(shelf.server.post("/library/atomic", &group)).send().await;
        assert!(answer.status >= 400, "{stranger:?}: {}", answer.text);
        check_hidden(&answer, "atomic", stranger);
        // A chosen id that is taken shows as taken, and nothing else.
        let again = shelf.server.post(format!("{book}/add-book"), &emma());
        let answer = stranger.sends(again).send().await;
        assert_eq!(answer.expect_problem(409)["code"], "already-exists");
        check_hidden(&Answer { text: answer.text.replace(TITLE, ""), ..answer }, &book, stranger);
    }
    let state = NORTH.sends(shelf.server.get(&book)).send().await.expect(200);
    assert_eq!(state["version"], 1);
}

#[tokio::test]
async fn key_of_another_realm_gives_no_answer_of_it() {
    let shelf = Shelf::new().await;
    for stranger in STRANGERS {
        let add = shelf.server.post(format!("/library/book/{BOOK}/add-book"), &emma());
        let answer = stranger.sends(add.header("idempotency-key", shelf.key)).send().await;
        let problem = answer.expect_problem(409);
        assert_eq!(problem["code"], "already-exists");
        assert_ne!(problem["instance"], format!("urn:uuid:{}", shelf.text("command_id")));
        assert_eq!(answer.header("idempotent-replayed"), "");
    }
    let add = shelf.server.post(format!("/library/book/{BOOK}/add-book"), &emma());
    let replayed = NORTH.sends(add.header("idempotency-key", shelf.key)).send().await;
    assert_eq!(replayed.expect(201), shelf.added);
}

#[tokio::test]
async fn tokens_of_events_name_no_row_of_another_realm() {
    let shelf = Shelf::new().await;
    // Many rows of the north, behind the only event of the south.
    let south = Person { user: 2, realm: Some("south"), role: "reader" };
    let own = format!("/library/book/{}/add-book", Uuid::from_u128(50));
    let mut book = emma();
    book["title"] = json!("Persuasion");
    south.sends(shelf.server.post(own, &book)).send().await.expect(201);
    let member = |number: u128| {
        json!({
            "resource": "book",
            "identifier": Uuid::from_u128(1_000 + number),
            "command": "add-book",
            "payload": emma(),
        })
    };
    for part in 0..60 {
        let members: Vec<Value> = (part * 100..part * 100 + 100).map(member).collect();
        let group = shelf.server.post("/library/atomic", &json!({ "commands": members }));
        NORTH.sends(group).send().await.expect(200);
    }
    let mut path = "/library/events?limit=500".to_owned();
    let mut seen = 0;
    loop {
        let page = south.sends(shelf.server.get(&path)).send().await.expect(200);
        seen += page["rows"].as_array().unwrap().len();
        let Some(next) = page["next"].as_str() else { break };
        // A position alone, since the row at it is not of the realm.
        assert!(next.bytes().all(|byte| byte.is_ascii_digit()), "{next}");
        path = format!("/library/events?limit=500&after={next}");
    }
    assert_eq!(seen, 1);
}
