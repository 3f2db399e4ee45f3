//! How a claim says that it does not hold.

use std::fmt;

/// Why a claim does not hold.
///
/// It is no [`std::error::Error`] itself, so that a claim may use `?` on every other one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFailure(String);

/// Whether a claim holds.
pub type CaseResult = Result<(), CaseFailure>;

impl CaseFailure {
    /// A claim that does not hold, and why.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for CaseFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for CaseFailure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Ends a claim where a condition does not hold.
macro_rules! ensure {
    ($holds:expr, $($why:tt)+) => {
        if !$holds {
            return Err($crate::conformance::CaseFailure::new(format!($($why)+)));
        }
    };
}

pub(super) use ensure;

/// Whether two things are equal; if not, what differs, from a little before the first difference.
pub(super) fn same<T: PartialEq + fmt::Debug + ?Sized>(
    what: &str,
    expected: &T,
    found: &T,
) -> CaseResult {
    if expected == found {
        return Ok(());
    }
    let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
    let equal = expected.chars().zip(found.chars()).take_while(|(one, other)| one == other);
    let start = equal.count().saturating_sub(SHOWN_BEFORE);
    let part = |text: &str| -> String { text.chars().skip(start).take(SHOWN).collect() };
    Err(CaseFailure::new(format!(
        "{what} differs from character {start} on:\nexpected ..{}..\nfound    ..{}..",
        part(&expected),
        part(&found)
    )))
}

/// How many characters are shown before the first difference, and how many in all.
const SHOWN_BEFORE: usize = 60;
const SHOWN: usize = 400;
