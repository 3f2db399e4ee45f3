//! Reading the events of one aggregate. Closed aggregates are included.

use fluvius_core::{AggregateId, Error};

use super::{Caller, not_found};
use crate::output::{Event, Page};
use crate::problem::Problem;

/// Maximum number of events of a page.
pub(crate) const MAX_EVENTS: usize = 500;

/// A read of the events of an aggregate.
#[derive(Debug)]
pub(crate) struct HistoryRequest {
    pub(crate) resource: &'static str,
    pub(crate) aggregate_id: AggregateId,
    /// The version after which the page begins, in its order.
    pub(crate) after: Option<u64>,
    pub(crate) limit: usize,
    pub(crate) is_descending: bool,
}

impl HistoryRequest {
    /// Returns a page of the events, with their deltas.
    ///
    /// # Errors
    /// `not-found`; the problems of a read.
    pub(crate) async fn read(&self, caller: &Caller) -> Result<Page<Event>, Problem> {
        let unknown = || Problem::new("not-found", "unknown resource");
        let descriptor = caller.domain.descriptor(self.resource).ok_or_else(unknown)?;
        let Self { aggregate_id, after, limit, is_descending, .. } = self;
        let span = *limit as u64;
        let statemgr = caller.session().statemgr();
        let read = async {
            let row = statemgr.find_record_with_closed(aggregate_id).await?;
            let newest = row.ok_or_else(|| not_found(aggregate_id))?.version;
            let (first, last) = match (is_descending, after) {
                (false, after) => {
                    let first = after.unwrap_or(0).saturating_add(1);
                    (first, first.saturating_add(span - 1).min(newest))
                }
                (true, after) => {
                    let last = after.map_or(newest, |after| after.saturating_sub(1).min(newest));
                    (last.saturating_sub(span - 1).max(1), last)
                }
            };
            let mut events = match first <= last {
                true => statemgr.history(aggregate_id, first..=last).await?,
                false => Vec::new(),
            };
            let next = match is_descending {
                false => (last < newest && first <= last).then_some(last),
                true => (first > 1 && first <= last).then_some(first),
            };
            if *is_descending {
                events.reverse();
            }
            let rows = events.into_iter().map(|event| Event::of(event, descriptor, true));
            Ok::<_, Error>((rows.collect::<Result<Vec<_>, _>>()?, next))
        };
        let (rows, next) = read.await.map_err(|error| caller.problem(&error))?;
        Ok(Page { rows, next: next.map(|version| version.to_string()) })
    }
}
