//! Metrics: counters by outcome, durations and batch sizes.

use fluvius_core::{AggregateId, CommandBundle, Domain, MemoryStore, Session};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use serde_json::{Value, json};
use uuid::Uuid;

use fluvius_tests::purse::{PurseDomain, PutIn, TakeOut, make};

#[test]
fn commands_are_counted_by_outcome_and_batches_measured() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    metrics::with_local_recorder(&recorder, || {
        runtime.block_on(async {
            let domain = PurseDomain::runtime(MemoryStore::new()).await.unwrap();
            let (session, ids) = make(&domain, 1).await;
            session.send(ids[0], PutIn { coins: 1 }).await.unwrap();
            session.send(ids[0], TakeOut { coins: 1_000 }).await.unwrap_err();
            // The rejected command of a group is counted by its own code, the others as
            // `group-rejected`.
            let group = [
                command(&session, ids[0], "put-in", json!({ "coins": 1 })),
                command(&session, ids[0], "take-out", json!({ "coins": 1_000 })),
                command(&session, ids[0], "put-in", json!({ "coins": 1 })),
            ];
            session.process_atomic(group).await.unwrap_err();
            // The commands of a dry run are not counted, only its stages are measured.
            let dry_run = command(&session, ids[0], "put-in", json!({ "coins": 1 }));
            session.dry_run([dry_run]).await.unwrap();
            let undecoded = command(&session, ids[0], "put-in", json!({ "coins": "many" }));
            session.dry_run([undecoded]).await.unwrap_err();
            // A command that does not decode is counted, but has no duration.
            let coins = command(&session, ids[0], "put-in", json!({ "coins": "many" }));
            session.process_command(coins).await.unwrap_err();
        });
    });
    let mut counted = std::collections::BTreeMap::new();
    let mut measured = std::collections::BTreeMap::new();
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let labels: Vec<&str> = key.key().labels().map(metrics::Label::value).collect();
        let name = format!("{} {}", key.key().name(), labels.join(" "));
        match value {
            DebugValue::Counter(count) if count > 0 => drop(counted.insert(name, count)),
            DebugValue::Histogram(values) => drop(measured.insert(name, values.len())),
            _ => {}
        }
    }
    let expected = [
        // The domain, the kind and the outcome.
        ("fluvius_commands_total purse applied applied", 2),
        ("fluvius_commands_total purse invalid-request invalid-payload", 1),
        ("fluvius_commands_total purse rejected group-rejected", 2),
        ("fluvius_commands_total purse rejected rejected", 2),
    ];
    assert_eq!(counted.iter().map(|(name, n)| (name.as_str(), *n)).collect::<Vec<_>>(), expected);
    let expected = [
        ("fluvius_command_duration_seconds purse", 4),
        ("fluvius_commit_batch_size purse", 5),
        ("fluvius_stage_duration_seconds purse commit", 5),
        ("fluvius_stage_duration_seconds purse decide", 5),
    ];
    assert_eq!(measured.iter().map(|(name, n)| (name.as_str(), *n)).collect::<Vec<_>>(), expected);
}

fn command(session: &Session, purse: Uuid, key: &str, payload: Value) -> CommandBundle {
    session.aggregate(AggregateId::new("purse", purse)).create_command(key, payload).unwrap()
}
