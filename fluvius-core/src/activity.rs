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

/// An activity as a rule writes it; the context adds the rest.
///
/// # Examples
///
/// ```
/// use fluvius_core::{Activity, ActivityKind};
///
/// let activity = Activity::new("looked at the balance")
///     .kind(ActivityKind::AppRequest)
///     .code("balance-read");
/// ```
#[derive(Debug, Clone)]
pub struct Activity {
    pub(crate) message: Cow<'static, str>,
    pub(crate) kind: ActivityKind,
    pub(crate) label: Option<Cow<'static, str>>,
    pub(crate) code: Option<Cow<'static, str>>,
    pub(crate) data: Option<serde_json::Value>,
}

impl Activity {
    /// An activity of a person.
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
            kind: ActivityKind::default(),
            label: None,
            code: None,
            data: None,
        }
    }

    /// Who does such things.
    #[must_use]
    pub fn kind(mut self, kind: ActivityKind) -> Self {
        self.kind = kind;
        self
    }

    /// A short heading.
    #[must_use]
    pub fn label(mut self, label: impl Into<Cow<'static, str>>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// A code, for filters.
    #[must_use]
    pub fn code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Anything more.
    #[must_use]
    pub fn data(mut self, data: serde_json::Value) -> Self {
        self.data = Some(data);
        self
    }
}
