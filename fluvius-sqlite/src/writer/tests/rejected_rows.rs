//! Rows that the database rejects: only their unit fails, and nothing of it is remembered.

use std::sync::Arc;

use fluvius_store::{AggregateId, CommitOutcome, Store, UnitOfWork};

use super::on_writer;
use super::units::{aggregate_id, commit, context, json, logs, unit};
use crate::SqliteStore;

/// Makes the database reject a second event with the same data.
const PLANTED: &str = "CREATE UNIQUE INDEX planted ON event (data)";

fn with_data(aggregate_id: &AggregateId, data: &str) -> UnitOfWork {
    let mut unit = unit(&context(), aggregate_id, 0);
    Arc::make_mut(&mut unit.events[0]).data = Some(json(data));
    unit
}

#[tokio::test]
async fn a_rejected_unit_is_stored_once_it_is_valid() {
    let store = SqliteStore::in_memory().await.unwrap();
    on_writer(&store, |connection| connection.execute_batch(PLANTED).unwrap()).await;
    commit(&store, with_data(&aggregate_id(), "1")).await;
    for rejected_at in 0..3 {
        let aggregate_ids = [aggregate_id(), aggregate_id(), aggregate_id()];
        let batch: Vec<UnitOfWork> = (0..3)
            .map(|at| {
                let other = format!("[{rejected_at},{at}]");
                with_data(&aggregate_ids[at], if at == rejected_at { "1" } else { &other })
            })
            .collect();
        let outcomes = store.commit(Arc::from(batch.clone())).await;
        for (at, outcome) in outcomes.iter().enumerate() {
            match outcome {
                CommitOutcome::Committed { .. } => assert_ne!(at, rejected_at),
                CommitOutcome::Failed(error) => {
                    assert!(at == rejected_at && !error.is_retryable(), "{at}: {error}");
                }
                outcome => panic!("{outcome:?}"),
            }
        }
        // The same unit, with other data.
        let mut valid = batch[rejected_at].clone();
        Arc::make_mut(&mut valid.events[0]).data = Some(json(&format!("[{rejected_at}]")));
        commit(&store, valid).await;
    }
    let found = fluvius_store::verify::verify(&store).await.unwrap();
    assert!(found.is_sound(), "{found}");
    assert_eq!(logs(&store).await.events.len(), 10);
}
