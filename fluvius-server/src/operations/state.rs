//! Reading the state of one aggregate.

use fluvius_core::chrono::{DateTime, FixedOffset};
use fluvius_core::{AggregateId, Error, PointInTime, StateRecord};

use super::{Caller, not_found};
use crate::output::State;
use crate::problem::Problem;

/// A read of the state of an aggregate.
#[derive(Debug)]
pub(crate) struct StateRequest {
    pub(crate) aggregate_id: AggregateId,
    pub(crate) at_version: Option<u64>,
    pub(crate) at_time: Option<DateTime<FixedOffset>>,
    /// Set to read the newest state of a closed aggregate too.
    pub(crate) with_closed: bool,
}

impl StateRequest {
    /// Returns the state: the newest one, or that at a version or a time.
    ///
    /// # Errors
    /// `invalid-parameter` for a version and a time; `not-found`; the problems of a read.
    pub(crate) async fn read(&self, caller: &Caller) -> Result<State, Problem> {
        let point = match (self.at_version, self.at_time) {
            (Some(_), Some(_)) => {
                let detail = "a state has `at_version` or `at_time`, not both";
                return Err(Problem::parameter(detail));
            }
            (Some(version), None) => Some(PointInTime::Version(version)),
            (None, Some(time)) => Some(PointInTime::Time(time.to_utc())),
            (None, None) => None,
        };
        let row = match point {
            Some(point) => self.at(caller, point).await,
            None => self.newest(caller).await,
        };
        let row = row.map_err(|error| caller.problem(&error))?;
        let aggregate = caller.domain.descriptor(&row.aggregate_id.resource);
        let aggregate = aggregate.ok_or_else(|| Problem::new("not-found", "unknown resource"))?;
        State::of(&row, aggregate).map_err(|error| caller.problem(&error))
    }

    /// Returns the newest row, that of a closed aggregate only if it is asked for.
    async fn newest(&self, caller: &Caller) -> Result<StateRecord, Error> {
        let statemgr = caller.session().statemgr();
        if !self.with_closed {
            return statemgr.fetch_record(&self.aggregate_id).await;
        }
        let row = statemgr.find_record_with_closed(&self.aggregate_id).await?;
        row.ok_or_else(|| not_found(&self.aggregate_id))
    }

    async fn at(&self, caller: &Caller, point: PointInTime) -> Result<StateRecord, Error> {
        let row = caller.session().statemgr().find_record_at(&self.aggregate_id, point).await?;
        // The newest version of a closed aggregate is not told, as for one of another realm.
        let aggregate_id = || self.aggregate_id.clone();
        row.ok_or_else(|| Error::NotFoundAt { aggregate_id: aggregate_id(), point, newest: None })
    }
}
