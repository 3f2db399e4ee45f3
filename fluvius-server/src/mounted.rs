//! A domain that a server offers, with what its routes look up.

use std::collections::HashMap;

use fluvius_core::registry::{AggregateDescription, DomainDescription};
use fluvius_core::uuid::Uuid;
use fluvius_core::{
    AggregateDescriptor, AggregateId, DomainContext, DomainRuntime, RejectionCode, Session,
};

use crate::sessions::Sessions;

/// A mounted domain.
#[derive(Debug)]
pub(crate) struct Mounted {
    pub(crate) runtime: DomainRuntime,
    pub(crate) description: DomainDescription,
    /// The path of the domain: `/bank`, after the base path of the server.
    pub(crate) path: String,
    pub(crate) sessions: Sessions,
    /// The listed codes of each action, by key and code.
    rejections: HashMap<(&'static str, &'static str), RejectionCode>,
    /// The listed codes of all actions, by code.
    all_rejections: HashMap<&'static str, RejectionCode>,
}

impl Mounted {
    pub(crate) fn new(runtime: DomainRuntime, base_path: &str) -> Self {
        let description = runtime.registry().describe();
        let mut rejections = HashMap::new();
        let mut all_rejections = HashMap::new();
        for aggregate in &description.aggregates {
            for action in &aggregate.actions {
                for code in &action.rejections.codes {
                    rejections.insert((action.key, code.code), *code);
                    all_rejections.entry(code.code).or_insert(*code);
                }
            }
        }
        let path = format!("{base_path}/{}", description.namespace);
        let sessions = Sessions::default();
        Self { runtime, description, path, sessions, rejections, all_rejections }
    }

    pub(crate) fn namespace(&self) -> &'static str {
        self.description.namespace
    }

    /// Returns the session of a sender. Its commands do not wait for a permit.
    pub(crate) fn session(&self, context: &DomainContext) -> Session {
        self.sessions.get(&self.runtime, context)
    }

    /// Returns a code that an action lists, or else one that another action of the domain lists,
    /// since actions invoke each other.
    pub(crate) fn rejection(
        &self,
        action: Option<&'static str>,
        code: &str,
    ) -> Option<RejectionCode> {
        let own = action.and_then(|action| self.rejections.get(&(action, code)));
        own.or_else(|| self.all_rejections.get(code)).copied()
    }

    /// Returns all listed codes, sorted.
    pub(crate) fn rejections(&self) -> Vec<RejectionCode> {
        let mut codes: Vec<_> = self.all_rejections.values().copied().collect();
        codes.sort_by_key(|code| code.code);
        codes
    }

    /// Returns the description of the aggregate type of a resource.
    pub(crate) fn aggregate(&self, resource: &str) -> Option<&AggregateDescription> {
        self.description.aggregates.iter().find(|each| each.resources.contains(&resource))
    }

    pub(crate) fn descriptor(&self, resource: &str) -> Option<&'static AggregateDescriptor> {
        self.runtime.registry().aggregate(resource)
    }

    /// Returns the path of a command's status.
    pub(crate) fn command_path(&self, id: Uuid) -> String {
        format!("{}/commands/{id}", self.path)
    }

    /// Returns the path of an aggregate's state.
    pub(crate) fn state_path(&self, aggregate_id: &AggregateId) -> String {
        let mut buffer = Uuid::encode_buffer();
        let id = aggregate_id.id.hyphenated().encode_lower(&mut buffer);
        [self.path.as_str(), "/", &aggregate_id.resource, "/", id].concat()
    }
}
