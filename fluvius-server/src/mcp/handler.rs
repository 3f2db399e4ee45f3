//! The methods of the protocol that the server has: those of tools.

use std::sync::Arc;

use axum::http::request::Parts;
use fluvius_core::{DomainContext, Transport};
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ErrorData, Implementation,
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::Value;

use super::call::{self, Input};
use super::raw_payload::RawPayload;
use super::toolbox::{Operation, Tool, Toolbox};
use crate::app::App;
use crate::auth::Authenticated;

/// The time for which a client may keep a list of tools. A new program may have others.
const LIST_MILLISECONDS: u64 = 60_000;

/// The text that a client shows to its model.
const INSTRUCTIONS: &str = "A tool without a suffix sends a command. If a call may be sent again, \
    draw an `idempotency_key` for it and send the same one: the second call then has no further \
    effect. Identifiers are UUIDs in lower case. An error is a problem object: `code` and \
    `rejection` name the reason, `retry` tells if the same call may succeed later.";

/// The handler of the messages of one client.
#[derive(Debug, Clone)]
pub(super) struct Handler {
    app: Arc<App>,
    toolbox: Arc<Toolbox>,
    /// The sender of all calls; `None` if each request has its own.
    sender: Option<Authenticated>,
}

impl Handler {
    /// Creates the handler of requests that each have a sender of their own.
    pub(super) fn new(app: &Arc<App>, toolbox: &Arc<Toolbox>) -> Self {
        Self { app: Arc::clone(app), toolbox: Arc::clone(toolbox), sender: None }
    }

    /// Sets the sender of all calls.
    pub(super) fn of_sender(mut self, context: DomainContext) -> Self {
        self.sender = Some(Authenticated::new(context.with_transport(Transport::Mcp)));
        self
    }

    /// Returns the sender of a request, and the text of its payload.
    fn sender(
        &self,
        context: &RequestContext<RoleServer>,
    ) -> Option<(Authenticated, Option<RawPayload>)> {
        if let Some(sender) = &self.sender {
            return Some((sender.clone(), context.extensions.get().cloned()));
        }
        let parts: &Parts = context.extensions.get()?;
        Some((parts.extensions.get::<Authenticated>()?.clone(), parts.extensions.get().cloned()))
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let all = |text: fn(&crate::mounted::Mounted) -> &'static str| {
            let texts = self.app.domains.iter().map(|domain| text(domain));
            texts.filter(|text| !text.is_empty()).collect::<Vec<_>>()
        };
        let revisions: Vec<String> =
            self.app.domains.iter().map(|each| each.description.revision.to_string()).collect();
        let name = all(|domain| domain.namespace()).join("-");
        let mut server = Implementation::new(name, revisions.join("."))
            .with_title(all(|domain| domain.description.title).join(", "));
        let descriptions = all(|domain| domain.description.description);
        if !descriptions.is_empty() {
            server = server.with_description(descriptions.join("\n\n"));
        }
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(server)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let (sender, _) = self.sender(&context).ok_or_else(unidentified)?;
        let is_visible = |tool: &Tool| match tool.operation {
            Operation::Command(action) => tool.domain.session(&sender.context).may_list(action),
            _ => true,
        };
        let cursor = request.and_then(|request| request.cursor);
        let page = self.toolbox.page(cursor.as_deref(), is_visible);
        let unknown = || ErrorData::invalid_params("the cursor is not one of this server", None);
        let (tools, next) = page.ok_or_else(unknown)?;
        let mut result = ListToolsResult::with_all_items(tools)
            .with_ttl_ms(LIST_MILLISECONDS)
            .with_cache_scope(CacheScope::Private);
        result.next_cursor = next;
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let unknown = || ErrorData::invalid_params("unknown tool", None);
        let tool = self.toolbox.find(&request.name).ok_or_else(unknown)?;
        let (sender, payload) = self.sender(&context).ok_or_else(unidentified)?;
        let caller = self.app.caller(Arc::clone(&tool.domain), sender);
        let arguments = request.arguments.unwrap_or_default();
        let input = Input { arguments, payload, body_limit: self.app.settings.body_limit };
        let result = match call::run(&caller, tool.operation, input).await {
            Ok(answer) => CallToolResult::structured(answer),
            Err(problem) => {
                let members = problem.members(&self.app.settings.base_path);
                CallToolResult::structured_error(Value::Object(members))
            }
        };
        Ok(CallToolResponse::Complete(result))
    }
}

fn unidentified() -> ErrorData {
    ErrorData::internal_error("the request has no sender", None)
}
