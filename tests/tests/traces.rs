//! Records of `tracing` and of `log` at the level `trace`: none has a value of a state, an argument
//! or a response.
//!
//! A suite of its own: it captures the records of all threads, the stores' included, and a program
//! has one subscriber and one logger. The behaviour suite captures those of single tests.
#![allow(missing_docs, reason = "the name of a test is its documentation")]
#![allow(clippy::unwrap_used, reason = "a panic ends the test")]

use std::io::Write;

use fluvius_core::query::Field;
use fluvius_core::verify::verify;
use fluvius_core::{
    ActionContext, Domain, DomainContext, MemoryStore, SimpleRejection, Store, aggregate,
};
use fluvius_postgres::PostgresStore;
use fluvius_sqlite::SqliteStore;
use fluvius_testing::servers::TestServer;
use fluvius_tests::trace::CapturedOutput;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A value that no record may contain.
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
        Err(rejection())
    }
}

fn rejection() -> SimpleRejection {
    SimpleRejection::new("not-torn", "the letter stays")
}

/// Letters.
#[derive(Domain)]
#[domain(aggregates(Letter))]
struct LetterDomain;

/// A logger that adds its records to the captured output.
struct Logger(CapturedOutput);

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        writeln!(self.0.clone(), "{}: {}", record.target(), record.args()).unwrap();
    }

    fn flush(&self) {}
}

#[test]
fn records_have_no_values_over_any_store() {
    let output = CapturedOutput::of_all_threads();
    log::set_boxed_logger(Box::new(Logger(output.clone()))).unwrap();
    log::set_max_level(log::LevelFilter::Trace);

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        use_store(MemoryStore::new()).await;
        check(&output, "memory", "decide");
        let folder = tempfile::tempdir().unwrap();
        use_store(SqliteStore::open(folder.path().join("store.db")).await.unwrap()).await;
        check(&output, "SQLite", "commit");
        let Some(server) = TestServer::get() else { return };
        let schema = server.schema();
        use_store(PostgresStore::options().schema(schema.name()).open(schema.url()).await.unwrap())
            .await;
        // The records of the client contain the parameters of a statement.
        check(&output, "PostgreSQL", "executing statement");
    });
}

#[track_caller]
fn check(output: &CapturedOutput, store: &str, expected: &str) {
    let text = output.text();
    assert!(text.contains(expected), "{store}: no record `{expected}`");
    // The same value as a list of bytes.
    let bytes = format!("{:?}", MARKER.as_bytes());
    let hidden = [MARKER, bytes.trim_matches(['[', ']'])];
    let line = text.lines().find(|line| hidden.iter().any(|marker| line.contains(marker)));
    assert_eq!(line, None, "a record over {store} contains a value");
}

/// Puts the marker into states, arguments, answers, messages and queries.
async fn use_store(store: impl Store + Clone) {
    // Without a cache, states are read from the store.
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
    let on = session.aggregate(fluvius_core::AggregateId::new("letter", id));
    let by_key = on.create_command("go-on", serde_json::json!({ "text": MARKER })).unwrap();
    let both = tokio::join!(on.process_command(by_key.clone()), on.process_command(by_key));
    assert!(both.0.is_ok() && both.1.is_ok());
    let wrong = serde_json::json!({ "text": MARKER, MARKER: MARKER });
    assert!(on.process_command(on.create_command("go-on", wrong).unwrap()).await.is_err());

    let states = session.statemgr();
    let filter = Field::text("text").eq(MARKER) | Field::text("text").contains(MARKER);
    assert_eq!(states.find_all::<Letter>(filter).await.unwrap().len(), 9);
    assert_eq!(states.fetch::<Letter>(id).await.unwrap().text, MARKER.repeat(3));
    states.fetch_at::<Letter>(id, 1).await.unwrap();
    assert!(domain.log().events().await.unwrap().rows.len() >= 11);
    domain.log().messages().await.unwrap();
    assert!(verify(&store).await.unwrap().is_sound());
    domain.shutdown().await;
}
