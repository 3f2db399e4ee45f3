//! Actions: their static descriptions, and the functions that run them.

mod descriptor;
mod handler;
mod result;

pub use descriptor::{ActionDescriptor, Deprecation, FieldDescriptor, Lifecycle, Location};
pub use handler::{
    Call, Handler, Outcome, Stop, created, decode_command, record_command, unchanged,
    unchanged_with_data, updated, updated_with_data,
};
pub use result::{ActionResult, Answer, EventData, PayloadField, Returned};

pub(crate) use handler::SharedCommand;
