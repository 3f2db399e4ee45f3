//! The tools of a server, in the messages of both revisions of the protocol.

mod access;
mod calls;
mod desk;
mod lists;

use serde_json::{Value, json};

use crate::client::{Answer, Running};

/// A revision of the protocol.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Revision {
    /// 2025-11-25, whose version is in a header.
    V2025,
    /// 2026-07-28, whose version is in each request.
    V2026,
}

pub const REVISIONS: [Revision; 2] = [Revision::V2025, Revision::V2026];

impl Revision {
    pub fn name(self) -> &'static str {
        match self {
            Self::V2025 => "2025-11-25",
            Self::V2026 => "2026-07-28",
        }
    }

    /// Sends a request as a sender: the user with a number, in a realm. The user 0 is anonymous.
    pub async fn request_as(
        self,
        server: &Running,
        (user, realm): (u128, &str),
        method: &str,
        params: &Value,
    ) -> Answer {
        let mut params = params.clone();
        if self == Self::V2026 {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": self.name(),
                "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
                "io.modelcontextprotocol/clientCapabilities": {},
            });
        }
        let body = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        let mut call = server
            .post("/mcp", &body)
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", self.name());
        if self == Self::V2026 {
            call = call.header("mcp-method", method);
            if let Some(name) = params["name"].as_str() {
                call = call.header("mcp-name", name);
            }
        }
        if user > 0 {
            call = call.header("x-user", &user.to_string()).header("x-realm", realm);
        }
        call.send().await
    }

    /// Sends a request, and returns its result.
    pub async fn result(self, server: &Running, method: &str, params: &Value) -> Value {
        let answer = self.request_as(server, (0, ""), method, params).await;
        result(&answer)
    }

    /// Calls a tool, and returns the result.
    pub async fn call(self, server: &Running, name: &str, arguments: &Value) -> Value {
        self.result(server, "tools/call", &json!({ "name": name, "arguments": arguments })).await
    }

    /// Calls a tool, and returns the structured content of its success.
    pub async fn done(self, server: &Running, name: &str, arguments: &Value) -> Value {
        let result = self.call(server, name, arguments).await;
        assert_eq!(result["isError"], false, "{result}");
        content(&result)
    }

    /// Calls a tool, and returns the problem.
    pub async fn failed(self, server: &Running, name: &str, arguments: &Value) -> Value {
        problem(&self.call(server, name, arguments).await)
    }
}

/// Returns the result of an answer.
#[track_caller]
pub fn result(answer: &Answer) -> Value {
    let message = answer.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!((&message["jsonrpc"], &message["id"]), (&json!("2.0"), &json!(7)), "{message}");
    assert!(message["result"].is_object(), "{message}");
    message["result"].clone()
}

/// Returns the error of the protocol that an answer is.
#[track_caller]
pub fn error(answer: &Answer) -> Value {
    let message = answer.json();
    assert!(message["error"]["message"].is_string(), "{message}");
    message["error"].clone()
}

/// Returns the problem of a result.
#[track_caller]
pub fn problem(result: &Value) -> Value {
    assert_eq!(result["isError"], true, "{result}");
    let problem = content(result);
    for member in ["type", "title", "detail", "code", "retry"] {
        assert!(problem[member].is_string(), "{member}: {problem}");
    }
    problem
}

/// Returns the structured content, which the text repeats.
#[track_caller]
fn content(result: &Value) -> Value {
    let content = result["structuredContent"].clone();
    assert!(content.is_object(), "{result}");
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(text, content);
    content
}
