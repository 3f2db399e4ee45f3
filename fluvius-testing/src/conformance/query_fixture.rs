//! Aggregates with given states, for cases about queries.

use super::case_failure::{CaseFailure, CaseResult, same};
use super::draft::json;
use super::handle::Handle;
use super::harness::Harness;
use fluvius_store::query::{Filter, SortKey};
use fluvius_store::{AggregateId, StateQuery, StateRecord, Store, UnitOfWork};

/// Aggregates of one resource, numbered in the order of creation. Their ids are in another order.
pub(super) struct Shelf {
    pub(super) store: Handle,
    pub(super) aggregate_ids: Vec<AggregateId>,
}

impl Shelf {
    /// Stores an aggregate for each state.
    pub(super) async fn of(
        harness: &Harness,
        states: &[impl AsRef<str> + Sync],
    ) -> Result<Self, CaseFailure> {
        let store = harness.open().await;
        let context = harness.context();
        let mut aggregate_ids = Vec::new();
        let mut batch: Vec<UnitOfWork> = Vec::new();
        for state in states {
            let aggregate_id = harness.aggregate_id();
            let draft = harness.draft(&context, &aggregate_id);
            batch.push(draft.sets(&aggregate_id, 0, json(state.as_ref())).done());
            aggregate_ids.push(aggregate_id);
        }
        for units in batch.chunks(100) {
            for outcome in harness.commit(&store, units.to_vec()).await? {
                super::outcomes::committed("an aggregate of the case", &outcome)?;
            }
        }
        Ok(Self { store, aggregate_ids })
    }

    /// Runs a query. Returns the numbers of the rows.
    pub(super) async fn ask(&self, query: &StateQuery) -> Result<Vec<usize>, CaseFailure> {
        let rows = self.store.query(query).await?;
        rows.iter().map(|row| self.number(row)).collect()
    }

    pub(super) fn number(&self, row: &StateRecord) -> Result<usize, CaseFailure> {
        let number =
            self.aggregate_ids.iter().position(|aggregate_id| *aggregate_id == row.aggregate_id);
        number.ok_or_else(|| {
            CaseFailure::new(format!("a row of {}, which was not stored", row.aggregate_id))
        })
    }

    /// Checks the truth value of a filter for each aggregate: the filter finds those where it is
    /// true, and its negation finds those where it is false.
    pub(super) async fn check(
        &self,
        filter: &Filter,
        is_true: impl Fn(usize) -> bool,
        is_unknown: impl Fn(usize) -> bool,
    ) -> CaseResult {
        let numbers = 0..self.aggregate_ids.len();
        let expected = numbers.clone().filter(|number| is_true(*number)).collect();
        self.check_finds(filter.clone(), expected).await?;
        let expected = numbers.filter(|number| !is_true(*number) && !is_unknown(*number));
        self.check_finds(!filter.clone(), expected.collect()).await
    }

    /// Checks that a filter finds exactly these aggregates.
    pub(super) async fn check_finds(&self, filter: Filter, expected: Vec<usize>) -> CaseResult {
        let mut found = self.ask(&query(filter.clone(), &[])).await?;
        found.sort_unstable();
        same(&format!("what is found by {filter:?}"), &expected, &found)
    }
}

/// Returns a query for all aggregates that match a filter, in this order.
pub(super) fn query(filter: Filter, sort: &[SortKey]) -> StateQuery {
    StateQuery::for_resource("conformance", usize::MAX).filter(filter).sort(sort.to_vec())
}
