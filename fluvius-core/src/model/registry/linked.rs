//! The actions and domains that are linked into the program, including those that no domain uses.
//!
//! This list is for tools. A crate is linked only if a path of the program mentions it, so other
//! dependencies in `Cargo.toml` are absent here. Plugins that are loaded later are absent too. A
//! domain does not read this list: it runs the aggregate types of its own list.

use std::collections::BTreeMap;

use super::Registration;
use crate::model::{ActionDescriptor, AggregateDescriptor, DomainMetadata};

inventory::collect!(Registration);

/// Returns all linked actions, sorted by resource, key and source location.
pub fn actions() -> Vec<&'static ActionDescriptor> {
    let mut actions: Vec<_> = inventory::iter::<Registration>()
        .filter_map(|entry| match entry {
            Registration::Action(action) => Some(*action),
            Registration::Domain(..) => None,
        })
        .collect();
    actions.sort_by_key(|action| (action.resources, action.key, action.location));
    actions
}

/// Returns all linked domains with their aggregate types, sorted by namespace and source location.
pub fn domains() -> Vec<(&'static DomainMetadata, &'static [&'static AggregateDescriptor])> {
    let mut domains: Vec<_> = inventory::iter::<Registration>()
        .filter_map(|entry| match entry {
            Registration::Action(_) => None,
            Registration::Domain(metadata, aggregates) => Some((*metadata, *aggregates)),
        })
        .collect();
    domains.sort_by_key(|(metadata, _)| (metadata.namespace, metadata.location));
    domains
}

/// Returns the linked aggregate types that no linked domain lists, sorted by type name. Most likely
/// a domain omits one by mistake.
pub fn orphans() -> Vec<&'static AggregateDescriptor> {
    let mut found: BTreeMap<&'static str, &'static AggregateDescriptor> = actions()
        .into_iter()
        .map(|action| (action.aggregate)())
        .map(|aggregate| (aggregate.type_name(), aggregate))
        .collect();
    for (_, aggregates) in domains() {
        for aggregate in aggregates {
            found.remove(aggregate.type_name());
        }
    }
    found.into_values().collect()
}
