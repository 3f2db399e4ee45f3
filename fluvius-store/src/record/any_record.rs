//! A row of any log, and the trait of the row types.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

use crate::aggregate_id::AggregateId;
use crate::record::{ActivityRecord, CommandRecord, EventRecord, MessageRecord};

/// One of the four logs of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogKind {
    /// The command log, with rows of type [`CommandRecord`].
    Commands,
    /// The event log, with rows of type [`EventRecord`].
    Events,
    /// The message log, with rows of type [`MessageRecord`].
    Messages,
    /// The activity log, with rows of type [`ActivityRecord`].
    Activities,
}

impl LogKind {
    /// All logs.
    pub const ALL: [Self; 4] = [Self::Commands, Self::Events, Self::Messages, Self::Activities];
}

impl fmt::Display for LogKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Commands => "command",
            Self::Events => "event",
            Self::Messages => "message",
            Self::Activities => "activity",
        })
    }
}

/// A row of any of the four logs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum AnyRecord {
    /// A row of the command log.
    Command(CommandRecord),
    /// A row of the event log.
    Event(EventRecord),
    /// A row of the message log.
    Message(MessageRecord),
    /// A row of the activity log.
    Activity(ActivityRecord),
}

impl AnyRecord {
    /// Returns the log of the row.
    pub const fn kind(&self) -> LogKind {
        match self {
            Self::Command(_) => LogKind::Commands,
            Self::Event(_) => LogKind::Events,
            Self::Message(_) => LogKind::Messages,
            Self::Activity(_) => LogKind::Activities,
        }
    }

    /// Returns the aggregate of the row.
    pub const fn aggregate_id(&self) -> &AggregateId {
        match self {
            Self::Command(row) => &row.aggregate_id,
            Self::Event(row) => &row.aggregate_id,
            Self::Message(row) => &row.aggregate_id,
            Self::Activity(row) => &row.aggregate_id,
        }
    }

    /// Returns the identifier of the row.
    pub const fn row_id(&self) -> Uuid {
        match self {
            Self::Command(row) => row.id,
            Self::Event(row) => row.id,
            Self::Message(row) => row.id,
            Self::Activity(row) => row.id,
        }
    }

    /// Returns the key of the row, as [`LogRecord::row_key`].
    pub fn row_key(&self) -> Option<&str> {
        match self {
            Self::Command(row) => row.row_key(),
            Self::Event(row) => row.row_key(),
            Self::Message(row) => row.row_key(),
            Self::Activity(row) => row.row_key(),
        }
    }
}

/// A row type of one of the four logs.
///
/// The trait is sealed.
pub trait LogRecord: sealed::Sealed + Into<AnyRecord> + Clone + Send + Sync + 'static {
    /// The log of these rows.
    const KIND: LogKind;

    /// Returns the identifier of the row. No other row of any log has it at the same position.
    fn row_id(&self) -> Uuid;

    /// Returns the key of the row: that of the command, event or message, or the code of the
    /// activity.
    fn row_key(&self) -> Option<&str>;

    /// Returns the row, or `None` if it is of another log.
    fn from_any(record: AnyRecord) -> Option<Self>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! log_record {
    ($($record:ident: $variant:ident in $log:ident, $row:ident => $key:expr;)*) => {$(
        impl sealed::Sealed for $record {}

        impl LogRecord for $record {
            const KIND: LogKind = LogKind::$log;

            fn row_id(&self) -> Uuid {
                self.id
            }

            fn row_key(&self) -> Option<&str> {
                let $row = self;
                $key
            }

            fn from_any(record: AnyRecord) -> Option<Self> {
                match record {
                    AnyRecord::$variant(record) => Some(record),
                    _ => None,
                }
            }
        }

        impl From<$record> for AnyRecord {
            fn from(record: $record) -> Self {
                Self::$variant(record)
            }
        }
    )*};
}

log_record! {
    CommandRecord: Command in Commands, row => Some(&row.command);
    EventRecord: Event in Events, row => Some(&row.event);
    MessageRecord: Message in Messages, row => Some(&row.key);
    ActivityRecord: Activity in Activities, row => row.code.as_deref();
}
