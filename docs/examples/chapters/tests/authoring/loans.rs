//! A type of rejections.

// ANCHOR: rejections
use fluvius::{ContextError, Rejection};

#[derive(Debug, thiserror::Error, Rejection)]
pub enum LoanError {
    /// The code is `already-lent`.
    #[error("the book is lent already")]
    AlreadyLent,
    /// Codes are data once they are released: a renamed variant keeps its old code.
    #[error("this reader has too many books")]
    #[rejection(code = "limit-reached")]
    TooManyBooks,
    /// An error of the context; the sender gets its own code.
    #[error(transparent)]
    #[rejection(transparent)]
    Context(#[from] ContextError),
}

#[test]
fn each_variant_has_a_code() {
    assert_eq!(LoanError::AlreadyLent.code(), "already-lent");
    assert_eq!(LoanError::TooManyBooks.code(), "limit-reached");
}
// ANCHOR_END: rejections
