//! The code of the chapter "Tools for models" (`docs/src/mcp.md`).

#![allow(missing_docs, unreachable_pub, reason = "the chapter documents the examples")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::convert::Infallible;

use fluvius::server::Server;
use fluvius::{Domain, DomainContext, DomainRuntime, MemoryStore, aggregate};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

// ANCHOR: actions
/// A page of a wiki.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Page {
    pub text: String,
}

#[aggregate(resource = "page")]
impl Page {
    /// Write a page.
    #[action(evt_key = "page-written")]
    pub fn write_page(
        /// Text in Markdown.
        text: String,
    ) -> Result<Self, Infallible> {
        Ok(Self { text })
    }

    /// Publish the page. A model does not decide that.
    #[action(evt_key = "page-published", mcp = false)]
    pub fn publish_page(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
// ANCHOR_END: actions

#[derive(Debug, Domain)]
#[domain(aggregates(Page), namespace = "wiki")]
pub struct WikiDomain;

// ANCHOR: stdio
async fn serve(domain: DomainRuntime) -> Result<(), Box<dyn std::error::Error>> {
    // The sender of all calls: here a user without an id, at this desktop.
    let sender = DomainContext::create("desktop");
    Server::new().mount(domain).serve_mcp_stdio(sender).await?;
    Ok(())
}
// ANCHOR_END: stdio

/// Sends a message to `/mcp`, and returns the result.
async fn result(domain: &DomainRuntime, method: &str, params: Value) -> Value {
    use fluvius::server::axum::body::{Body, to_bytes};
    use fluvius::server::axum::http::Request;
    use tower::ServiceExt;

    let router = Server::new().mount(domain.clone()).allow_anonymous().into_router().unwrap();
    let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let request = Request::post("/mcp").header("host", "localhost");
    let request = request
        .header("content-type", "application/json")
        .body(Body::from(message.to_string()))
        .unwrap();
    let answer = router.oneshot(request).await.unwrap().into_body();
    let answer = to_bytes(answer, 1 << 20).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert!(answer["result"].is_object(), "{answer}");
    answer["result"].clone()
}

#[tokio::test]
async fn actions_and_reads_are_tools() {
    let domain = WikiDomain::runtime(MemoryStore::new()).await.unwrap();
    // The chapter's function waits for the standard input; the messages are the same over HTTP.
    drop(serve(domain.clone()));
    let list = result(&domain, "tools/list", json!({})).await;
    let names = list["tools"].as_array().unwrap().iter().map(|tool| tool["name"].clone());
    let expected = ["page_get", "page_history", "page_query", "write-page"];
    assert_eq!(names.collect::<Vec<_>>(), expected);
    let text = &list["tools"][3]["inputSchema"]["properties"]["payload"]["properties"]["text"];
    assert_eq!(text["description"], "Text in Markdown.");

    let arguments = json!({ "payload": { "text": "# Rust" } });
    let call = json!({ "name": "write-page", "arguments": arguments });
    let written = result(&domain, "tools/call", call).await["structuredContent"].clone();
    assert_eq!(written["data"], json!({ "text": "# Rust" }));
}
