//! The cases, each a function of a harness.

pub(super) mod atomicity;
pub(super) mod bounds;
pub(super) mod closing;
pub(super) mod command_ids;
pub(super) mod comparisons;
pub(super) mod concurrency;
pub(super) mod contexts;
pub(super) mod dependencies;
pub(super) mod filters;
pub(super) mod indexes;
pub(super) mod leases;
mod log_checks;
pub(super) mod log_queries;
pub(super) mod logs;
pub(super) mod malformed;
pub(super) mod order;
pub(super) mod pages;
pub(super) mod reopening;
pub(super) mod resources;
pub(super) mod runtime;
pub(super) mod scans;
pub(super) mod values;
pub(super) mod versions;
pub(super) mod work;
mod work_checks;
