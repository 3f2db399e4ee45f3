//! Rejections: an action said no, and nothing changed.

use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error;
use std::fmt::{Debug, Display};

use crate::model::is_kebab;

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
    note = "use `fluvius_core::SimpleRejection` in place of a text, and `Infallible` if the action cannot fail"
)]
pub trait Rejection: Error + Send + Sync + 'static {
    /// A code that stays the same across releases.
    fn code(&self) -> &str;
}

/// A [`Rejection`] that is all that its definition says. The condition of generated impls: an `impl Rejection` for a type
/// that is no error is reported where it stands, and these impls then add nothing.
#[doc(hidden)]
pub trait ActionError: Rejection {}

#[diagnostic::do_not_recommend]
impl<E: Rejection + Error + Debug + Display + Send + Sync + 'static> ActionError for E {}

impl Rejection for Infallible {
    fn code(&self) -> &str {
        match *self {}
    }
}

/// A ready-made rejection for actions that need no error type of their own.
///
/// # Examples
///
/// ```
/// use fluvius_core::{SimpleRejection, Rejection};
///
/// // In a constant, a code that is not kebab case is a build error.
/// const SHOP_CLOSED: SimpleRejection = SimpleRejection::new("shop-closed", "the shop is closed");
/// assert_eq!(SHOP_CLOSED.code(), "shop-closed");
/// assert_eq!(SHOP_CLOSED.to_string(), "the shop is closed");
///
/// let opens_at = 9;
/// let rejection = SHOP_CLOSED.with_message(format!("the shop opens at {opens_at}"));
/// assert_eq!(rejection.to_string(), "the shop opens at 9");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SimpleRejection {
    code: Cow<'static, str>,
    message: Cow<'static, str>,
}

impl SimpleRejection {
    /// Returns a rejection with a code and a message.
    ///
    /// # Panics
    /// If the code is not kebab case or is a code of the framework ([`Error::CODES`](crate::Error::CODES)). In a constant this is a build error;
    /// in an action it ends the command with `panicked`.
    pub const fn new(code: &'static str, message: &'static str) -> Self {
        assert!(
            is_kebab(code),
            "the code of a rejection is kebab case, such as `insufficient-funds`"
        );
        assert!(
            !crate::error::Error::is_framework_code(code),
            "the code of a rejection is none of the framework's, such as `not-found`"
        );
        Self { code: Cow::Borrowed(code), message: Cow::Borrowed(message) }
    }

    /// Replaces the message, such as by one that is made at run time.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// Makes a rejection of what the command log has.
    pub(crate) fn from_log(code: String, message: String) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

impl Rejection for SimpleRejection {
    fn code(&self) -> &str {
        &self.code
    }
}

/// The code or message of a rule as every store can keep it, so that an answer that is given
/// again from the log is the first one.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_kebab_case_is_a_code() {
        for code in ["a", "too-few-coins", "row-7", "b2b"] {
            assert_eq!(SimpleRejection::new(code, "no").code(), code);
        }
        for code in [
            "",
            "-",
            "a-",
            "-a",
            "a--b",
            "7-rows",
            "Too-few",
            "too_few",
            "too few",
            "zu-gro\u{df}",
            "bad\0code",
        ] {
            assert!(
                std::panic::catch_unwind(|| SimpleRejection::new(code, "no")).is_err(),
                "{code:?}"
            );
        }
    }
}
