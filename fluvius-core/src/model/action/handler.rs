//! Running an action: from a type-erased state and command to an outcome.
//!
//! Generated code only calls these functions. This module is independent of logs, versions and
//! stores.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use serde::Serialize;

use super::ActionResult;
use crate::model::{ActionContext, Aggregate, Command, Rejection, SharedState, storable};
use fluvius_store::Json;
use fluvius_store::json::{self, JsonError};

/// A decoded, type-erased command that all attempts share.
pub(crate) type SharedCommand = Arc<dyn Any + Send + Sync>;

/// A function that decodes a payload into a command.
pub(crate) type Decode = fn(&Json) -> Result<Arc<dyn Any + Send + Sync>, JsonError>;

/// A function that encodes the stored part of a command: all fields except secrets.
pub(crate) type Record = fn(&(dyn Any + Send + Sync)) -> Result<Json, JsonError>;

/// A function that runs a method on a copy of the state.
#[derive(Clone, Copy)]
pub enum Handler {
    /// A synchronous method.
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

/// The input of a handler: the command, and the state if the aggregate exists.
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
    /// Returns a copy of the command.
    ///
    /// # Panics
    /// If the command is not of the type of its descriptor.
    pub fn command<C: Command>(&self) -> C {
        self.command.downcast_ref::<C>().expect("a call holds the command of its action").clone()
    }

    /// Returns a copy of the state.
    ///
    /// # Panics
    /// If there is no state, or it is of another type.
    pub fn state<A: Aggregate>(&self) -> A {
        self.state_ref::<A>().clone()
    }

    /// Returns the state.
    ///
    /// # Panics
    /// If there is no state, or it is of another type.
    pub fn state_ref<A: Aggregate>(&self) -> &'a A {
        self.state
            .expect("only a creating action runs without a state")
            .downcast_ref::<A>()
            .expect("a call holds the state of its aggregate")
    }
}

/// The result of an action that succeeded.
pub struct Outcome {
    /// The new state; `None` if the state is unchanged.
    pub(crate) next: Option<SharedState>,
    /// The data that the action returned; `None` if the state is the answer.
    pub(crate) data: Option<Json>,
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome").finish_non_exhaustive()
    }
}

/// The reason for an action without an outcome.
#[derive(Debug)]
pub enum Stop {
    /// The action rejected the command.
    Rejected {
        /// The author's code.
        code: String,
        /// The author's message.
        message: String,
        /// The author's error.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// No store can keep the data that the action returned.
    InvalidData(JsonError),
}

/// Returns the outcome of an action that creates its aggregate.
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

/// Returns the outcome of an action that changed the state and answers with it.
pub fn updated<A, R>(state: A, result: R) -> Result<Outcome, Stop>
where
    A: Aggregate,
    R: ActionResult<Error: Rejection>,
{
    match result.into_result() {
        Ok(_) => Ok(Outcome { next: Some(Arc::new(state)), data: None }),
        Err(rejection) => Err(rejected(rejection)),
    }
}

/// Returns the outcome of an action that changed the state and answers with data.
pub fn updated_with_data<T, A, R>(state: A, result: R) -> Result<Outcome, Stop>
where
    T: Serialize,
    A: Aggregate,
    R: ActionResult<Data = T, Error: Rejection>,
{
    let kept = unchanged_with_data(result)?;
    Ok(Outcome { next: Some(Arc::new(state)), ..kept })
}

/// Returns the outcome of an action that left the state unchanged and answers with it.
pub fn unchanged<R: ActionResult<Error: Rejection>>(result: R) -> Result<Outcome, Stop> {
    match result.into_result() {
        Ok(_) => Ok(Outcome { next: None, data: None }),
        Err(rejection) => Err(rejected(rejection)),
    }
}

/// Returns the outcome of an action that left the state unchanged and answers with data: `T`, as
/// the return type is written.
pub fn unchanged_with_data<T, R>(result: R) -> Result<Outcome, Stop>
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

/// Decodes a payload into a command of type `C`.
pub fn decode_command<C: Command>(payload: &Json) -> Result<SharedCommand, JsonError> {
    Ok(Arc::new(payload.decode::<C>()?))
}

/// Encodes the stored part of a command of type `C`.
///
/// # Panics
/// If the command is of another type.
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
