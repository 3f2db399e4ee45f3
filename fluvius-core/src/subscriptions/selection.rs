//! The events that a subscription delivers.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::EventShape;
use crate::model::Aggregate;
use fluvius_store::{EventRecord, LogQuery, RealmFilter};

/// The conditions on the events of a subscription.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    keys: Option<BTreeSet<String>>,
    resources: Option<BTreeSet<String>>,
    realm: RealmFilter,
    /// The events that the program can decode, by resource; `None` if it decodes none.
    known: Option<BTreeMap<&'static str, KnownEvents>>,
}

/// The events of a resource that the program can decode.
#[derive(Debug, Clone)]
struct KnownEvents {
    revision: u32,
    keys: BTreeSet<&'static str>,
}

/// The decision about an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Selected {
    No,
    Yes,
    /// The program does not know the event.
    Unknown(EventShape),
}

impl Default for Selection {
    fn default() -> Self {
        Self { keys: None, resources: None, realm: RealmFilter::All, known: None }
    }
}

impl Selection {
    pub(super) fn keys(mut self, keys: BTreeSet<String>) -> Self {
        self.keys = Some(keys);
        self
    }

    pub(super) fn resources(mut self, resources: BTreeSet<String>) -> Self {
        self.resources = Some(resources);
        self
    }

    pub(super) fn realm(mut self, realm: RealmFilter) -> Self {
        self.realm = realm;
        self
    }

    /// Selects the events of an aggregate type, which the program decodes.
    pub(super) fn events_of<A: Aggregate>(mut self) -> Self {
        let keys: BTreeSet<&str> = A::EVENTS.iter().map(|event| event.key).collect();
        let known = KnownEvents { revision: A::REVISION, keys };
        self.resources = Some(A::RESOURCES.iter().map(|&resource| resource.to_owned()).collect());
        self.known = Some(A::RESOURCES.iter().map(|&name| (name, known.clone())).collect());
        self
    }

    /// Returns the query of the selected events of a domain. It may find others too.
    pub(super) fn query(&self, domain: &str) -> LogQuery {
        let query = LogQuery::all().domain(domain.to_owned()).realm(self.realm.clone());
        match &self.keys {
            Some(keys) => query.keys(keys.iter().map(String::as_str)),
            None => query,
        }
    }

    /// Decides about an event that the query has found.
    pub(super) fn select(&self, event: &EventRecord) -> Selected {
        let resource = event.aggregate_id.resource.as_ref();
        if self.resources.as_ref().is_some_and(|resources| !resources.contains(resource)) {
            return Selected::No;
        }
        if self.knows(resource, event.key(), event.revision) {
            return Selected::Yes;
        }
        Selected::Unknown(EventShape {
            resource: resource.to_owned(),
            event: event.key().to_owned(),
            revision: event.revision,
        })
    }

    /// Returns true if the program can decode events of this shape, or decodes none.
    pub(super) fn knows(&self, resource: &str, event: &str, revision: u32) -> bool {
        let Some(known) = &self.known else { return true };
        known
            .get(resource)
            .is_some_and(|known| revision <= known.revision && known.keys.contains(event))
    }
}
