//! What generated code hands to the linked list.

use crate::action::ActionDescriptor;
use crate::aggregate::AggregateDescriptor;
use crate::domain::Meta;

/// One entry of the linked list: an action, or a domain.
#[derive(Debug, Clone, Copy)]
pub enum Registration {
    /// An action.
    Action(&'static ActionDescriptor),
    /// A domain and its aggregates.
    Domain(&'static Meta, &'static [&'static AggregateDescriptor]),
}

impl Registration {
    /// An entry for an action.
    pub const fn action(action: &'static ActionDescriptor) -> Self {
        Self::Action(action)
    }

    /// An entry for a domain.
    pub const fn domain(
        meta: &'static Meta,
        aggregates: &'static [&'static AggregateDescriptor],
    ) -> Self {
        Self::Domain(meta, aggregates)
    }
}
