//! The registry: the aggregate types and actions of one domain, looked up by name.
//!
//! A registry is built from the aggregate types that the domain lists. The linked list in
//! [`linked`] is for tools that inspect the whole program.

mod build;
mod description;
mod features;
mod field_kind;
#[cfg(feature = "inventory")]
pub mod linked;
mod registration;

use std::collections::BTreeMap;

pub use build::{BuildError, Problem};
pub use description::{
    ActionDescription, AggregateDescription, DomainDescription, EventDescription, FieldDescription,
    MissingSchema,
};
pub use registration::Registration;

pub(crate) use build::is_kebab;

use crate::collections::FastMap;
use crate::model::{ActionDescriptor, AggregateDescriptor, DomainMetadata};

/// Maximum number of similar keys that an `unknown-command` error names.
const MAX_NEAREST: usize = 3;

/// The aggregate types and actions of one domain.
#[derive(Debug)]
pub struct Registry {
    metadata: &'static DomainMetadata,
    actions: FastMap<&'static str, &'static ActionDescriptor>,
    resources: BTreeMap<&'static str, &'static AggregateDescriptor>,
}

impl Registry {
    /// Returns the action of a command key. Internal actions are included.
    pub fn find(&self, key: &str) -> Option<&'static ActionDescriptor> {
        self.actions.get(key).copied()
    }

    /// Returns the aggregate type of a resource.
    pub fn aggregate(&self, resource: &str) -> Option<&'static AggregateDescriptor> {
        self.resources.get(resource).copied()
    }

    /// Returns the resource names, sorted.
    pub fn resources(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.resources.keys().copied()
    }

    /// Returns the actions that can be sent, sorted by resource and key. Internal actions are
    /// excluded.
    pub fn actions(&self) -> Vec<&'static ActionDescriptor> {
        let mut actions: Vec<_> = self.actions.values().copied().collect();
        actions.retain(|action| !action.internal);
        actions.sort_by_key(|action| (action.resources, action.key));
        actions
    }

    /// Returns the description of the domain as plain data, internal actions included.
    ///
    /// Each call builds the JSON schemas again.
    pub fn describe(&self) -> DomainDescription {
        let DomainMetadata { namespace, title, description, tags, revision, .. } = *self.metadata;
        let by_main_resource = self.resources.iter();
        let aggregates: Vec<_> = by_main_resource
            .filter(|(resource, aggregate)| aggregate.resources.first() == Some(resource))
            .map(|(_, aggregate)| *aggregate)
            .collect();
        DomainDescription {
            namespace,
            title,
            description,
            tags,
            revision,
            aggregates: aggregates.iter().map(|each| AggregateDescription::of(each)).collect(),
            missing_schemas: aggregates
                .iter()
                .flat_map(|each| description::missing_schemas(each))
                .collect(),
        }
    }

    /// Returns the keys most similar to an unknown one, the most similar first.
    pub fn nearest(&self, key: &str) -> Vec<&'static str> {
        // Bounds the work: a client may send a key of any length, and a comparison takes quadratic
        // time.
        if key.len() > 100 {
            return Vec::new();
        }
        let mut scored: Vec<(f64, &'static str)> = self
            .actions
            .values()
            .filter(|action| !action.internal)
            .map(|action| (strsim::jaro_winkler(key, action.key), action.key))
            .filter(|(score, _)| *score > 0.75)
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        scored.into_iter().take(MAX_NEAREST).map(|(_, key)| key).collect()
    }
}
