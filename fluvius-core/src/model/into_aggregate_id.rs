//! The arguments that name an aggregate of a known type.

use uuid::Uuid;

use crate::model::{Aggregate, Sealed};
use fluvius_store::AggregateId;

/// An argument that names an aggregate of a known type: a UUID with the type's main resource, or an
/// [`AggregateId`] with its own resource.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name an aggregate",
    label = "not an aggregate",
    note = "pass the `Uuid` of the aggregate, or an `AggregateId`: `*id` in place of a `&Uuid`, \
        `Uuid::parse_str(text)?` in place of a text"
)]
pub trait IntoAggregateId: Sealed {
    /// Returns the id of the aggregate.
    fn into_aggregate_id<A: Aggregate>(self) -> AggregateId;
}

impl IntoAggregateId for Uuid {
    fn into_aggregate_id<A: Aggregate>(self) -> AggregateId {
        A::aggregate_id(self)
    }
}

impl IntoAggregateId for AggregateId {
    fn into_aggregate_id<A: Aggregate>(self) -> AggregateId {
        self
    }
}

impl IntoAggregateId for &AggregateId {
    fn into_aggregate_id<A: Aggregate>(self) -> AggregateId {
        self.clone()
    }
}
