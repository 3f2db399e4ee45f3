//! The data that the program of revision 1 writes, and the stores that hold it.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use fluvius_core::uuid::Uuid;
use fluvius_core::{AggregateId, Domain, DomainContext, MemoryStore, Store};
use fluvius_postgres::PostgresStore;
use fluvius_sqlite::SqliteStore;
use fluvius_testing::servers::{TestSchema, TestServer};
use fluvius_testing::{FixedClock, SequentialIds};
use tempfile::TempDir;

use crate::revision_1::{Close, Deposit, EvolvingDomain, Look, Note, Open, Withdraw};

pub const ADA: Uuid = Uuid::from_u128(1);
pub const GRACE: Uuid = Uuid::from_u128(2);
/// Closed by revision 1.
pub const JOHN: Uuid = Uuid::from_u128(3);
/// Ada's cents after each of her events.
pub const CENTS_OF_ADA: [i64; 7] = [10_000, 10_500, 8_500, 8_500, 8_501, 8_502, 8_503];

/// Ids of the commands that are sent again.
pub const OPENED: Uuid = Uuid::from_u128(0xA1);
pub const WITHDRAWN: Uuid = Uuid::from_u128(0xA3);
pub const NOTED: Uuid = Uuid::from_u128(0xA4);
pub const REJECTED: Uuid = Uuid::from_u128(0xA5);
pub const LOOKED: Uuid = Uuid::from_u128(0xA6);

/// The sender of all commands.
pub fn sender() -> DomainContext {
    DomainContext::create("evolution")
}

pub fn aggregate_id(id: Uuid) -> AggregateId {
    AggregateId::new("account", id)
}

/// Ada's remark, which is the same in all of her states.
pub fn remark() -> String {
    "first customer ".repeat(20)
}

/// Returns a time in seconds after the first event.
pub fn time(second: i64) -> fluvius_core::chrono::DateTime<fluvius_core::chrono::Utc> {
    fluvius_core::chrono::DateTime::from_timestamp(1_767_225_600 + second, 0).unwrap()
}

/// Writes the data. The clock is fixed and ids are sequential, so the result is always the same.
pub async fn live(store: impl Store) {
    let clock = FixedClock::at(time(0));
    let ids = SequentialIds::from(1_000);
    let domain = EvolvingDomain::builder(store)
        .clock(clock.clone())
        .id_generator(ids)
        .build()
        .await
        .unwrap();
    let session = domain.session(sender());
    let open = |owner: &str, cents| Open { owner: owner.to_owned(), cents, remark: remark() };
    session.send(ADA, open("Ada", 10_000)).with_id(OPENED).await.unwrap();
    clock.set(time(1));
    session.send(ADA, Deposit { cents: 500 }).await.unwrap();
    clock.set(time(2));
    let withdraw = Withdraw { cents: 2_000 };
    session.send(ADA, withdraw).with_id(WITHDRAWN).await.unwrap();
    clock.set(time(3));
    let note = Note { text: "a good customer".to_owned() };
    session.send(ADA, note).with_id(NOTED).await.unwrap();
    let too_much = Withdraw { cents: 1_000_000 };
    session.send(ADA, too_much).with_id(REJECTED).await.unwrap_err();
    session.send(ADA, Look {}).with_id(LOOKED).await.unwrap();
    for second in 4..7 {
        clock.set(time(second));
        session.send(ADA, Deposit { cents: 1 }).await.unwrap();
    }
    session.send(GRACE, open("Grace", 4_200)).await.unwrap();
    session.send(JOHN, open("John", 0)).await.unwrap();
    session.send(JOHN, Close {}).await.unwrap();
    domain.shutdown().await;
}

/// Returns a memory store that revision 1 has just written.
pub async fn memory() -> MemoryStore {
    let store = MemoryStore::new();
    live(store.clone()).await;
    store
}

/// Returns a schema that revision 1 has just written; `None` without PostgreSQL, which is reported.
pub async fn schema() -> Option<TestSchema> {
    let schema = TestServer::get()?.schema();
    live(PostgresStore::options().schema(schema.name()).open(schema.url()).await.unwrap()).await;
    Some(schema)
}

/// A copy of the file that revision 1 has written, removed with the test.
pub struct File {
    path: PathBuf,
    _folder: TempDir,
}

impl File {
    /// Copies the file that revision 1 has written. With `FLUVIUS_FIXTURES=write`, the first call
    /// writes it again.
    pub fn copied() -> Self {
        static WRITTEN: LazyLock<()> = LazyLock::new(|| {
            if std::env::var("FLUVIUS_FIXTURES").is_ok_and(|value| value == "write") {
                // A thread of its own: the test that calls is in a runtime.
                let runtime = || tokio::runtime::Runtime::new().unwrap().block_on(write());
                std::thread::spawn(runtime).join().unwrap();
            }
        });
        LazyLock::force(&WRITTEN);
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("accounts.db");
        std::fs::copy(kept(), &path).unwrap();
        Self { path, _folder: folder }
    }

    pub async fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.path).await.unwrap()
    }
}

/// Writes the file of revision 1.
async fn write() {
    let folder = TempDir::new().unwrap();
    let written = folder.path().join("accounts.db");
    let store = SqliteStore::open(&written).await.unwrap();
    live(store.clone()).await;
    // A copy without a write-ahead log, moved into place atomically.
    let new = kept().with_extension("new");
    let connection = rusqlite::Connection::open(&written).unwrap();
    connection.execute("VACUUM INTO ?1", [new.to_str().unwrap()]).unwrap();
    std::fs::rename(new, kept()).unwrap();
}

/// Returns the path of the file that revision 1 has written.
fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schema_evolution/revision-1.db")
}
