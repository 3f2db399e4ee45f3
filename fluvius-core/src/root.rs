//! Which aggregate root: a resource name and a UUID, and how a caller names one.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::aggregate::Aggregate;
use crate::excerpt::{self, excerpt};

/// One aggregate root: the name of its resource and its identifier.
///
/// # Examples
///
/// ```
/// use fluvius_core::AggregateRoot;
/// use uuid::Uuid;
///
/// let root = AggregateRoot::new("bank-account", Uuid::nil());
/// assert_eq!(root.to_string(), "bank-account/00000000-0000-0000-0000-000000000000");
/// ```
#[derive(Debug, Clone, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AggregateRoot {
    /// The resource, in kebab case. Any text may stand here: the domain knows which ones exist.
    pub resource: Cow<'static, str>,
    /// The identifier: any UUID.
    pub identifier: Uuid,
}

impl AggregateRoot {
    /// Names a root.
    pub fn new(resource: impl Into<Cow<'static, str>>, identifier: Uuid) -> Self {
        Self { resource: resource.into(), identifier }
    }

    /// The root of an aggregate's main resource.
    pub fn of<A: Aggregate>(identifier: Uuid) -> Self {
        Self::new(A::RESOURCE, identifier)
    }
}

impl PartialEq for AggregateRoot {
    /// The identifier first: it is where two roots differ.
    fn eq(&self, other: &Self) -> bool {
        self.identifier == other.identifier && self.resource == other.resource
    }
}

impl Hash for AggregateRoot {
    /// The identifier is enough: few roots share theirs with one of another resource.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identifier.hash(state);
    }
}

impl fmt::Display for AggregateRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A sender may name any resource; this text is part of errors.
        write!(f, "{}/{}", excerpt(&self.resource, excerpt::NAME), self.identifier)
    }
}

/// What names a root where the aggregate is known: a UUID stands for the aggregate's main
/// resource, an [`AggregateRoot`] names the resource itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name an aggregate root",
    label = "not a root",
    note = "pass the `Uuid` of the root, or an `AggregateRoot`: `*id` in place of a `&Uuid`, `Uuid::parse_str(text)?` in \
            place of a text"
)]
pub trait Target {
    /// The root that is meant.
    fn root_of<A: Aggregate>(self) -> AggregateRoot;
}

impl Target for Uuid {
    fn root_of<A: Aggregate>(self) -> AggregateRoot {
        AggregateRoot::of::<A>(self)
    }
}

impl Target for AggregateRoot {
    fn root_of<A: Aggregate>(self) -> AggregateRoot {
        self
    }
}

impl Target for &AggregateRoot {
    fn root_of<A: Aggregate>(self) -> AggregateRoot {
        self.clone()
    }
}
