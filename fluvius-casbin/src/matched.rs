//! The rule that matched a request. The feature `explain` of casbin tells it too, but needs that
//! for logging, with a dozen more crates.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use casbin::function_map::OperatorFunction;
use casbin::rhai::Dynamic;
use casbin::{CoreApi, Enforcer};

/// The name of a value that the requests and rules for casbin have in addition. A model cannot have
/// it, as its names start with a letter.
pub(crate) const LINE: &str = "__line";

/// Extends a matcher, so that it reports each rule that matches.
pub(crate) fn reporting(matcher: &str) -> String {
    format!("({matcher}) && __matched(r.{LINE}, p.{LINE})")
}

/// Adds the function that [`reporting`] calls.
pub(crate) fn register(enforcer: &mut Enforcer) {
    enforcer.add_function("__matched", OperatorFunction::Arg2(report));
}

fn report(matched: Dynamic, line: Dynamic) -> Dynamic {
    if let (Some(matched), Ok(line)) = (matched.try_cast::<MatchedLine>(), line.into_string())
        && let Ok(line) = line.parse()
    {
        matched.line.store(line, Ordering::Relaxed);
    }
    Dynamic::TRUE
}

/// The line of the last rule that matched one request.
#[derive(Clone, Default)]
pub(crate) struct MatchedLine {
    line: Arc<AtomicUsize>,
}

impl MatchedLine {
    /// Returns the value of the request.
    pub(crate) fn to_value(&self) -> Dynamic {
        Dynamic::from(self.clone())
    }

    /// Returns the line, from 1; `None` if no rule matched.
    pub(crate) fn get(&self) -> Option<usize> {
        match self.line.load(Ordering::Relaxed) {
            0 => None,
            line => Some(line),
        }
    }
}
