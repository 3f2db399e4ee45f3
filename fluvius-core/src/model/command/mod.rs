//! Commands: requests to run an action, typed or by key.

mod bundle;

use crate::model::Sealed;
use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use bundle::CommandBundle;

use crate::model::Aggregate;
use crate::model::{ActionDescriptor, Handler};
use fluvius_store::Json;
use fluvius_store::json::{self, JsonError};

/// A request to run one action: a struct with the action's parameters as fields.
///
/// Implemented by [`#[aggregate]`](macro@crate::aggregate), not by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a command",
    label = "not a command",
    note = "a command is the struct that `#[aggregate]` makes of a method with `#[action]`: \
        `DepositMoney {{ .. }}` of `fn deposit_money`, and no event and no enum of all commands"
)]
pub trait Command:
    Sealed + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    /// The aggregate type whose action it runs.
    type Aggregate: Aggregate;
    /// The data of the response: an `Arc` of the aggregate type if the method returns `()` or
    /// `Self`, else the data that the method returns.
    type Output;
    /// The action.
    const ACTION: &'static ActionDescriptor;
    /// The function that runs the method.
    #[doc(hidden)]
    const RUN: Handler;

    /// Encodes the stored part of the command: all fields except secrets.
    ///
    /// # Errors
    /// An error with the path of a value that no store can keep.
    #[doc(hidden)]
    fn record(&self) -> Result<Json, JsonError> {
        json::encode(self)
    }
}
