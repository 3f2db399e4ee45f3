//! Logs and histories that are longer than one part of a read.

use std::sync::Arc;

use fluvius_core::CommandRecord;
use fluvius_core::{
    CommandStatus, CommitOutcome, EventRecord, MessageRecord, RealmFilter, Store, UnitOfWork,
};
use fluvius_sqlite::SqliteStore;

use crate::units::{aggregate_id, all, context, unit};

const COUNT: u64 = 5_200;

#[tokio::test]
async fn long_logs_are_read_whole() {
    let store = SqliteStore::in_memory().await.unwrap();
    // Two aggregates and two realms, which alternate with different periods.
    let aggregate_ids = [aggregate_id(), aggregate_id()];
    let mut south = (*context()).clone();
    south.realm = Some("south".to_owned());
    let contexts = [context(), Arc::new(south)];
    let mut versions = [0, 0];
    let mut expected = Vec::new();
    for _ in 0..COUNT / 100 {
        let mut batch = Vec::new();
        for _ in 0..100 {
            let number = expected.len();
            let (of, realm) = (usize::from(number % 7 < 3), usize::from(number % 2_500 > 2_300));
            let mut unit = unit(&contexts[realm], &aggregate_ids[of], versions[of]);
            unit.activities.clear();
            versions[of] += 1;
            expected.push((of, realm, unit.commands[0].id));
            batch.push(unit);
        }
        for outcome in store.commit(Arc::from(batch)).await {
            assert!(matches!(outcome, CommitOutcome::Committed { .. }), "{outcome:?}");
        }
    }
    let whole = store.read_log::<EventRecord>(&all()).await.unwrap().rows;
    let positions: Vec<u64> = whole.iter().map(|row| row.position).collect();
    let realms = [
        RealmFilter::All,
        RealmFilter::Only(Some("north".into())),
        RealmFilter::Only(Some("south".into())),
    ];
    for of in [None, Some(0), Some(1)] {
        for (realm, filter) in realms.iter().enumerate() {
            for (after, limit) in [
                (0, usize::MAX),
                (0, 2_100),
                (positions[2_050], 1_999),
                (positions[3_100] - 1, usize::MAX),
                (positions[5_000], 7),
            ] {
                let query = all()
                    .aggregate_id(of.map(|of: usize| aggregate_ids[of].clone()))
                    .realm(filter.clone())
                    .after(after)
                    .limit(limit);
                let expected: Vec<_> = expected
                    .iter()
                    .zip(&positions)
                    .filter(|((aggregate_id, of_realm, _), position)| {
                        of.is_none_or(|of| of == *aggregate_id)
                            && (realm == 0 || realm == *of_realm + 1)
                            && **position > after
                    })
                    .map(|((.., id), _)| *id)
                    .take(limit)
                    .collect();
                let found = store.read_log::<EventRecord>(&query).await.unwrap().rows;
                let found: Vec<_> = found.iter().map(|row| row.record.command_id).collect();
                assert!(found == expected, "events: {query:?}");
                let found = store.read_log::<MessageRecord>(&query).await.unwrap().rows;
                let found: Vec<_> = found.iter().map(|row| row.record.command_id).collect();
                if after == 0 {
                    assert!(found == expected, "messages: {query:?}");
                }
                let found = store.read_log::<CommandRecord>(&query).await.unwrap().rows;
                let found: Vec<_> = found.iter().map(|row| row.record.id).collect();
                if after == 0 {
                    assert!(found == expected, "commands: {query:?}");
                }
            }
        }
    }
    for of in [0, 1] {
        for (first, last) in [(1, u64::MAX), (900, 2_100), (1_000, 2_000), (17, 17), (2_200, 9_999)]
        {
            let found = store.history(&aggregate_ids[of], first, last).await.unwrap();
            let found: Vec<u64> = found.iter().map(|row| row.record.version).collect();
            let expected: Vec<u64> = (first..=last.min(versions[of])).collect();
            assert!(found == expected, "the history from {first} to {last}");
        }
    }
}

/// The rows have consecutive positions, in one log.
#[tokio::test]
async fn no_row_is_lost_between_two_parts() {
    let store = SqliteStore::in_memory().await.unwrap();
    let (context, aggregate_id) = (context(), aggregate_id());
    let mut ids = Vec::new();
    for _ in 0..45 {
        let rejected = || {
            let mut unit = unit(&context, &aggregate_id, 0);
            Arc::make_mut(&mut unit.commands[0]).status = CommandStatus::Rejected;
            unit.expected.clear();
            unit.states.clear();
            unit.events.clear();
            unit.messages.clear();
            unit.activities.clear();
            unit
        };
        let batch: Vec<UnitOfWork> = (0..100).map(|_| rejected()).collect();
        ids.extend(batch.iter().map(|unit| unit.commands[0].id));
        for outcome in store.commit(batch.into()).await {
            assert!(matches!(outcome, CommitOutcome::Committed { .. }), "{outcome:?}");
        }
    }
    for aggregate_id in [None, Some(aggregate_id)] {
        let found =
            store.read_log::<CommandRecord>(&all().aggregate_id(aggregate_id)).await.unwrap().rows;
        let found: Vec<_> = found.iter().map(|row| row.record.id).collect();
        assert!(found == ids);
    }
}
