//! Actions: their static descriptions, and the functions that run them.

mod descriptor;
mod handler;
mod result;

pub use descriptor::{ActionDescriptor, FieldDescriptor, Lifecycle, Location};
pub use handler::{
    Call, Handler, Outcome, Stop, changed, changed_with_data, created, decode_command, kept,
    kept_with_data, record_command,
};
pub use result::{ActionResult, Answer, EventData, PayloadField, Returned};

pub(crate) use handler::SharedCommand;
