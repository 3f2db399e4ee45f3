//! What was read, and what was found wrong.

use std::fmt;

use crate::aggregate_id::AggregateId;

/// How many faults are kept; all are counted.
const MAX_FAULTS: usize = 100;

/// What [`verify`](super::verify) has read and found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// How many aggregates were read, closed ones too.
    pub aggregate_ids: u64,
    /// How many rows of the command log.
    pub commands: u64,
    /// How many rows of the event log.
    pub events: u64,
    /// How many rows of the message log.
    pub messages: u64,
    /// How many rows of the activity log.
    pub activities: u64,
    /// How many faults were found.
    pub fault_count: u64,
    /// The first 100 of them.
    pub faults: Vec<Fault>,
}

impl Verification {
    /// Whether nothing was found wrong.
    pub fn is_sound(&self) -> bool {
        self.fault_count == 0
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
            self.aggregate_ids,
            self.commands,
            self.events,
            self.messages,
            self.activities,
            self.fault_count
        )?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n{fault}"))
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of thing.
    pub kind: FaultKind,
    /// The aggregate of the row.
    pub aggregate_id: AggregateId,
    /// The row's position, where it is one of a log.
    pub position: Option<u64>,
    /// What exactly; quotes identifiers, versions and times, and no value of a state or payload.
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

/// What kinds of faults there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FaultKind {
    /// A version of an aggregate has no event.
    VersionMissing,
    /// Along an aggregate positions do not rise.
    HistoryUnordered,
    /// Along an aggregate the time falls.
    TimeFalls,
    /// A change does not fit the state before it.
    ChangeUnfit,
    /// From one whole state to the next there are more than 64 versions.
    SnapshotFar,
    /// The fold of the log is not the stored state.
    StateDiffers,
    /// A column of the row is not what the log says.
    RowDiffers,
    /// The positions of a log do not rise.
    LogUnordered,
    /// Two rows have one position.
    PositionTwice,
    /// A command is not found under its identifier, or another one is.
    CommandLost,
    /// A row comes from a command that is not there.
    CommandMissing,
    /// A row comes from a command that it does not fit: a refused one, one behind it, or one of
    /// another aggregate.
    CommandUnfit,
    /// A row has a context that is not there.
    ContextMissing,
    /// The hash of a payload is not that of the payload.
    PayloadDiffers,
    /// A command has a code and was applied, or has none and was refused.
    CodeUnfit,
    /// An event is not that which the history of its aggregate has at its version.
    EventLost,
    /// An event has a version that the row of its aggregate has not reached, or there is no row.
    EventSurplus,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::VersionMissing,
        Self::HistoryUnordered,
        Self::TimeFalls,
        Self::ChangeUnfit,
        Self::SnapshotFar,
        Self::StateDiffers,
        Self::RowDiffers,
        Self::LogUnordered,
        Self::PositionTwice,
        Self::CommandLost,
        Self::CommandMissing,
        Self::CommandUnfit,
        Self::ContextMissing,
        Self::PayloadDiffers,
        Self::CodeUnfit,
        Self::EventLost,
        Self::EventSurplus,
    ];

    /// A name in kebab case.
    pub const fn code(self) -> &'static str {
        match self {
            Self::VersionMissing => "version-missing",
            Self::HistoryUnordered => "history-unordered",
            Self::TimeFalls => "time-falls",
            Self::ChangeUnfit => "change-unfit",
            Self::SnapshotFar => "snapshot-far",
            Self::StateDiffers => "state-differs",
            Self::RowDiffers => "row-differs",
            Self::LogUnordered => "log-unordered",
            Self::PositionTwice => "position-twice",
            Self::CommandLost => "command-lost",
            Self::CommandMissing => "command-missing",
            Self::CommandUnfit => "command-unfit",
            Self::ContextMissing => "context-missing",
            Self::PayloadDiffers => "payload-differs",
            Self::CodeUnfit => "code-unfit",
            Self::EventLost => "event-lost",
            Self::EventSurplus => "event-surplus",
        }
    }
}
