//! All tools of a server.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use fluvius_core::ActionDescriptor;
use rmcp::model::Tool as Definition;

use super::names::Naming;
use super::tool_docs;
use super::tool_schemas::{self, ToolSchemas};
use crate::mounted::Mounted;
use crate::problem::title;

/// Number of tools on a page of `tools/list`.
const PAGE_LENGTH: usize = 50;

/// The operation that a tool calls.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operation {
    Command(&'static ActionDescriptor),
    Get(&'static str),
    Query(&'static str),
    History(&'static str),
}

/// A tool.
pub(super) struct Tool {
    pub(super) domain: Arc<Mounted>,
    pub(super) operation: Operation,
    definition: Definition,
}

/// The tools of a server by name.
#[derive(Debug, Default)]
pub(crate) struct Toolbox {
    tools: BTreeMap<String, Tool>,
}

impl Toolbox {
    /// Creates the tools of domains. The names are checked by [`faults`](super::faults).
    pub(crate) fn new(domains: &[Arc<Mounted>], has_actors: bool) -> Self {
        let naming = Naming::new(domains.len());
        let mut toolbox = Self::default();
        for domain in domains {
            toolbox.add_actions(domain, naming, has_actors);
            toolbox.add_reads(domain, naming);
        }
        toolbox
    }

    /// Returns a tool.
    pub(super) fn find(&self, name: &str) -> Option<&Tool> {
        self.tools.get(name)
    }

    /// Returns the page of the visible tools after the tool with a name, and the name after which
    /// the next page begins; `None` if no tool has the name.
    pub(super) fn page(
        &self,
        after: Option<&str>,
        is_visible: impl Fn(&Tool) -> bool,
    ) -> Option<(Vec<Definition>, Option<String>)> {
        let start = match after {
            Some(name) => Bound::Excluded(self.tools.get_key_value(name)?.0.as_str()),
            None => Bound::Unbounded,
        };
        let left = self.tools.range::<str, _>((start, Bound::Unbounded)).map(|(_, tool)| tool);
        let mut left = left.filter(|tool| is_visible(tool));
        let page: Vec<Definition> =
            left.by_ref().take(PAGE_LENGTH).map(|tool| tool.definition.clone()).collect();
        let last = page.last().map(|tool| tool.name.to_string());
        Some((page, last.filter(|_| left.next().is_some())))
    }

    /// Returns the maximum size of a payload in bytes, of any action.
    pub(super) fn max_payload(&self, body_limit: usize) -> usize {
        let limits = self.tools.values().filter_map(|tool| match tool.operation {
            Operation::Command(action) => action.body_limit,
            _ => None,
        });
        limits.fold(body_limit, usize::max)
    }

    fn add_actions(&mut self, domain: &Arc<Mounted>, naming: Naming, has_actors: bool) {
        let described = domain.description.aggregates.iter().flat_map(|each| &each.actions);
        for action in described.filter(|action| action.mcp && !action.internal) {
            let Some(descriptor) = domain.runtime.registry().find(action.key) else { continue };
            let name = naming.of_action(domain.namespace(), action.key);
            let schemas = tool_schemas::of_action(action, has_actors);
            let definition = definition(name, tool_docs::of_action(action), schemas)
                .with_title(title(action.key))
                .with_annotations(tool_docs::annotations(action));
            self.add(domain, Operation::Command(descriptor), definition);
        }
    }

    fn add_reads(&mut self, domain: &Arc<Mounted>, naming: Naming) {
        for aggregate in &domain.description.aggregates {
            for resource in aggregate.resources {
                let get = tool_schemas::of_get(aggregate, resource);
                let reads = [
                    ("get", Operation::Get(resource), get),
                    ("query", Operation::Query(resource), tool_schemas::of_query(resource)),
                    ("history", Operation::History(resource), tool_schemas::of_history()),
                ];
                for (read, operation, schemas) in reads {
                    let name = naming.of_read(domain.namespace(), resource, read);
                    let definition = definition(name, tool_docs::of_read(resource, read), schemas)
                        .with_title(title(&format!("{resource} {read}")))
                        .with_annotations(tool_docs::annotations_of_read());
                    self.add(domain, operation, definition);
                }
            }
        }
    }

    fn add(&mut self, domain: &Arc<Mounted>, operation: Operation, definition: Definition) {
        let domain = Arc::clone(domain);
        let name = definition.name.to_string();
        self.tools.insert(name, Tool { domain, operation, definition });
    }
}

fn definition(name: String, description: String, schemas: ToolSchemas) -> Definition {
    let ToolSchemas { input, output } = schemas;
    Definition::new(name, description, input).with_raw_output_schema(Arc::new(output))
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").field("operation", &self.operation).finish_non_exhaustive()
    }
}
