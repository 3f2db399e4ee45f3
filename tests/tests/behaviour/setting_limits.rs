//! The smallest and the largest value of each setting works or is rejected, without a panic.

use std::error::Error as _;
use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::time::Duration;

use fluvius_core::{BuildError, Domain, DomainContext, MemoryStore, RuntimeBuilder};
use fluvius_sqlite::{SqliteOptions, SqliteStore};

use fluvius_tests::fixture::id;
use fluvius_tests::ticket::{OpenTicket, TicketDomain};

type Set<T> = fn(T) -> T;

/// Opens two tickets concurrently, and sends one of the commands again.
async fn check_works(builder: RuntimeBuilder, name: &str) {
    let domain = builder.build().await.unwrap_or_else(|error| panic!("{name}: {error}"));
    let session = domain.session(DomainContext::create("test"));
    let open = |number| {
        let session = session.clone();
        async move {
            session
                .send(id(number), OpenTicket { title: "x".to_owned(), points: 1, tags: Vec::new() })
                .await
        }
    };
    let (one, two) = tokio::join!(open(1), open(2));
    one.unwrap_or_else(|error| panic!("{name}: {error}"));
    two.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(open(1).await.unwrap_err().code(), "already-exists", "{name}");
    assert_eq!(domain.log().events().await.unwrap().rows.len(), 2, "{name}");
    domain.shutdown().await;
}

#[tokio::test]
async fn runtime_settings_accept_their_limits() {
    let sets: [(&str, Set<RuntimeBuilder>); 14] = [
        ("the shortest deadline", |builder| builder.timeout(Duration::from_nanos(1))),
        ("the longest deadline", |builder| builder.timeout(Duration::MAX)),
        ("one attempt", |builder| builder.max_attempts(NonZeroU32::MIN)),
        ("all attempts", |builder| builder.max_attempts(NonZeroU32::MAX)),
        ("one command", |builder| builder.max_in_flight(NonZeroU16::MIN)),
        ("all commands", |builder| builder.max_in_flight(NonZeroU16::MAX)),
        ("one unit", |builder| builder.max_batch_units(NonZeroUsize::MIN)),
        ("all units", |builder| builder.max_batch_units(NonZeroUsize::MAX)),
        ("no cache", |builder| builder.cache_capacity(0)),
        ("all of the cache", |builder| builder.cache_capacity(usize::MAX)),
        ("no time to settle", |builder| builder.outcome_timeout(Duration::ZERO)),
        ("all time to settle", |builder| builder.outcome_timeout(Duration::MAX)),
        ("no header", |builder| builder.recorded_headers([])),
        ("odd headers", |builder| builder.recorded_headers(["", "\0", "ü"])),
    ];
    for (name, set) in sets {
        check_works(set(TicketDomain::builder(MemoryStore::new())), name).await;
    }
}

#[tokio::test]
async fn a_setting_of_zero_is_rejected() {
    let builder = TicketDomain::builder(MemoryStore::new()).timeout(Duration::ZERO);
    let error = builder.build().await.unwrap_err();
    assert!(matches!(error, BuildError::Setting { setting: "timeout", .. }), "{error}");
    assert!(error.to_string().starts_with("`timeout` of the domain `ticketing`"), "{error}");
    assert!(error.source().is_none());
    let builder = TicketDomain::builder(MemoryStore::new()).max_payload_bytes(0);
    let error = builder.build().await.unwrap_err();
    assert!(error.to_string().starts_with("`max_payload_bytes` of the domain"), "{error}");
}

#[tokio::test]
async fn sqlite_rejects_a_url_as_path() {
    for path in ["sqlite://bank.db", "file:bank.db?mode=ro", "sqlite:bank.db"] {
        let error = SqliteStore::open(path).await.unwrap_err();
        assert!(error.to_string().contains("write the path of the file alone"), "{path}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_options_accept_their_limits_or_are_rejected() {
    let sets: [(&str, Set<SqliteOptions>); 12] = [
        ("some readers", |options| options.max_readers(64)),
        ("the shortest read", |options| options.read_timeout(Duration::from_secs(1))),
        ("the longest read", |options| options.read_timeout(Duration::MAX)),
        ("no mode", |options| options.file_mode(0o600)),
        ("all modes", |options| options.file_mode(u32::MAX)),
        ("the smallest row", |options| options.max_row_bytes(1024)),
        ("the largest row", |options| options.max_row_bytes(usize::MAX)),
        ("never busy", |options| options.busy_timeout(Duration::ZERO)),
        ("always busy", |options| options.busy_timeout(Duration::MAX)),
        ("no log", |options| options.wal_bytes(0, 0)),
        ("all of the log", |options| options.wal_bytes(u64::MAX, u64::MAX)),
        ("a log of the least and the most", |options| options.wal_bytes(0, u64::MAX)),
    ];
    for (name, set) in sets {
        let folder = tempfile::tempdir().unwrap();
        let opened = set(SqliteStore::options()).open(folder.path().join("store.db")).await;
        let store = opened.unwrap_or_else(|error| panic!("{name}: {error}"));
        check_works(TicketDomain::builder(store), name).await;
        let opened = set(SqliteStore::options()).open_in_memory().await;
        let store = opened.unwrap_or_else(|error| panic!("{name}: {error}"));
        check_works(TicketDomain::builder(store), name).await;
    }
    let rejected: [(&str, Set<SqliteOptions>); 4] = [
        ("`max_readers`", |options| options.max_readers(0)),
        ("`max_readers`", |options| options.max_readers(usize::MAX)),
        ("`read_timeout`", |options| options.read_timeout(Duration::ZERO)),
        ("`max_row_bytes`", |options| options.max_row_bytes(0)),
    ];
    for (option, set) in rejected {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store.db");
        let in_file = set(SqliteStore::options()).open(&file).await.unwrap_err();
        assert!(!file.exists(), "{option}");
        for error in [in_file, set(SqliteStore::options()).open_in_memory().await.unwrap_err()] {
            let text = error.to_string();
            assert!(text.contains("out of range") && text.contains(option), "{text}");
            assert!(!error.is_retryable(), "{text}");
        }
    }
}
