//! Spans and metrics.

mod metrics;
mod outage;
pub(crate) mod spans;

pub(crate) use metrics::Metrics;
pub(crate) use outage::{Outage, Outages};
