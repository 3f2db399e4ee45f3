//! The ways in which a caller names an aggregate whose type is known.

use uuid::Uuid;

use crate::model::Aggregate;
use fluvius_store::AggregateId;

/// What names an aggregate where the aggregate type is known: a UUID stands for the aggregate type's main
/// resource, an [`AggregateId`] names the resource itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name an aggregate",
    label = "not an aggregate",
    note = "pass the `Uuid` of the aggregate, or an `AggregateId`: `*id` in place of a `&Uuid`, `Uuid::parse_str(text)?` in \
            place of a text"
)]
pub trait IntoAggregateId {
    /// The aggregate that is meant.
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
