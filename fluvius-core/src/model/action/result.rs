//! The types that an action may return and those that its parameters may have.

use std::convert::Infallible;
use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The return type of an action: always a `Result`.
///
/// Implemented for `Result<T, E>` only, including aliases of it. The error must be a
/// [`Rejection`](crate::Rejection), which is a separate bound.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of an action",
    label = "not an action result",
    note = "return `Result<T, E>` where `E: Rejection`; `Result<T, Infallible>` where the action \
        cannot fail"
)]
pub trait ActionResult {
    /// The data of a success.
    type Data;
    /// The error: a rejection.
    type Error;

    #[doc(hidden)]
    fn into_result(self) -> Result<Self::Data, Self::Error>;
}

impl<T, E> ActionResult for Result<T, E> {
    type Data = T;
    type Error = E;

    fn into_result(self) -> Result<T, E> {
        self
    }
}

/// The data and the error of a return type that may be an alias. A type that is not a `Result` has
/// placeholders, so that only the assertion about it fails.
#[doc(hidden)]
pub trait Returned<const IS_RESULT: bool> {
    /// See [`ActionResult::Data`].
    type Data;
    /// See [`ActionResult::Error`].
    type Error;
}

impl<T, E> Returned<true> for Result<T, E> {
    type Data = T;
    type Error = E;
}

impl<R> Returned<false> for R {
    type Data = ();
    type Error = Infallible;
}

/// A type that a parameter of an action may have: owned, and readable and writable with serde.
///
/// Implemented for every type that qualifies.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of a command",
    label = "not a command field",
    note = "a parameter's type is `Clone + Debug + Serialize + DeserializeOwned + Send + Sync + \
        'static`: add `#[derive(Debug, Clone, Serialize, Deserialize)]` to it, and to each type \
        inside it",
    note = "a type of another crate that lacks one of these is wrapped in a struct of your own \
        that has them"
)]
pub trait PayloadField:
    Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

// Hides the blanket impl, so that the compiler names this trait once instead of each missing bound.
#[diagnostic::do_not_recommend]
impl<T> PayloadField for T where
    T: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

/// A type that an action with an event may return as the event's data.
///
/// Implemented for every type that qualifies.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the data of an event",
    label = "not event data",
    note = "what an action with an `evt_key` returns is stored with its event, so it is `Clone + \
        Debug + Serialize + DeserializeOwned + Send + Sync + 'static`: add `#[derive(Debug, Clone, \
        Serialize, Deserialize)]` to it, and to each type inside it"
)]
pub trait EventData: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static> EventData for T {}

/// A type that an action without an event may return.
///
/// Implemented for every type that qualifies.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an answer",
    label = "not an answer",
    note = "what an action returns is sent as JSON: add `#[derive(Serialize)]` to it, and to each \
        type inside it; `#[derive(Debug, Clone, Serialize, Deserialize)]`, if Rust code reads the \
        answer"
)]
pub trait Answer: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize> Answer for T {}
