//! The row of a rejection in the log.

use super::Error;
use fluvius_store::AggregateId;

/// The row of a rejected command in the log. Errors contain it in a box, so that they stay small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// The position of the last row of the command's unit of work, as in
    /// [`Response::position`](crate::Response::position).
    pub position: u64,
    /// True if the rejection was read back from the log, since the command id was known.
    pub replayed: bool,
}

impl Error {
    /// Returns the row of the rejection in the log; of an atomic group, the last row of the group.
    ///
    /// `None` for an error that leaves no command row, for a read, and if the domain does not
    /// [record rejections](crate::RuntimeBuilder::record_rejections).
    ///
    /// ```
    /// use fluvius_core::Error;
    ///
    /// assert_eq!(Error::Overloaded.recorded(), None);
    /// ```
    pub fn recorded(&self) -> Option<Recorded> {
        match self {
            Self::NotFound { recorded, .. }
            | Self::AlreadyExists { recorded, .. }
            | Self::Rejected { recorded, .. }
            | Self::PreconditionFailed { recorded, .. } => recorded.as_deref().copied(),
            Self::GroupRejected { source, .. } => source.recorded(),
            _ => None,
        }
    }

    pub(crate) fn set_recorded(&mut self, row: Recorded) {
        match self {
            Self::NotFound { recorded, .. }
            | Self::AlreadyExists { recorded, .. }
            | Self::Rejected { recorded, .. }
            | Self::PreconditionFailed { recorded, .. } => *recorded = Some(Box::new(row)),
            Self::GroupRejected { source, .. } => source.set_recorded(row),
            _ => {}
        }
    }

    /// Creates the error of an absent aggregate.
    pub(crate) const fn not_found(aggregate_id: AggregateId) -> Self {
        Self::NotFound { aggregate_id, recorded: None }
    }

    /// Creates the error of an aggregate that exists.
    pub(crate) const fn already_exists(aggregate_id: AggregateId) -> Self {
        Self::AlreadyExists { aggregate_id, recorded: None }
    }
}
