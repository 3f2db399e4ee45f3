//! The failure of a case.

use std::fmt;

/// The reason why a case fails.
///
/// It does not implement [`std::error::Error`], so that a case can use `?` on any type that does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFailure(String);

/// The result of a case.
pub type CaseResult = Result<(), CaseFailure>;

impl CaseFailure {
    /// Creates a failure with its reason.
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

/// Returns a failure unless a condition holds.
macro_rules! ensure {
    ($holds:expr, $($why:tt)+) => {
        if !$holds {
            return Err($crate::conformance::CaseFailure::new(format!($($why)+)));
        }
    };
}

pub(super) use ensure;

/// Checks that two values are equal. Otherwise the failure shows both, from shortly before the
/// first difference.
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

/// Number of characters shown before the first difference, and in total.
const SHOWN_BEFORE: usize = 60;
const SHOWN: usize = 400;
