//! The commits of a store: batches go over one connection, in the order of the calls.
//!
//! [`writer`] owns the connection and the outcome of each call. [`batch_parts`] splits a batch into
//! calls. [`params`] prepares the parameters of a call, [`row_arrays`] its rows as arrays in the
//! binary form of [`composite_encoding`], and [`reply`] reads the outcomes. After version
//! conflicts, [`conflicts`] finds the units that abort. [`single_update`] commits a batch of one
//! command without these parts.

mod batch_parts;
mod composite_encoding;
mod conflicts;
mod params;
mod reply;
mod row_arrays;
mod single_update;
mod update_params;
mod writer;
mod writer_connection;

pub(crate) use self::single_update::SingleUpdate;
pub(crate) use self::writer::Writer;

/// The codes of outcomes that `commit_batch` returns.
mod outcome_code {
    pub(super) const COMMITTED: i32 = 0;
    pub(super) const MALFORMED: i32 = 1;
    pub(super) const DEPENDENCY_ABORTED: i32 = 2;
    pub(super) const DUPLICATE_COMMAND: i32 = 3;
    pub(super) const VERSION_CONFLICT: i32 = 4;
}
