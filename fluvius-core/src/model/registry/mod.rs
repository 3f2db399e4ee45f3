//! The registry: the aggregate types and actions of one domain, looked up by name.
//!
//! It is built from the aggregate types that the domain lists. The linked list in
//! [`linked`] is for tools that want everything in the program.

mod build;
mod features;
#[cfg(feature = "inventory")]
pub mod linked;
mod registration;

use std::collections::BTreeMap;

pub use build::{BuildError, Problem};
pub use registration::Registration;

pub(crate) use build::is_kebab;

use crate::collections::FastMap;
use crate::model::{ActionDescriptor, AggregateDescriptor};

/// How many registered keys an `unknown-command` names at the most.
const MAX_NEAREST: usize = 3;

/// The aggregate types and actions of one domain.
#[derive(Debug)]
pub struct Registry {
    actions: FastMap<&'static str, &'static ActionDescriptor>,
    resources: BTreeMap<&'static str, &'static AggregateDescriptor>,
}

impl Registry {
    /// The action of a command key, internal ones too.
    pub fn find(&self, key: &str) -> Option<&'static ActionDescriptor> {
        self.actions.get(key).copied()
    }

    /// The aggregate type of a resource.
    pub fn aggregate(&self, resource: &str) -> Option<&'static AggregateDescriptor> {
        self.resources.get(resource).copied()
    }

    /// The resource names, sorted.
    pub fn resources(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.resources.keys().copied()
    }

    /// The actions that may be sent, sorted by resource and key.
    pub fn actions(&self) -> Vec<&'static ActionDescriptor> {
        let mut actions: Vec<_> = self.actions.values().copied().collect();
        actions.retain(|action| !action.internal);
        actions.sort_by_key(|action| (action.resources, action.key));
        actions
    }

    /// The keys that are most like one that is not registered, the likest first.
    pub fn nearest(&self, key: &str) -> Vec<&'static str> {
        // A key that a client sends may be of any length; comparing costs its square.
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
