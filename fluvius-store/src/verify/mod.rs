//! Integrity check of a store: the logs must give every state, and refer only to rows that exist.
//!
//! The check only reads; it repairs nothing. It is independent of aggregate types, so it does not
//! check that the actions allow a state. The conformance suite tests the guarantees of a store
//! during writes.
//!
//! | file | contents |
//! |---|---|
//! | `aggregates` | aggregate by aggregate: versions, times, the fold of the log against the row |
//! | `logs` | the logs together, in the order of positions: order, and references of rows |
//! | `look_up` | commands and contexts by identifier, with the last ones remembered |
//! | `report` | [`Verification`], [`Fault`] |

mod aggregates;
mod logs;
mod look_up;
mod report;

pub use report::{Fault, FaultKind, Verification};

use crate::dyn_store::ErasedStore;
use crate::error::StoreError;
use crate::store::Store;

/// Reads all data of a store and reports its inconsistencies.
///
/// # Shape
/// The log of every aggregate is folded from version 1 to that of the row:
///
/// - there is an event for each version,
/// - positions rise, and times do not decrease,
/// - every delta fits the state before it,
/// - there is a snapshot at version 1 and at least every 64 versions,
/// - the last state, its etag, times, actors, realm and revision are those of the row.
///
/// The four logs are read together:
///
/// - positions rise, and none is used twice;
/// - the context of a command exists, its parent is before it, and its hash is that of its payload;
/// - a command has a code exactly if it was rejected;
/// - an event and a message come from an applied command before them on the same aggregate;
/// - an event belongs to an aggregate whose row has reached its version, and is the one in the
///   aggregate's history;
/// - the context of an activity exists.
///
/// A wrong value in a patch is not detected if no later patch touches it and a later snapshot is
/// correct again.
///
/// The check may run during writes. It does not cover rows that are stored after its reads. It
/// needs memory for one page of rows and for one state. It reads every row, and for each event also
/// its command and its entry in the history of its aggregate.
///
/// # Errors
/// Returns any error of the store. Inconsistent data is not an error: see
/// [`Verification::is_sound`].
///
/// # Cancellation
/// Dropping the future stops the check.
///
/// # Examples
/// ```
/// use fluvius_store::MemoryStore;
/// use fluvius_store::verify::verify;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// // .. a domain at work over the store ..
/// let found = verify(&store).await?;
/// assert!(found.is_sound(), "{found}");
/// # Ok(())
/// # }
/// ```
pub async fn verify<S: Store>(store: &S) -> Result<Verification, StoreError> {
    let store: &dyn ErasedStore = store;
    let mut report = Verification::default();
    aggregates::check(store, &mut report).await?;
    logs::check(store, &mut report).await?;
    Ok(report)
}
