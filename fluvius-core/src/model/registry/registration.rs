//! What generated code hands to the linked list.

use crate::model::ActionDescriptor;
use crate::model::{AggregateDescriptor, DomainMetadata};

/// One entry of the linked list: an action, or a domain.
#[derive(Debug, Clone, Copy)]
pub enum Registration {
    /// An action.
    Action(&'static ActionDescriptor),
    /// A domain and its aggregate types.
    Domain(&'static DomainMetadata, &'static [&'static AggregateDescriptor]),
}

impl Registration {
    /// An entry for an action.
    pub const fn action(action: &'static ActionDescriptor) -> Self {
        Self::Action(action)
    }

    /// An entry for a domain.
    pub const fn domain(
        metadata: &'static DomainMetadata,
        aggregates: &'static [&'static AggregateDescriptor],
    ) -> Self {
        Self::Domain(metadata, aggregates)
    }
}
