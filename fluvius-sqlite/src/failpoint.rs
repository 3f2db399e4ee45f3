//! Points of a commit at which a test lets it fail: one behind every statement that changes anything.
//! Outside of this crate's own tests there are none.

#[cfg(test)]
use std::sync::Arc;

use crate::database_path::DatabasePath;
use crate::error::Fault;

/// What the writer comes to.
#[cfg(test)]
#[derive(Clone, Copy)]
pub(crate) enum Step<'s> {
    /// A statement that SQLite begins to run; it can only be seen.
    Statement(&'s str),
    Point(&'static str),
}

/// What happens at a step.
#[cfg(test)]
pub(crate) type Happens = dyn Fn(Step<'_>) -> Result<(), Fault> + Send + Sync;

/// What a test lets happen at the points, if anything.
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
    /// A commit comes to a point; tests may let it fail or panic there.
    #[cfg(test)]
    pub(crate) fn reach(&self, point: &'static str) -> Result<(), Fault> {
        self.options.failpoint.0.as_ref().map_or(Ok(()), |happens| happens(Step::Point(point)))
    }

    /// Lets a test see the statements of the writer's connection.
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

    /// A commit comes to a point, where nothing happens outside of tests.
    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "tests let it fail")]
    pub(crate) fn reach(&self, _point: &'static str) -> Result<(), Fault> {
        Ok(())
    }
}
