//! The entries that generated code adds to the linked list.

use crate::model::ActionDescriptor;
use crate::model::{AggregateDescriptor, DomainMetadata};

/// An entry of the linked list: an action or a domain.
#[derive(Debug, Clone, Copy)]
pub enum Registration {
    /// An action.
    Action(&'static ActionDescriptor),
    /// A domain and its aggregate types.
    Domain(&'static DomainMetadata, &'static [&'static AggregateDescriptor]),
}

impl Registration {
    /// Creates the entry of an action.
    pub const fn action(action: &'static ActionDescriptor) -> Self {
        Self::Action(action)
    }

    /// Creates the entry of a domain.
    pub const fn domain(
        metadata: &'static DomainMetadata,
        aggregates: &'static [&'static AggregateDescriptor],
    ) -> Self {
        Self::Domain(metadata, aggregates)
    }
}
