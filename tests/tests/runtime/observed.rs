//! Metrics: what is counted and measured.

use fluvius_core::{Domain, MemoryStore};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

use crate::gated_account::{PurseDomain, PutIn, TakeOut, make};

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
    let expected =
        [("fluvius_commands_total purse applied", 2), ("fluvius_commands_total purse rejected", 1)];
    assert_eq!(counted.iter().map(|(name, n)| (name.as_str(), *n)).collect::<Vec<_>>(), expected);
    let expected = [
        ("fluvius_command_seconds purse", 3),
        ("fluvius_commit_batch_units purse", 3),
        ("fluvius_stage_seconds purse commit", 3),
        ("fluvius_stage_seconds purse decide", 3),
    ];
    assert_eq!(measured.iter().map(|(name, n)| (name.as_str(), *n)).collect::<Vec<_>>(), expected);
}
