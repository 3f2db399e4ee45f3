//! Panics of the test kit, caught with their location.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static CAUGHT: RefCell<Option<Vec<PanicLocation>>> = const { RefCell::new(None) };
}

/// Location of a panic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PanicLocation {
    pub file: String,
    pub line: u32,
}

/// Runs a closure that panics. Returns the message and the location; prints nothing.
pub fn failure<T>(run: impl FnOnce() -> T) -> (String, PanicLocation) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |info| {
            let location = info.location().map(|location| PanicLocation {
                file: location.file().to_owned(),
                line: location.line(),
            });
            let is_caught = CAUGHT.with_borrow_mut(|caught| match caught {
                Some(locations) => {
                    locations.extend(location);
                    true
                }
                None => false,
            });
            if !is_caught {
                usual(info);
            }
        }));
    });
    CAUGHT.set(Some(Vec::new()));
    let panic = catch_unwind(AssertUnwindSafe(run)).err();
    let locations = CAUGHT.take().unwrap();
    let panic = panic.expect("it panics");
    let message = match panic.downcast::<String>() {
        Ok(message) => *message,
        Err(panic) => (*panic.downcast::<&str>().unwrap()).to_owned(),
    };
    (message, locations[0].clone())
}

/// Maximum of lines of a check, from its call to the end of its closure.
const LINES_OF_A_CHECK: u32 = 12;

/// Checks the message of a panic, and that its location is in the closure.
#[track_caller]
pub fn check_failure<T>(expected: &str, run: impl FnOnce() -> T) {
    let caller = std::panic::Location::caller();
    let (message, location) = failure(run);
    assert_eq!(message.trim_end(), expected.trim_end(), "{message}");
    let lines = caller.line()..caller.line() + LINES_OF_A_CHECK;
    assert_eq!(location.file, caller.file());
    assert!(lines.contains(&location.line), "{location:?} is outside the check at {caller}");
}
