//! The rows that a store keeps: states, the four logs, and contexts.
//!
//! A row is plain data. Rows of the logs are never changed after they are stored.

mod activity;
mod any_record;
mod command;
mod context;
mod event;
mod log_entry;
mod log_page;
mod message;
mod resume_token;
mod state;
mod stored_command;

pub use activity::{ActivityKind, ActivityRecord};
pub use any_record::{AnyRecord, LogKind, LogRecord};
pub use command::{CommandRecord, CommandStatus};
pub use context::{Actor, ContextRecord, Transport};
pub use event::EventRecord;
pub use log_entry::LogEntry;
pub use log_page::LogPage;
pub use message::MessageRecord;
pub use resume_token::{ParseResumeTokenError, ResumeToken};
pub use state::StateRecord;
pub use stored_command::StoredCommand;
