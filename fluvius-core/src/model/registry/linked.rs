//! Everything that is linked into the program, whether a domain uses it or not.
//!
//! For tools that list what a program holds. A crate that is only named in `Cargo.toml` and that
//! no path of the program mentions is not linked, and so not in this list; nor are plugins that
//! are loaded later. A domain does not read this list: it runs the aggregate types that it names.

use std::collections::BTreeMap;

use super::Registration;
use crate::model::{ActionDescriptor, AggregateDescriptor, DomainMetadata};

inventory::collect!(Registration);

/// Every linked action, sorted by resource, key and place.
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

/// Every linked domain with its aggregate types, sorted by namespace and place.
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

/// The linked aggregate types that no linked domain lists, sorted by type name: most likely somebody
/// has forgotten one.
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
