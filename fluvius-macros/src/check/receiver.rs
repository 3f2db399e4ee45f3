//! Checks of the receiver, which has one form for each step of the life cycle.

use crate::errors::Errors;
use crate::model::{Action, Receiver};

pub(crate) fn receiver(action: &Action, errors: &mut Errors) {
    if let Receiver::Other(written) = &action.receiver {
        errors.at(
            written,
            "the receiver declares the life cycle: write `&mut self` to change the aggregate, \
            `&self` to leave it as it is, `self` to close it, or no receiver to create it",
        );
    }
}
