//! An activity as an action writes it.

use std::borrow::Cow;

use fluvius_store::ActivityKind;

/// An activity as an action writes it. The context adds the rest of its row.
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
    /// Text of what was done.
    pub message: Cow<'static, str>,
    /// Kind of actor that did it.
    pub kind: ActivityKind,
    /// Short heading.
    pub label: Option<Cow<'static, str>>,
    /// Code for filters.
    pub code: Option<Cow<'static, str>>,
    /// Further data.
    pub data: Option<serde_json::Value>,
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
