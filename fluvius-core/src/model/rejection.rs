//! Rejections: the negative business answers of actions, after which nothing has changed.

use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error;
use std::fmt::{Debug, Display};

use crate::model::{CodeInfo, is_kebab};

/// A reason to reject a command: an error of an action, with a stable code in kebab case.
///
/// Derive it together with `thiserror::Error`. The code of a variant is its name in kebab case.
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
    message = "`{Self}` cannot reject a command: it is not a `Rejection`",
    label = "not a rejection",
    note = "the error of an action is an enum of your own with `#[derive(Debug, thiserror::Error, \
        Rejection)]`, one variant for each reason",
    note = "use `fluvius::SimpleRejection` in place of a text, and `Infallible` if the \
        action cannot fail"
)]
pub trait Rejection: Error + Send + Sync + 'static {
    /// The codes of this type, for documents about the actions that return it; `None` if any code
    /// is possible, as with [`SimpleRejection`].
    ///
    /// `#[derive(Rejection)]` lists the code of each variant, and the codes of the error in each
    /// transparent one. [`RejectionCodes`](crate::RejectionCodes) resolves the list.
    const CODES: Option<&'static [CodeInfo]> = None;

    /// Returns the code, which stays the same across releases.
    fn code(&self) -> &str;
}

/// A [`Rejection`] with all of its supertraits, used as the condition of generated impls. If an
/// author's `impl  Rejection` is for a type that is not an error, the compiler reports it at that
/// impl only.
#[doc(hidden)]
pub trait ActionError: Rejection {}

#[diagnostic::do_not_recommend]
impl<E: Rejection + Error + Debug + Display + Send + Sync + 'static> ActionError for E {}

impl Rejection for Infallible {
    const CODES: Option<&'static [CodeInfo]> = Some(&[]);

    fn code(&self) -> &str {
        match *self {}
    }
}

/// A ready-made rejection for actions without an error type of their own.
///
/// Its code is a value, so a document about an action cannot list the codes:
/// [`Rejection::CODES`] is `None`.
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
    /// Creates a rejection from a code and a message.
    ///
    /// # Panics
    /// Panics if the code is not kebab case or is one of the framework's
    /// ([`Error::CODES`](crate::Error::CODES)). In a constant this is a build error; in an action
    /// it ends the command with `panicked`.
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

    /// Replaces the message, for example with one built at run time.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// Restores a rejection from the command log.
    pub(crate) fn from_log(code: String, message: String) -> Self {
        Self { code: code.into(), message: message.into() }
    }
}

impl Rejection for SimpleRejection {
    fn code(&self) -> &str {
        &self.code
    }
}

/// Returns the code or message of a rejection in a form that every store can keep, so that a replay
/// from the log equals the first answer.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejection_code_must_be_kebab_case() {
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
