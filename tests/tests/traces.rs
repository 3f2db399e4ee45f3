//! Records of `tracing` and of `log`, at the level `trace`: none of them has a value of a state, of an argument or of an
//! answer. A binary of its own, since a program has one subscriber and one logger.
#![allow(missing_docs, reason = "a test binary has no readers of its documentation")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use fluvius_core::query::text;
use fluvius_core::verify::verify;
use fluvius_core::{
    ActionContext, Domain, DomainContext, MemoryStore, SimpleRejection, Store, aggregate,
};
use fluvius_postgres::PostgresStore;
use fluvius_sqlite::SqliteStore;
use fluvius_testing::servers::TestServer;
use serde::{Deserialize, Serialize};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use uuid::Uuid;

/// The value that no record may have, and its beginnings in other encodings.
const MARKER: &str = "zq-marker-7719";

/// A letter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Letter {
    text: String,
}

#[aggregate(resource = "letter", index(text: text))]
impl Letter {
    #[action(evt_key = "letter-written")]
    fn write_letter(text: String) -> Result<Self, SimpleRejection> {
        Ok(Self { text })
    }

    #[action(evt_key = "letter-continued")]
    async fn go_on(
        &mut self,
        cx: &mut ActionContext,
        text: String,
    ) -> Result<String, SimpleRejection> {
        cx.message("letter-changed", &text);
        self.text += &text;
        Ok(text)
    }

    #[action(evt_key = "letter-torn-up")]
    fn tear_up(&mut self, reason: String) -> Result<(), SimpleRejection> {
        self.text += &reason;
        Err(refusal())
    }
}

fn refusal() -> SimpleRejection {
    SimpleRejection::new("not-torn", "the letter stays")
}

/// Letters.
#[derive(Domain)]
#[domain(aggregates(Letter))]
struct LetterDomain;

/// All that was written by the subscriber and by the logger.
#[derive(Clone, Default)]
struct UpcastInput(Arc<Mutex<Vec<u8>>>);

impl UpcastInput {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for UpcastInput {
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

impl log::Log for UpcastInput {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        writeln!(self.clone(), "{}: {}", record.target(), record.args()).unwrap();
    }

    fn flush(&self) {}
}

#[test]
fn no_value_is_in_a_record_over_any_store() {
    let written = UpcastInput::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(written.clone())
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    log::set_boxed_logger(Box::new(written.clone())).unwrap();
    log::set_max_level(log::LevelFilter::Trace);

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        use_store(MemoryStore::new()).await;
        check(&written, "memory", "decide");
        let folder = tempfile::tempdir().unwrap();
        use_store(SqliteStore::open(folder.path().join("store.db")).await.unwrap()).await;
        check(&written, "SQLite", "commit");
        let Some(server) = TestServer::get() else { return };
        let schema = server.schema();
        use_store(PostgresStore::options().schema(schema.name()).open(schema.url()).await.unwrap())
            .await;
        // The client's records are there, with the parameters of a statement.
        check(&written, "PostgreSQL", "executing statement");
    });
}

#[track_caller]
fn check(written: &UpcastInput, store: &str, expected: &str) {
    let text = written.text();
    assert!(text.contains(expected), "{store}: no record `{expected}`");
    // A list of bytes shows it as numbers.
    let bytes = format!("{:?}", MARKER.as_bytes());
    let hidden = [MARKER, bytes.trim_matches(['[', ']'])];
    let line = text.lines().find(|line| hidden.iter().any(|marker| line.contains(marker)));
    assert_eq!(line, None, "a value is in a record over {store}");
}

/// Puts the marker into states, arguments, answers, messages and queries.
async fn use_store(store: impl Store + Clone) {
    // Without a cache states are read from the store.
    let builder = LetterDomain::builder(store.clone()).cache_capacity(0);
    let domain = builder.build().await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    let id = Uuid::new_v4();
    let marker = || MARKER.to_owned();
    for number in 0..8 {
        session.send(Uuid::from_u128(number), WriteLetter { text: marker() }).await.unwrap();
    }
    session.send(id, WriteLetter { text: marker() }).await.unwrap();
    session.send(id, GoOn { text: marker() }).await.unwrap();
    session.send(id, WriteLetter { text: marker() }).await.unwrap_err();
    session.send(id, TearUp { reason: marker() }).await.unwrap_err();
    let on = session.on(fluvius_core::AggregateId::new("letter", id));
    let by_key = on.create_command("go-on", serde_json::json!({ "text": MARKER })).unwrap();
    let both = tokio::join!(on.process_command(by_key.clone()), on.process_command(by_key));
    assert!(both.0.is_ok() && both.1.is_ok());
    let wrong = serde_json::json!({ "text": MARKER, MARKER: MARKER });
    assert!(on.process_command(on.create_command("go-on", wrong).unwrap()).await.is_err());

    let states = session.statemgr();
    let filter = text("text").eq(MARKER) | text("text").contains(MARKER);
    assert_eq!(states.find_all::<Letter>(filter).await.unwrap().len(), 9);
    assert_eq!(states.fetch::<Letter>(id).await.unwrap().text, MARKER.repeat(3));
    states.fetch_at::<Letter>(id, 1).await.unwrap();
    assert!(domain.log().events().await.unwrap().rows.len() >= 11);
    domain.log().messages().await.unwrap();
    assert!(verify(&store).await.unwrap().is_sound());
    domain.shutdown().await;
}
