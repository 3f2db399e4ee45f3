//! Transient and permanent faults of a server: the code is correct, no unit is stored in part, and
//! the store recovers with the server.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use fluvius_core::CommandRecord;
use fluvius_core::uuid::Uuid;
use fluvius_core::{AggregateId, Error, LogQuery, RealmFilter, Session, Store};
use fluvius_postgres::{PostgresOptions, PostgresStore};
use fluvius_testing::servers::{PrivateServer, Proxy, TestSchema, TestServer};

use crate::bank::{self, Answered, Transfer};
use crate::{OpenStore, client};

const SHORT: Duration = Duration::from_secs(1);
const SETTLE_TIME: Duration = Duration::from_secs(30);

/// A bank with two accounts, and its answered transfers.
struct Bank {
    store: PostgresStore,
    session: Session,
    answered: Vec<Answered>,
    count: u128,
}

impl Bank {
    async fn open(options: PostgresOptions, url: &str) -> Self {
        let store = options.open(url).await.unwrap();
        let session = bank::session(&bank::runtime(store.clone(), SETTLE_TIME).await);
        bank::open_accounts(&session, 2).await;
        let mut bank = Self { store, session, answered: Vec::new(), count: 0 };
        bank.check_recovery().await;
        bank
    }

    async fn of(schema: &TestSchema) -> Self {
        let options = schema.options().max_readers(1).statement_timeout(SHORT);
        Self::open(options.read_timeout(SHORT), schema.url()).await
    }

    fn next(&mut self) -> Transfer {
        self.count += 1;
        Transfer { id: Uuid::from_u128(self.count), from: 0, to: Some(1), amount: 5 }
    }

