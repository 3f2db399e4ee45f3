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
//! | `progress` | [`Progress`] |
//! | `report` | [`Verification`], [`Fault`] |
//! | `touched` | the aggregates with events in a range |

mod aggregates;
mod logs;
mod look_up;
mod progress;
mod report;
mod touched;

use std::fmt;
use std::future::IntoFuture;
use std::ops::{Bound, RangeBounds};

use futures_core::future::BoxFuture;

pub use progress::Progress;
pub use report::{Fault, FaultKind, Verification};

use crate::dyn_store::ErasedStore;
use crate::error::StoreError;
use crate::query::LogQuery;
use crate::record::LogKind;
use crate::store::Store;
use progress::{OnProgress, Reporter};
use touched::Touched;

/// Reads all data of a store and reports its inconsistencies. [`Verify::range`] limits it to a
/// range of positions, and [`Verify::on_progress`] reports its progress.
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
/// Dropping the future stops the check: no further read begins.
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
pub fn verify<S: Store>(store: &S) -> Verify<'_> {
    Verify { store, range: Range::ALL, on_progress: None }
}

/// A verification with its options. Awaiting it reads the store.
///
/// Created by [`verify`], which documents the checks.
///
/// # Examples
/// The new rows of a store, with the progress on standard output. The next check begins after
/// `end`:
///
/// ```
/// use fluvius_store::MemoryStore;
/// use fluvius_store::verify::verify;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let (checked, mut end) = (0, 0);
/// // .. a domain at work over the store ..
/// let found = verify(&store)
///     .range(checked + 1..)
///     .on_progress(|progress| {
///         println!("{} rows, at {} of {}", progress.rows, progress.position, progress.last);
///         end = progress.position;
///     })
///     .await?;
/// assert!(found.is_sound(), "{found}");
/// # assert_eq!(end, 0);
/// # Ok(())
/// # }
/// ```
#[must_use = "a verification does nothing until it is awaited"]
pub struct Verify<'a> {
    store: &'a dyn ErasedStore,
    range: Range,
    on_progress: Option<OnProgress<'a>>,
}

impl<'a> Verify<'a> {
    /// Limits the check to the rows of the logs at these positions, and to the aggregates with
    /// events there.
    ///
    /// The log of such an aggregate is folded from the snapshot at or before its first event in the
    /// range, up to its last event in the range. If this is the last one of the aggregate, the fold
    /// is compared with its row. If the first one is version 1, the columns of the creation are
    /// compared. So the cost depends on the range, and not on the number of older events.
    ///
    /// A fault of an event outside of the range is not reported. A missing version is reported in
    /// the range of the next event. An aggregate without any event is found only by a check of the
    /// whole store.
    ///
    /// A range may begin or end at any number. It ends at the latest at the newest position at the
    /// start of the check; the next check may begin after [`Progress::position`]. If a range has
    /// all positions (`..`, `1..`), the whole store is checked.
    pub fn range(mut self, positions: impl RangeBounds<u64>) -> Self {
        let first = match positions.start_bound() {
            Bound::Included(first) => *first,
            Bound::Excluded(before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        // There is no position 0, so this range is empty.
        let last = match positions.end_bound() {
            Bound::Included(last) => *last,
            Bound::Excluded(after) => after.saturating_sub(1),
            Bound::Unbounded => u64::MAX,
        };
        self.range = Range { first: first.max(1), last };
        self
    }

    /// Calls a function with the progress: after up to 64 aggregates or 256 rows, and at the end.
    ///
    /// It is called between two reads, in the task that awaits the verification.
    pub fn on_progress(mut self, on_progress: impl FnMut(Progress) + Send + 'a) -> Self {
        self.on_progress = Some(Box::new(on_progress));
        self
    }

    async fn run(self) -> Result<Verification, StoreError> {
        let Self { store, range, on_progress } = self;
        let mut reporter = Reporter { on_progress, progress: Progress::default() };
        let mut report = Verification::default();
        let newest = store.log(LogKind::Events, &LogQuery::all().limit(0)).await?.newest;
        reporter.raise_last(newest.min(range.last));
        if range == Range::ALL {
            aggregates::check(store, &mut report, &mut reporter).await?;
            logs::check(store, range, None, &mut report, &mut reporter).await?;
        } else if range.first <= range.last.min(newest) {
            // An aggregate is folded once, so later events of it belong to a later check.
            let range = Range { last: range.last.min(newest), ..range };
            let touched = Some(Touched::new(range));
            logs::check(store, range, touched, &mut report, &mut reporter).await?;
        }
        let end = reporter.progress.last;
        reporter.report(&report, end);
        Ok(report)
    }
}

impl<'a> IntoFuture for Verify<'a> {
    type Output = Result<Verification, StoreError>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl fmt::Debug for Verify<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verify").field("range", &self.range).finish_non_exhaustive()
    }
}

/// A range of positions, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: u64,
    last: u64,
}

impl Range {
    const ALL: Self = Self { first: 1, last: u64::MAX };
}
