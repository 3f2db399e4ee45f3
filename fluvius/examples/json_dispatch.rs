//! Commands by key and JSON, as a program receives them from outside: one JSON document per line.
//!
//! ```sh
//! cargo run -p fluvius --example json_dispatch
//! ```

use std::convert::Infallible;

use fluvius::serde_json::{self, Value, json};
use fluvius::{
    AggregateId, Domain, DomainContext, Error, MemoryStore, Response, Session, aggregate,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A list of tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskList {
    /// Titles of the open tasks.
    pub open: Vec<String>,
}

#[aggregate(resource = "task-list")]
impl TaskList {
    /// Create an empty list.
    #[action(evt_key = "task-list-created")]
    pub fn create_task_list() -> Result<Self, Infallible> {
        Ok(Self { open: Vec::new() })
    }

    /// Add a task.
    #[action(evt_key = "task-added")]
    pub fn add_task(
        &mut self,
        /// Title of the task.
        title: String,
    ) -> Result<(), Infallible> {
        self.open.push(title);
        Ok(())
    }
}

/// Domain for tasks.
#[derive(Debug, Domain)]
#[domain(aggregates(TaskList))]
pub struct TaskDomain;

/// A command as a sender writes it.
#[derive(Debug, Deserialize)]
struct Request {
    command: String,
    list: Uuid,
    #[serde(default = "no_fields")]
    payload: Value,
}

/// The payload of a command without fields.
fn no_fields() -> Value {
    json!({})
}

const REQUESTS: &str = r#"
{"command": "create-task-list", "list": "0190163d-8694-739b-aea5-966c26f8ad91"}
{"command": "add-task", "list": "0190163d-8694-739b-aea5-966c26f8ad91", "payload": {"title": "sweep"}}
{"command": "add-task", "list": "0190163d-8694-739b-aea5-966c26f8ad91", "payload": {"titel": "mop"}}
{"command": "ad-task", "list": "0190163d-8694-739b-aea5-966c26f8ad91", "payload": {"title": "mop"}}
{"command": "add-task", "list": "00000000-0000-0000-0000-000000000001", "payload": {"title": "mop"}}
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let domain = TaskDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("stdin"));

    let mut answers = Vec::new();
    for line in REQUESTS.lines().filter(|line| !line.is_empty()) {
        let answer = handle(&session, line).await;
        println!("{answer}");
        answers.push(answer);
    }
    let codes: Vec<&str> = answers.iter().filter_map(|answer| answer["code"].as_str()).collect();
    assert_eq!(codes, ["invalid-payload", "unknown-command", "not-found"]);

    // The actions of the domain, for an index page or a command line.
    for action in domain.registry().actions() {
        println!("{}: {}", action.key, action.docs);
    }
    domain.shutdown().await;
    Ok(())
}

/// Runs the command in a line, and returns the answer as JSON: the response, or a code and a text.
async fn handle(session: &Session, line: &str) -> Value {
    let request: Request = match serde_json::from_str(line) {
        Ok(request) => request,
        Err(error) => return json!({ "code": "bad-request", "error": error.to_string() }),
    };
    match run(session, request).await {
        Ok(response) => json!({ "version": response.version, "state": response.data }),
        Err(error) => json!({ "code": error.code(), "error": error.to_string() }),
    }
}

async fn run(session: &Session, request: Request) -> Result<Response, Error> {
    let list = session.aggregate(AggregateId::new("task-list", request.list));
    list.process_command(list.create_command(&request.command, request.payload)?).await
}
