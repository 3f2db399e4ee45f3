//! Spans: every stage has one, and no argument is in it. A binary of its own, because what is
//! traced is decided once for all threads.
#![allow(missing_docs, reason = "a test binary has no readers of its documentation")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::{Arc, Mutex};

use fluvius_core::{Domain, DomainContext, MemoryStore, SimpleRejection, aggregate};
use serde::{Deserialize, Serialize};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use uuid::Uuid;

/// A purse of whole coins.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Purse {
    coins: i64,
}

#[aggregate(resource = "purse")]
impl Purse {
    #[action(evt_key = "purse-made")]
    fn make_purse(coins: i64) -> Result<Self, SimpleRejection> {
        Ok(Self { coins })
    }

    #[action(evt_key = "coins-put-in")]
    fn put_in(&mut self, coins: i64) -> Result<(), SimpleRejection> {
        self.coins += coins;
        Ok(())
    }

    #[action(evt_key = "coins-taken")]
    fn take_out(&mut self, coins: i64) -> Result<(), SimpleRejection> {
        self.coins = self.coins.checked_sub(coins).filter(|left| *left >= 0).ok_or_else(too_few)?;
        Ok(())
    }
}

fn too_few() -> SimpleRejection {
    SimpleRejection::new("too-few-coins", "there are not so many coins")
}

/// Purses.
#[derive(Domain)]
#[domain(aggregates(Purse))]
struct PurseDomain;

#[derive(Clone, Default)]
struct UpcastInput(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for UpcastInput {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for UpcastInput {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn every_stage_has_a_span_and_no_argument_is_in_one() {
    let written = UpcastInput::default();
    // For all threads: this binary has one test.
    let subscriber = tracing_subscriber::fmt()
        .with_writer(written.clone())
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::CLOSE)
        .with_ansi(false)
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    runtime.block_on(async {
        let builder = PurseDomain::builder(MemoryStore::new()).cache_capacity(0);
        let domain = builder.record_rejections(false).build().await.unwrap();
        let session = domain.session(DomainContext::create("test"));
        let ids = [Uuid::new_v4()];
        session.send(ids[0], MakePurse { coins: 100 }).await.unwrap();
        session.send(ids[0], PutIn { coins: 424_242 }).await.unwrap();
        session.send(ids[0], TakeOut { coins: 424_242_000 }).await.unwrap_err();
        let on = session.on(fluvius_core::AggregateId::new("purse", ids[0]));
        let put_in = serde_json::json!({ "coins": 424_242 });
        session.process_command(on.create_command("put-in", put_in).unwrap()).await.unwrap();
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
