//! Errors on the standard error output.

use std::error::Error as StdError;
use std::io::{self, Write as _};

use fluvius::Error;

/// Prints an error to the standard error output, which may be closed.
pub(crate) fn report(error: &(dyn StdError + 'static)) {
    let _ = writeln!(io::stderr(), "{}", describe(error));
}

/// Describes an error of the domain as `code: message`, with the author's code if an action has
/// rejected the command. Describes any other error with its causes.
fn describe(error: &(dyn StdError + 'static)) -> String {
    if let Some(error) = error.downcast_ref::<Error>() {
        return format!("{}: {error}", error.code());
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}
