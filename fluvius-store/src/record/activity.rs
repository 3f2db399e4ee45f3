//! One row of the activity log: what was done, in words for people who audit.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::aggregate_id::AggregateId;
use crate::json::Json;

/// An activity, stored with the command that it belongs to. Never changed after it is stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActivityRecord {
    /// The activity's identifier.
    pub id: Uuid,
    /// The aggregate that it concerns.
    #[serde(flatten)]
    pub aggregate_id: AggregateId,
    /// The session's context.
    pub context_id: Uuid,
    /// The command that it belongs to.
    pub command_id: Uuid,
    /// What was done.
    pub message: Cow<'static, str>,
    /// Who does such things.
    pub kind: ActivityKind,
    /// A short heading.
    pub label: Option<Cow<'static, str>>,
    /// A code, for filters.
    pub code: Option<Cow<'static, str>>,
    /// Anything more.
    pub data: Option<Json>,
}

/// Who does the things that an activity tells of.
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
