//! The seal of the traits that only the macros implement.

use fluvius_store::AggregateId;
use uuid::Uuid;

use super::OneBlockForEachType;

/// The supertrait of traits that only the macros implement, so that later releases can add items to
/// them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` implements a trait of fluvius by hand",
    label = "not made by a macro",
    note = "`Aggregate`, `Command` and `Event` are implemented by `#[aggregate]`, `Domain` by \
        `#[derive(Domain)]`"
)]
pub trait Sealed {}

/// The macro implements [`OneBlockForEachType`] for each aggregate type.
impl<A: OneBlockForEachType> Sealed for A {}
impl Sealed for Uuid {}
impl Sealed for AggregateId {}
impl Sealed for &AggregateId {}
