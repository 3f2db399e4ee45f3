//! Policies on reads: each GET route of a domain asks before it reads.

use std::sync::{Arc, Mutex};

use fluvius::server::Server;
use fluvius::{
    Authorization, Domain, DomainContext, MemoryStore, Policy, PolicyRequest, ReadRequest,
};
use serde_json::json;
use uuid::Uuid;

use crate::client::Running;
use crate::library::{LibraryDomain, emma};
use crate::people::{Person, Trusting};

/// Allows readers what their role names, and records the questions.
#[derive(Clone, Default)]
struct Librarian {
    asked: Arc<Mutex<Vec<String>>>,
}

impl Policy for Librarian {
    async fn authorize(&self, _: &PolicyRequest<'_>) -> Authorization {
        Authorization::Allow
    }

    async fn may_read(&self, request: &ReadRequest<'_>, context: &DomainContext) -> Authorization {
        self.asked.lock().unwrap().push(request.to_string());
        let roles = context.roles();
        assert!(!roles.contains(&"bug".to_owned()), "the policy panics");
        match roles.iter().any(|role| role == "all" || role == request.kind.as_str()) {
            true => Authorization::Allow,
            false => Authorization::deny("not for you"),
        }
    }
}

/// Has rules for commands only.
struct CommandsOnly;

impl Policy for CommandsOnly {
    async fn authorize(&self, _: &PolicyRequest<'_>) -> Authorization {
        Authorization::Allow
    }
}

async fn start(policy: impl Policy) -> Running {
    let domain = LibraryDomain::builder(MemoryStore::new()).policy(policy).build().await.unwrap();
    Running::start(Server::new().mount(domain).authenticate(Trusting)).await
}

const BOOK: Uuid = Uuid::from_u128(7);

fn person(role: &'static str) -> Person {
    Person { user: 1, realm: Some("north"), role }
}

/// Adds a book, and returns each GET route of the domain with the question that it asks.
async fn reads(server: &Running) -> Vec<(String, &'static str, String)> {
    let add = server.post(format!("/library/book/{BOOK}/add-book"), &emma());
    let command = person("all").sends(add).send().await.expect(201)["command_id"].clone();
    let command = command.as_str().unwrap();
    let (book, on_book) = (format!("/library/book/{BOOK}"), format!(" on book/{BOOK}"));
    vec![
        (book.clone(), "state", on_book.clone()),
        (format!("{book}?at_version=1"), "state", on_book.clone()),
        (format!("{book}/history"), "history", on_book),
        ("/library/book".to_owned(), "query", " on book".to_owned()),
        ("/library/events".to_owned(), "events", String::new()),
        ("/library/events?resource=book".to_owned(), "events", String::new()),
        (format!("/library/commands/{command}"), "command", format!(" on {command}")),
        ("/library/meta".to_owned(), "description", String::new()),
    ]
}

#[tokio::test]
async fn each_read_asks_the_policy_first() {
    let policy = Librarian::default();
    let server = start(policy.clone()).await;
    for (path, kind, about) in reads(&server).await {
        let question = format!("read `{kind}`{about}");
        for method in [hyper::Method::GET, hyper::Method::HEAD] {
            policy.asked.lock().unwrap().clear();
            let denied = person("none").sends(server.call(method.clone(), &path)).send().await;
            assert_eq!(denied.status, 403, "{method} {path}");
            assert_eq!(*policy.asked.lock().unwrap(), [question.as_str()], "{method} {path}");
            if method == hyper::Method::GET {
                let problem = denied.expect_problem(403);
                let detail = format!("{question} is not allowed: not for you");
                assert_eq!(problem["code"], "permission-denied");
                assert_eq!(
                    (&problem["detail"], &problem["retry"]),
                    (&json!(detail), &json!("never"))
                );
            }
        }
        person(kind).sends(server.get(&path)).send().await.expect(200);
        let others = ["state", "history", "query", "events", "command", "description"];
        for other in others.into_iter().filter(|other| *other != kind) {
            person(other).sends(server.get(&path)).send().await.expect_problem(403);
        }
    }
}

#[tokio::test]
async fn denied_read_does_not_tell_what_exists() {
    let server = start(Librarian::default()).await;
    reads(&server).await;
    let texts: Vec<String> = {
        let mut texts = Vec::new();
        for id in [BOOK, Uuid::from_u128(8)] {
            let path = format!("/library/book/{id}");
            let etag = server.get(path).header("if-none-match", "*");
            let denied = person("none").sends(etag).send().await;
            denied.expect_problem(403);
            assert_eq!(denied.header("etag"), "");
            texts.push(denied.text.replace(&id.to_string(), "ID"));
        }
        texts
    };
    assert_eq!(texts[0], texts[1]);
}

#[tokio::test]
async fn policy_without_read_rules_denies_every_read() {
    let server = start(CommandsOnly).await;
    let reads = reads(&server).await;
    assert_eq!(reads.len(), 8);
    for (path, ..) in reads {
        let denied = person("all").sends(server.get(&path)).send().await;
        let detail = denied.expect_problem(403)["detail"].clone();
        assert!(detail.as_str().unwrap().ends_with("the policy has no rule for reads"), "{path}");
    }
    // Commands have their own rule.
    let lend = server.post(format!("/library/book/{BOOK}/return-book"), &json!({}));
    person("all").sends(lend).send().await.expect(200);
}

#[tokio::test]
async fn policy_that_panics_answers_no_read() {
    let server = start(Librarian::default()).await;
    for (path, ..) in reads(&server).await {
        let problem = person("bug").sends(server.get(&path)).send().await.expect_problem(500);
        assert_eq!(problem["code"], "panicked", "{path}");
    }
}
