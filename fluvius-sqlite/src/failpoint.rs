//! Failpoints: one after each statement of a commit that changes something. They exist in this
//! crate's own tests only.

#[cfg(test)]
use std::sync::Arc;

use crate::database_path::DatabasePath;
use crate::error::Fault;

/// A step of the writer.
#[cfg(test)]
#[derive(Clone, Copy)]
pub(crate) enum Step<'s> {
    /// A statement that SQLite begins to run; it is reported only.
    Statement(&'s str),
    Point(&'static str),
}

/// The action of a test at a step.
#[cfg(test)]
pub(crate) type Happens = dyn Fn(Step<'_>) -> Result<(), Fault> + Send + Sync;

/// The action of a test at the failpoints, if any.
#[cfg(test)]
#[derive(Clone, Default)]
pub(crate) struct Failpoint(pub(crate) Option<Arc<Happens>>);

#[cfg(test)]
impl std::fmt::Debug for Failpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Failpoint").finish_non_exhaustive()
    }
}

impl DatabasePath {
    /// Reaches a failpoint, at which a test may fail or panic.
    #[cfg(test)]
    pub(crate) fn reach(&self, point: &'static str) -> Result<(), Fault> {
        self.options.failpoint.0.as_ref().map_or(Ok(()), |happens| happens(Step::Point(point)))
    }

    /// Reports the statements of the writer's connection to a test.
    #[cfg(test)]
    pub(crate) fn watch(&self, connection: &mut rusqlite::Connection) -> Result<(), Fault> {
        use rusqlite::trace::{TraceEvent, TraceEventCodes};
        let Some(happens) = self.options.failpoint.0.clone() else { return Ok(()) };
        let see = move |event: TraceEvent<'_>| {
            if let TraceEvent::Stmt(_, sql) = event {
                let _ = happens(Step::Statement(sql));
            }
        };
        Ok(connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(see))?)
    }

    /// Reaches a failpoint; does nothing outside of tests.
    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "tests let it fail")]
    pub(crate) fn reach(&self, _point: &'static str) -> Result<(), Fault> {
        Ok(())
    }
}
