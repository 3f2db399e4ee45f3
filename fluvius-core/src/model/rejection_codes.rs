//! The codes that an error type can reject a command with, as data.
//!
//! A list of codes is a constant of the error type. It may refer to the list of another error type,
//! so [`RejectionCodes`] resolves it at run time.

use serde::Serialize;

/// An entry of [`Rejection::CODES`](crate::Rejection::CODES).
///
/// # Examples
///
/// ```
/// use fluvius_core::{CodeInfo, Rejection, RejectionCode, RejectionCodes};
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("the seat is taken")]
/// struct SeatTaken;
///
/// impl Rejection for SeatTaken {
///     const CODES: Option<&'static [CodeInfo]> =
///         Some(&[CodeInfo::Own(RejectionCode::new("seat-taken", "the seat is taken"))]);
///
///     fn code(&self) -> &str {
///         "seat-taken"
///     }
/// }
///
/// let codes = RejectionCodes::from_type::<SeatTaken>();
/// assert_eq!((codes.codes[0].code, codes.codes[0].status), ("seat-taken", 409));
/// assert!(!codes.open);
/// ```
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum CodeInfo {
    /// A code of the type itself.
    Own(RejectionCode),
    /// The codes of the error in a transparent variant, as a function, since an error type may
    /// contain itself.
    Inner(fn() -> Option<&'static [CodeInfo]>),
    /// The codes of every action that the action may invoke.
    Invoked,
}

impl CodeInfo {
    /// Returns a code of the type itself. Called by generated code only.
    #[doc(hidden)]
    pub const fn of(
        code: &'static str,
        message: &'static str,
        status: u16,
        docs: &'static str,
    ) -> Self {
        Self::Own(RejectionCode::new(code, message).with_status(status).with_docs(docs))
    }
}

/// A code that an action can reject a command with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RejectionCode {
    /// The code, in kebab case.
    pub code: &'static str,
    /// The message, or the format string that it is made from. Empty if the error type does not
    /// state it in `#[error("..")]`.
    pub message: &'static str,
    /// The HTTP status of an answer with this code.
    pub status: u16,
    /// The author's documentation.
    pub docs: &'static str,
}

impl RejectionCode {
    /// The HTTP statuses that a rejection may have.
    pub const STATUSES: &'static [u16] = &[400, 402, 403, 409, 410, 422, 423, 451];

    /// Creates a code with the status 409 and without documentation.
    pub const fn new(code: &'static str, message: &'static str) -> Self {
        Self { code, message, status: 409, docs: "" }
    }

    /// Sets the HTTP status.
    ///
    /// # Panics
    /// Panics if the status is none of [`STATUSES`](Self::STATUSES). In a constant this is a build
    /// error.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        let mut at = 0;
        while at < Self::STATUSES.len() && Self::STATUSES[at] != status {
            at += 1;
        }
        assert!(
            at < Self::STATUSES.len(),
            "the HTTP status of a rejection is 400, 402, 403, 409, 410, 422, 423 or 451"
        );
        self.status = status;
        self
    }

    /// Sets the documentation.
    #[must_use]
    pub const fn with_docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }
}

/// The codes of an error type, with those of the errors inside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RejectionCodes {
    /// The codes, in the order of the variants. Variants may share a code.
    pub codes: Vec<RejectionCode>,
    /// Set if the codes of every invoked action are possible too.
    pub invoked: bool,
    /// Set if further codes are possible: the type, or an error inside it, does not list its codes.
    pub open: bool,
}

impl RejectionCodes {
    /// Returns the codes of an error type.
    pub fn from_type<E: super::Rejection>() -> Self {
        Self::from_entries(E::CODES)
    }

    /// Returns the codes of a list; `None` is an open list.
    pub fn from_entries(entries: Option<&'static [CodeInfo]>) -> Self {
        let mut found = Self::default();
        found.add(entries, &mut Vec::new());
        found
    }

    /// Adds a list unless it is one of `seen`, since an error type may contain itself.
    fn add(&mut self, entries: Option<&'static [CodeInfo]>, seen: &mut Vec<*const [CodeInfo]>) {
        let Some(entries) = entries else {
            self.open = true;
            return;
        };
        if seen.contains(&std::ptr::from_ref(entries)) {
            return;
        }
        seen.push(entries);
        for entry in entries {
            match entry {
                CodeInfo::Own(code) if self.codes.contains(code) => {}
                CodeInfo::Own(code) => self.codes.push(*code),
                CodeInfo::Inner(inner) => self.add(inner(), seen),
                CodeInfo::Invoked => self.invoked = true,
            }
        }
    }
}
