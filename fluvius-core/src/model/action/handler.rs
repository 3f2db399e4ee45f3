//! Running an action: from an erased state and command to a plain outcome.
//!
//! Generated code calls these functions and holds no logic of its own. Nothing here knows of
//! logs, versions or stores.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use serde::Serialize;

use super::ActionResult;
use crate::model::{ActionContext, Aggregate, Command, Rejection, SharedState, storable};
use fluvius_store::Json;
use fluvius_store::json::{self, JsonError};

/// A decoded command, shared between attempts and erased.
pub(crate) type SharedCommand = Arc<dyn Any + Send + Sync>;

/// Reads a payload into a command.
pub(crate) type Decode = fn(&Json) -> Result<Arc<dyn Any + Send + Sync>, JsonError>;

/// Writes what is kept of a command: all fields but the secret ones.
pub(crate) type Record = fn(&(dyn Any + Send + Sync)) -> Result<Json, JsonError>;

/// Runs a method on a copy of the state.
#[derive(Clone, Copy)]
pub enum Handler {
    /// A method that waits for nothing.
    Now(fn(Call<'_>, &mut ActionContext) -> Result<Outcome, Stop>),
    /// An `async` method.
    Later(for<'a> fn(Call<'a>, &'a mut ActionContext) -> BoxFuture<'a, Result<Outcome, Stop>>),
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Now(_) => "Now",
            Self::Later(_) => "Later",
        })
    }
}

/// What a handler is given: the state before, if the aggregate exists, and the command.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub(crate) state: Option<&'a SharedState>,
    pub(crate) command: &'a SharedCommand,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

#[expect(
    clippy::expect_used,
    reason = "a call whose types do not fit its descriptor is a fault of fluvius itself"
)]
impl<'a> Call<'a> {
    /// A copy of the command.
    ///
    /// # Panics
    /// When the command is of another type than the descriptor says.
    pub fn command<C: Command>(&self) -> C {
        self.command.downcast_ref::<C>().expect("a call holds the command of its action").clone()
    }

    /// A copy of the state.
    ///
    /// # Panics
    /// When there is none, or it is of another type.
    pub fn state<A: Aggregate>(&self) -> A {
        self.state_ref::<A>().clone()
    }

    /// The state.
    ///
    /// # Panics
    /// When there is none, or it is of another type.
    pub fn state_ref<A: Aggregate>(&self) -> &'a A {
        self.state
            .expect("only a creating action runs without a state")
            .downcast_ref::<A>()
            .expect("a call holds the state of its aggregate")
    }
}

/// What an action that succeeded leaves.
pub struct Outcome {
    /// The new state; `None`: the state before.
    pub(crate) next: Option<SharedState>,
    /// What the rule returned; `None`: the state is the answer.
    pub(crate) data: Option<Json>,
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome").finish_non_exhaustive()
    }
}

/// Why an action gave no outcome.
#[derive(Debug)]
pub enum Stop {
    /// The rule said no.
    Rejected {
        /// The author's code.
        code: String,
        /// The author's message.
        message: String,
        /// The author's error.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// What the rule returned cannot be kept.
    InvalidData(JsonError),
}

/// The outcome of a creating action.
pub fn created<A, R>(result: R) -> Result<Outcome, Stop>
where
    A: Aggregate,
    R: ActionResult<Data = A, Error: Rejection>,
{
    match result.into_result() {
        Ok(state) => Ok(Outcome { next: Some(Arc::new(state)), data: None }),
        Err(rejection) => Err(rejected(rejection)),
    }
}

/// The outcome of an action that has changed the state, and is answered with it.
pub fn changed<A, R>(state: A, result: R) -> Result<Outcome, Stop>
where
    A: Aggregate,
    R: ActionResult<Error: Rejection>,
{
    match result.into_result() {
        Ok(_) => Ok(Outcome { next: Some(Arc::new(state)), data: None }),
        Err(rejection) => Err(rejected(rejection)),
    }
}

/// The outcome of an action that has changed the state, and is answered with what it returned.
pub fn changed_with_data<T, A, R>(state: A, result: R) -> Result<Outcome, Stop>
where
    T: Serialize,
    A: Aggregate,
    R: ActionResult<Data = T, Error: Rejection>,
{
    let kept = kept_with_data(result)?;
    Ok(Outcome { next: Some(Arc::new(state)), ..kept })
}

/// The outcome of an action that has left the state as it was, and is answered with it.
pub fn kept<R: ActionResult<Error: Rejection>>(result: R) -> Result<Outcome, Stop> {
    match result.into_result() {
        Ok(_) => Ok(Outcome { next: None, data: None }),
        Err(rejection) => Err(rejected(rejection)),
    }
}

/// The outcome of an action that has left the state as it was, and is answered with what it
/// returned: `T`, as the return type is written.
pub fn kept_with_data<T, R>(result: R) -> Result<Outcome, Stop>
where
    T: Serialize,
    R: ActionResult<Data = T, Error: Rejection>,
{
    match result.into_result() {
        Ok(data) => {
            let data = json::encode(&data).map_err(Stop::InvalidData)?;
            Ok(Outcome { next: None, data: Some(data) })
        }
        Err(rejection) => Err(rejected(rejection)),
    }
}

/// Reads a payload into a command of type `C`.
pub fn decode_command<C: Command>(payload: &Json) -> Result<SharedCommand, JsonError> {
    Ok(Arc::new(payload.decode::<C>()?))
}

/// Writes what is kept of a command of type `C`.
///
/// # Panics
/// When the command is of another type.
#[expect(
    clippy::expect_used,
    reason = "a command of another type than its descriptor's is a fault of fluvius itself"
)]
pub fn record_command<C: Command>(command: &(dyn Any + Send + Sync)) -> Result<Json, JsonError> {
    command.downcast_ref::<C>().expect("a descriptor records commands of its own type").record()
}

fn rejected<E: Rejection>(rejection: E) -> Stop {
    Stop::Rejected {
        code: storable(rejection.code()),
        message: storable(&rejection.to_string()),
        source: Arc::new(rejection),
    }
}