    /// Checks that a command fails with this code and text.
    async fn check_failure(&mut self, code: &str, why: &str) {
        let transfer = self.next();
        let error = bank::send(&self.session, &transfer).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}: {:?}", std::error::Error::source(&error));
        let message = error.to_string();
        assert!(message.contains(why), "{message}");
        // The source does not repeat the text, and quotes no row.
        let source = std::error::Error::source(&error).map(ToString::to_string);
        assert!(source.is_none_or(|source| !message.contains(&source)), "{error:?}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }

    /// Checks that commands succeed again, including those that had failed. Checks that exactly
    /// the answered commands are stored.
    async fn check_recovery(&mut self) {
        bank::check(&self.store, 2, &self.answered).await.unwrap();
        let failed = (1..=self.count)
            .map(Uuid::from_u128)
            .filter(|id| self.answered.iter().all(|answered| answered.transfer.id != *id));
        let failed: Vec<Uuid> = failed.collect();
        for id in failed {
            let again = Transfer { id, from: 0, to: Some(1), amount: 5 };
            self.send_until_answered(again).await;
        }
        let next = self.next();
        self.send_until_answered(next).await;
        bank::check(&self.store, 2, &self.answered).await.unwrap();
    }

    /// Sends a transfer until it is answered. A busy machine may exceed the short timeout.
    async fn send_until_answered(&mut self, transfer: Transfer) {
        let answered = bank::send_until_answered(&self.session, transfer, async |_| {}).await;
        self.answered.push(answered);
    }

    async fn load(&self) -> Result<(), fluvius_core::StoreError> {
        let aggregate_id = AggregateId::new("bank-account", Uuid::from_u128(1));
        self.store.load(&aggregate_id).await.map(drop)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statement_that_times_out_is_retryable() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let mut bank = Bank::of(&schema).await;
    let other = client(server.url()).await;
    let held =
        format!("BEGIN; LOCK TABLE {}.resource_state IN ACCESS EXCLUSIVE MODE", schema.name());
    other.batch_execute(&held).await.unwrap();
    bank.check_failure("store-unavailable", "took longer than `statement_timeout`").await;
    let error = bank.load().await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("statement_timeout"), "{error}");
    other.batch_execute("COMMIT").await.unwrap();
    bank.check_recovery().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_without_a_connection_fail_and_commits_continue() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let mut bank = Bank::of(&schema).await;
    let other = client(server.url()).await;
    let held = format!("BEGIN; LOCK TABLE {}.context_log IN ACCESS EXCLUSIVE MODE", schema.name());
    other.batch_execute(&held).await.unwrap();
    // The first read has the only connection until it times out, and some of the others time out
    // before they get it.
    let realm = RealmFilter::Only(None);
    let query = LogQuery::all().realm(realm).limit(10);
    let reads: Vec<_> = (0..4)
        .map(|_| {
            let (store, query) = (bank.store.clone(), query.clone());
            tokio::spawn(async move { store.read_log::<CommandRecord>(&query).await.map(drop) })
        })
        .collect();
    // The reads of commands have connections of their own.
    bank.load().await.unwrap();
    let transfer = bank.next();
    let response = bank::send(&bank.session, &transfer).await.unwrap();
    bank.answered.push(Answered { transfer, response, codes: Vec::new() });
    assert!(reads.iter().any(|read| !read.is_finished()));
    let mut messages = Vec::new();
    for read in reads {
        let error = read.await.unwrap().unwrap_err();
        assert!(error.is_retryable(), "{error}");
        messages.push(error.to_string());
    }
    let is_reported = |text: &str| messages.iter().any(|message| message.contains(text));
    assert!(is_reported("all connections that read are taken"), "{messages:?}");
    assert!(is_reported("`read_timeout`"), "{messages:?}");
    other.batch_execute("COMMIT").await.unwrap();
    bank.check_recovery().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_only_server_is_retryable() {
    let Some(server) = PrivateServer::start_with(&[]) else { return };
    let mut bank = Bank::open(PostgresStore::options(), &server.url()).await;
    let other = client(&server.url()).await;
    let set = async |value: &str| {
        let sql = format!("ALTER SYSTEM SET default_transaction_read_only = {value}");
        other.batch_execute(&sql).await.unwrap();
        other.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        let is_set = format!("SELECT current_setting('default_transaction_read_only') = '{value}'");
        // All sessions apply the setting between two statements.
        while !other.query_one(&is_set, &[]).await.unwrap().get::<_, bool>(0) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    set("on").await;
    bank.check_failure("store-unavailable", "the server only reads").await;
    bank.load().await.unwrap();
    set("off").await;
    bank.check_recovery().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standby_is_rejected_until_it_is_promoted() {
    let Some(mut server) = PrivateServer::start_with(&[]) else { return };
    let mut bank = Bank::open(PostgresStore::options(), &server.url()).await;
    let data = server.socket().parent().unwrap().join("data");
    tokio::task::block_in_place(|| {
        server.crash();
        std::fs::write(data.join("standby.signal"), "").unwrap();
        server.restart();
    });
    // The first command may fail with the lost connection.
    let lost = bank.next();
    let _ = bank::send(&bank.session, &lost).await.unwrap_err();
    bank.check_failure("store-unavailable", "the server is a standby").await;
    bank.load().await.unwrap();
    let error = PostgresStore::open(&server.url()).await.unwrap_err();
    assert!(
        error.is_retryable() && error.to_string().contains("the server is a standby"),
        "{error}"
    );
    client(&server.url()).await.batch_execute("SELECT pg_promote()").await.unwrap();
    bank.check_recovery().await;
}

/// Checks that commits fail with a code of the server, and later ones succeed.
async fn check_commit_failure(sql_state: &str, code: &str, why: &str) {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let mut bank = Bank::of(&schema).await;
    let other = client(server.url()).await;
    // The error occurs at the end of the transaction, as late as possible.
    let trigger = format!(
        "SET search_path = {}; CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         RAISE 'it fails' USING ERRCODE = '{sql_state}', DETAIL = 'of a secret row'; END $$; \
         CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON event_log DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION fail()",
        schema.name()
    );
    other.batch_execute(&trigger).await.unwrap();
    for _ in 0..3 {
        bank.check_failure(code, why).await;
    }
    other.batch_execute("DROP TRIGGER fail ON event_log").await.unwrap();
    bank.check_recovery().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_commit_has_the_cause_of_the_server() {
    for (sql_state, code, why) in [
        ("53100", "store-unavailable", "the server's disk is full"),
        ("53200", "store-unavailable", "the server lacks a resource: it fails"),
        ("58030", "store-unavailable", "the server lacks a resource: it fails"),
        ("42501", "store-error", "lacks a privilege: it fails"),
        ("XX001", "store-error", "PostgreSQL rejected the statement: it fails"),
    ] {
        check_commit_failure(sql_state, code, why).await;
    }
}

/// A small file system, which is unmounted with the value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Returns `None`, and prints a line, if the user may not mount one.
    fn mount(at: PathBuf, server: &PrivateServer) -> Option<Self> {
        std::fs::create_dir(&at).unwrap();
        // The folder must belong to the user of the server.
        let owner = std::fs::metadata(server.socket().parent().unwrap()).unwrap().uid();
        let options = format!("size=16m,mode=0700,uid={owner}");
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&at);
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        if !is_mounted {
            eprintln!("skipped: a small disk cannot be mounted here");
        }
        is_mounted.then_some(Self(at))
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn fill(&self) -> PathBuf {
        let file = self.0.join("filler");
        assert!(std::fs::write(&file, vec![1; 32 << 20]).is_err());
        file
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_continue_after_a_full_disk() {
    let Some(server) = PrivateServer::start_with(&[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    // The user of the server needs access.
    let open = PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let Some(disk) = SmallDisk::mount(folder.path().join("disk"), &server) else { return };
    let mut bank = Bank::open(PostgresStore::options(), &server.url()).await;
    let other = client(&server.url()).await;
    let space = format!("CREATE TABLESPACE small LOCATION '{}'", disk.path().display());
    other.batch_execute(&space).await.unwrap();
    other.batch_execute("ALTER TABLE fluvius.event_log SET TABLESPACE small").await.unwrap();
    let filler = disk.fill();
    // The last page may have room for some rows.
    let begun = Instant::now();
    let error = loop {
        let transfer = bank.next();
        match bank::send(&bank.session, &transfer).await {
            Ok(response) => {
                bank.answered.push(Answered { transfer, response, codes: Vec::new() });
            }
            Err(error) => break error,
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "the disk is never full");
    };
    assert!(matches!(error, Error::StoreUnavailable { .. }), "{error}");
    bank.check_failure("store-unavailable", "the server's disk is full").await;
    bank.load().await.unwrap();
    std::fs::remove_file(filler).unwrap();
    bank.check_recovery().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn wait_for_a_silent_server_is_bounded() {
    let Some(server) = PrivateServer::start_with(&[]) else { return };
    let proxy = Proxy::start(server.socket(), &[]).await;
    let options = PostgresStore::options().statement_timeout(SHORT);
    let url = format!("{} connect_timeout=1", proxy.url());
    let mut bank = Bank::open(options, &url).await;
    let hasty = bank::session(&bank::runtime(bank.store.clone(), Duration::ZERO).await);
    proxy.hold_back(true);
    let time_max = Duration::from_secs(20);
    let lost = bank.next();
    let wait = tokio::time::timeout(time_max, bank::send(&hasty, &lost));
    let error = wait.await.expect("a commit ends").unwrap_err();
    assert!(["outcome-unknown", "store-unavailable"].contains(&error.code()), "{error}");
    let wait = tokio::time::timeout(time_max, bank.load());
    let error = wait.await.expect("a read ends").unwrap_err();
    assert!(error.is_retryable(), "{error}");
    let wait = tokio::time::timeout(time_max, PostgresStore::open(&url));
    let error = wait.await.expect("opening a store ends").unwrap_err();
    assert!(error.is_retryable(), "{error}");
    // A new connection is silent as well.
    let lost = bank.next();
    let wait = tokio::time::timeout(time_max, bank::send(&hasty, &lost));
    let error = wait.await.expect("a commit over a new connection ends").unwrap_err();
    assert!(["outcome-unknown", "store-unavailable"].contains(&error.code()), "{error}");
    proxy.hold_back(false);
    // A held-back commit may be stored now. The same id resolves it.
    for id in 2..=bank.count {
        bank.send_until_answered(Transfer {
            id: Uuid::from_u128(id),
            from: 0,
            to: Some(1),
            amount: 5,
        })
        .await;
    }
    bank.check_recovery().await;
}
