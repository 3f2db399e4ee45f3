//! Metrics and spans: what is counted and traced, and that no argument is.

use std::sync::{Arc, Mutex};

use fluvius_core::{Domain, MemoryStore};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

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

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn every_stage_has_a_span_and_no_argument_is_in_one() {
    let written = Written::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(written.clone())
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(false)
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            let builder = PurseDomain::builder(MemoryStore::new()).cache_bytes_max(0);
            let domain = builder.record_refusals(false).build().await.unwrap();
            let (session, ids) = make(&domain, 1).await;
            session.send(ids[0], PutIn { coins: 424_242 }).await.unwrap();
            session.send(ids[0], TakeOut { coins: 424_242_000 }).await.unwrap_err();
            let on = session.on(fluvius_core::AggregateRoot::new("purse", ids[0]));
            let put_in = serde_json::json!({ "coins": 424_242 });
            session.process_command(on.create_command("put-in", put_in).unwrap()).await.unwrap();
        });
    });
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    for stage in ["decode", "authorize", "load", "decide", "commit", "recall", "publish", "command"]
    {
        let span = format!("{stage}{{");
        let bare = format!("{stage}:");
        assert!(text.contains(&span) || text.contains(&bare), "no span of {stage} in\n{text}");
    }
    assert!(!text.contains("424242"), "an argument is in a span:\n{text}");
}
