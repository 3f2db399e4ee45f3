//! Rejections: a business rule said no, and nothing changed.

use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error;
use std::fmt::{Debug, Display};

/// Why a rule refuses a command: an error with a stable, kebab-case code.
///
/// Derive it beside `thiserror::Error`; each variant's code is its name in kebab case.
///
/// # Examples
///
/// ```
/// use fluvius_core::Rejection;
///
/// #[derive(Debug, thiserror::Error, Rejection)]
/// enum SeatError {
///     #[error("the seat is taken")]
///     SeatTaken,
///     #[error("row {0} does not exist")]
///     #[rejection(code = "no-such-row")]
///     Row(u32),
/// }
///
/// assert_eq!(SeatError::SeatTaken.code(), "seat-taken");
/// assert_eq!(SeatError::Row(40).code(), "no-such-row");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot refuse a command: it is no `Rejection`",
    label = "not a rejection",
    note = "the error of an action is an enum of your own with `#[derive(Debug, thiserror::Error, Rejection)]`, one \
            variant for each reason",
    note = "use `fluvius_core::Refused` in place of a text, and `Infallible` if the action cannot fail"
)]
pub trait Rejection: Error + Send + Sync + 'static {
    /// A code that stays the same across releases.
    fn code(&self) -> &str;
}

/// A [`Rejection`] that is all that its definition says. The condition of generated impls: an `impl Rejection` for a type
/// that is no error is reported where it stands, and these impls then add nothing.
#[doc(hidden)]
pub trait Refusal: Rejection {}

#[diagnostic::do_not_recommend]
impl<E: Rejection + Error + Debug + Display + Send + Sync + 'static> Refusal for E {}

impl Rejection for Infallible {
    fn code(&self) -> &str {
        match *self {}
    }
}

/// A ready-made rejection for rules that need no error type of their own.
///
/// # Examples
///
/// ```
/// use fluvius_core::{Refused, Rejection};
///
/// let refused = Refused::new("shop-closed", "the shop opens at nine");
/// assert_eq!(refused.code(), "shop-closed");
/// assert_eq!(refused.to_string(), "the shop opens at nine");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    code: Cow<'static, str>,
    message: Cow<'static, str>,
}

impl Refused {
    /// A rejection with this code and this message.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

impl Rejection for Refused {
    fn code(&self) -> &str {
        &self.code
    }
}

/// The code or message of a rule as every store can keep it, so that an answer that is given
/// again from the log is the first one.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}
