//! The activities that actions record.

use std::borrow::Cow;

use fluvius_store::ActivityKind;

/// An activity to be added to the activity log. The action context supplies the remaining columns
/// of its row.
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
    /// Description of the activity.
    pub message: Cow<'static, str>,
    /// Kind of actor.
    pub kind: ActivityKind,
    /// Short heading.
    pub label: Option<Cow<'static, str>>,
    /// Code to filter by.
    pub code: Option<Cow<'static, str>>,
    /// Additional data.
    pub data: Option<serde_json::Value>,
}

impl Activity {
    /// Creates an activity of a person, with a message.
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
            kind: ActivityKind::default(),
            label: None,
            code: None,
            data: None,
        }
    }

    /// Sets the kind of actor.
    #[must_use]
    pub fn kind(mut self, kind: ActivityKind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets the short heading.
    #[must_use]
    pub fn label(mut self, label: impl Into<Cow<'static, str>>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Sets the code to filter by.
    #[must_use]
    pub fn code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Sets additional data.
    #[must_use]
    pub fn data(mut self, data: serde_json::Value) -> Self {
        self.data = Some(data);
        self
    }
}
