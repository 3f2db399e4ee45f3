//! A stored command with its context.

use std::sync::Arc;

use super::{CommandRecord, ContextRecord, LogEntry};

/// The row of a command, and that of its context.
pub type StoredCommand = (LogEntry<CommandRecord>, Arc<ContextRecord>);
