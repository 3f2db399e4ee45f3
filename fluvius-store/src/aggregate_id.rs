//! The identity of an aggregate: the name of its resource and a UUID.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::excerpt::{self, excerpt};

/// The id of an aggregate: the name of its resource and its identifier.
///
/// # Examples
///
/// ```
/// use fluvius_store::AggregateId;
/// use uuid::Uuid;
///
/// let aggregate_id = AggregateId::new("bank-account", Uuid::nil());
/// assert_eq!(aggregate_id.to_string(), "bank-account/00000000-0000-0000-0000-000000000000");
/// ```
#[derive(Debug, Clone, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AggregateId {
    /// The resource name, in kebab case. Any text is accepted; the domain defines which resources
    /// exist.
    pub resource: Cow<'static, str>,
    /// The identifier: any UUID.
    #[serde(rename = "identifier")]
    pub id: Uuid,
}

impl AggregateId {
    /// Creates an id from a resource name and an identifier.
    pub fn new(resource: impl Into<Cow<'static, str>>, id: Uuid) -> Self {
        Self { resource: resource.into(), id }
    }
}

impl PartialEq for AggregateId {
    /// Compares the identifiers first, since that is where two aggregates usually differ.
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.resource == other.resource
    }
}

impl Hash for AggregateId {
    /// Hashes only the identifier: aggregates of different resources rarely share one.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl fmt::Display for AggregateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The resource may come from a sender, and this text is part of errors.
        write!(f, "{}/{}", excerpt(&self.resource, excerpt::NAME), self.id)
    }
}
