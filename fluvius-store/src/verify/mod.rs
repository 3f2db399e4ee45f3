//! Whether what a store holds is whole: the logs tell every state, and refer to rows that are
//! there.
//!
//! It reads, and mends nothing. It knows no aggregate types: whether a state is one that the rules
//! allow is not asked. What every store must keep while it is written to is the conformance
//! suite's to test.
//!
//! | file | what it checks |
//! |---|---|
//! | `aggregate_ids` | aggregate by root: versions, times, the fold of the log against the row |
//! | `logs` | the logs together, by position: order, and what rows refer to |
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

/// Reads all that a store holds and tells where it contradicts itself.
///
/// # Shape
/// Of every aggregate the log is folded, from version 1 to that of the row: there is an event for each
/// version, positions rise and times do not fall along it, every change fits the state before it,
/// a whole state stands at version 1 and at least every 64th, and the last state, its etag, times,
/// actors, realm and revision are those of the row. The four logs are read side by side:
/// positions rise, and none is used twice; a command's context is there, its parent before it, its
/// hash that of its payload; an event and a message come from an applied command before them on
/// the same aggregate; an event belongs to an aggregate whose row has reached its version, and is the one
/// that the aggregate's history has; an activity's context is there.
///
/// A patch that is wrong in what no later patch touches, below a whole state that is right again,
/// is not seen: nothing is left to compare it with.
///
/// It may run while others write: it then says nothing of what was stored after it has read.
/// It needs memory for a page of rows and for one state; it reads every row, and for an event its
/// command and itself in the history of its aggregate.
///
/// # Errors
/// What the store says. What it holds, however wrong, is no error: see
/// [`Verification::is_sound`].
///
/// # Cancellation
/// Dropping the future ends the reading.
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
