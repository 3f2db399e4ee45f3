//! A row of the activity log: a description of what was done, for auditors.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::aggregate_id::AggregateId;
use crate::json::Json;

/// An activity, stored with its command. The row never changes after it is stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ActivityRecord {
    /// The activity's identifier.
    pub id: Uuid,
    /// The aggregate of the activity.
    #[serde(flatten)]
    pub aggregate_id: AggregateId,
    /// The session's context.
    pub context_id: Uuid,
    /// The command of the activity.
    pub command_id: Uuid,
    /// A description of what was done.
    pub message: Cow<'static, str>,
    /// The kind of actor.
    pub kind: ActivityKind,
    /// A short heading.
    pub label: Option<Cow<'static, str>>,
    /// A code, for filters.
    pub code: Option<Cow<'static, str>>,
    /// Additional data.
    pub data: Option<Json>,
}

impl ActivityRecord {
    /// Returns the row of a user's activity, without label, code and data.
    pub fn new(
        id: Uuid,
        aggregate_id: AggregateId,
        context_id: Uuid,
        command_id: Uuid,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            id,
            aggregate_id,
            context_id,
            command_id,
            message: message.into(),
            kind: ActivityKind::UserAction,
            label: None,
            code: None,
            data: None,
        }
    }
}

/// The kind of actor that an activity describes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActivityKind {
    /// A person.
    #[default]
    UserAction,
    /// Another program.
    AppRequest,
    /// The system itself.
    SystemCall,
}
