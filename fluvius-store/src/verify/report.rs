//! The report of a verification.

use std::fmt;

use crate::aggregate_id::AggregateId;

/// Maximum number of faults that are kept; all are counted.
const MAX_FAULTS: usize = 100;

/// The result of [`verify`](super::verify).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// Number of aggregates checked, closed ones too.
    pub aggregates: u64,
    /// Number of rows read from the command log.
    pub commands: u64,
    /// Number of rows read from the event log.
    pub events: u64,
    /// Number of rows read from the message log.
    pub messages: u64,
    /// Number of rows read from the activity log.
    pub activities: u64,
    /// Number of faults found.
    pub fault_count: u64,
    /// The first 100 faults.
    pub faults: Vec<Fault>,
}

impl Verification {
    /// Returns true if no fault was found.
    pub fn is_sound(&self) -> bool {
        self.fault_count == 0
    }

    /// Returns the number of rows read from the four logs.
    pub fn rows(&self) -> u64 {
        self.commands + self.events + self.messages + self.activities
    }

    pub(super) fn add(
        &mut self,
        kind: FaultKind,
        aggregate_id: &AggregateId,
        position: Option<u64>,
        detail: impl Into<String>,
    ) {
        self.fault_count += 1;
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault {
                kind,
                aggregate_id: aggregate_id.clone(),
                position,
                detail: detail.into(),
            });
        }
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} aggregates, {} commands, {} events, {} messages, {} activities: {} faults",
            self.aggregates,
            self.commands,
            self.events,
            self.messages,
            self.activities,
            self.fault_count
        )?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n{fault}"))
    }
}

/// An inconsistency in the data of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The kind of fault.
    pub kind: FaultKind,
    /// The aggregate of the row.
    pub aggregate_id: AggregateId,
    /// The row's position, if it is a row of a log.
    pub position: Option<u64>,
    /// A description. It quotes identifiers, versions and times, but no value of a state or
    /// payload.
    pub detail: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.kind.code(), self.aggregate_id, self.detail)?;
        match self.position {
            Some(position) => write!(f, " (position {position})"),
            None => Ok(()),
        }
    }
}

/// The kind of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FaultKind {
    /// A version of an aggregate without an event.
    VersionMissing,
    /// Positions that do not rise along an aggregate.
    HistoryUnordered,
    /// Times that decrease along an aggregate.
    TimeDecreases,
    /// A delta that does not fit the state before it.
    DeltaInvalid,
    /// More than 64 versions from one snapshot to the next.
    SnapshotOverdue,
    /// A stored state that is not the fold of the log.
    StateDiffers,
    /// A column of a row that differs from the log.
    RowDiffers,
    /// Positions of a log that do not rise.
    LogUnordered,
    /// Two rows with one position.
    PositionDuplicate,
    /// A command that is not found under its identifier, or another one in its place.
    CommandLost,
    /// A row of a command that does not exist.
    CommandMissing,
    /// A row of a wrong command: a rejected one, one at a later position, or one of another
    /// aggregate.
    CommandMismatch,
    /// A row with a context that does not exist.
    ContextMissing,
    /// A payload hash that is not that of the payload.
    PayloadDiffers,
    /// An applied command with a code, or a rejected one without.
    CodeMismatch,
    /// An event that is not the one in its aggregate's history at its version.
    EventLost,
    /// An event with a version that the row of its aggregate has not reached, or without a row.
    EventSurplus,
}

impl FaultKind {
    /// All kinds.
    pub const ALL: &'static [Self] = &[
        Self::VersionMissing,
        Self::HistoryUnordered,
        Self::TimeDecreases,
        Self::DeltaInvalid,
        Self::SnapshotOverdue,
        Self::StateDiffers,
        Self::RowDiffers,
        Self::LogUnordered,
        Self::PositionDuplicate,
        Self::CommandLost,
        Self::CommandMissing,
        Self::CommandMismatch,
        Self::ContextMissing,
        Self::PayloadDiffers,
        Self::CodeMismatch,
        Self::EventLost,
        Self::EventSurplus,
    ];

    /// Returns the name in kebab case.
    pub const fn code(self) -> &'static str {
        match self {
            Self::VersionMissing => "version-missing",
            Self::HistoryUnordered => "history-unordered",
            Self::TimeDecreases => "time-decreases",
            Self::DeltaInvalid => "delta-invalid",
            Self::SnapshotOverdue => "snapshot-overdue",
            Self::StateDiffers => "state-differs",
            Self::RowDiffers => "row-differs",
            Self::LogUnordered => "log-unordered",
            Self::PositionDuplicate => "position-duplicate",
            Self::CommandLost => "command-lost",
            Self::CommandMissing => "command-missing",
            Self::CommandMismatch => "command-mismatch",
            Self::ContextMissing => "context-missing",
            Self::PayloadDiffers => "payload-differs",
            Self::CodeMismatch => "code-mismatch",
            Self::EventLost => "event-lost",
            Self::EventSurplus => "event-surplus",
        }
    }
}
