//! Work rows: mutable data about work on the logs, such as checkpoints.
//!
//! The logs never change. The progress of their readers does, so it is in rows of its own: the
//! checkpoint of each partition of a subscription, the process that owns it, the deliveries that
//! were set aside. The store knows none of these meanings. It keeps a JSON document for each key,
//! and writes it only if the row is as the writer has read it.
//!
//! A write needs the [token](WorkRow::token) of the row. Each write gives the row a new token, and
//! no token is ever given twice. So a process that has lost a row to another one cannot write it
//! any more, however late its write arrives. Safety rests on this alone, and never on clocks.

mod announcement;
mod capabilities;
mod incarnation;
mod query;
mod row;
mod unit;

pub use announcement::Announcement;
pub use capabilities::Capabilities;
pub use incarnation::Incarnation;
pub use query::{WorkPage, WorkQuery};
pub use row::{WorkKey, WorkRow};
pub use unit::{WorkChange, WorkOutcome, WorkUnit, WorkWrite};
