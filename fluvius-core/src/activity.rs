//! An activity as an action writes it.

use std::borrow::Cow;

use fluvius_store::ActivityKind;

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
