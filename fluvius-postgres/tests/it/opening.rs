//! Opening a store: concurrently, by the environment, and its failures.

use std::process::Command;
use std::time::Duration;

use fluvius_postgres::{PostgresOptions, PostgresStore};
use fluvius_store::{StateQuery, Store};
use fluvius_testing::servers::TestServer;

use crate::{OpenStore, client};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_opens_create_one_schema() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let opening: Vec<_> = (0..10)
        .map(|_| {
            let options = schema.options().max_readers(1);
            tokio::spawn(async move { options.open(server.url()).await })
        })
        .collect();
    for opened in opening {
        opened.await.unwrap().unwrap();
    }
    let client = client(server.url()).await;
    let sql = format!("SELECT count(*) FROM \"{}\".schema_version", schema.name());
    assert_eq!(client.query_one(&sql, &[]).await.unwrap().get::<_, i64>(0), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn newer_schema_is_rejected() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    drop(schema.open().await);
    let client = client(server.url()).await;
    let sql = format!("UPDATE \"{}\".schema_version SET version = 99", schema.name());
    client.batch_execute(&sql).await.unwrap();
    let error = schema.options().open(server.url()).await.unwrap_err();
    assert!(!error.is_retryable());
    assert_eq!(
        error.to_string(),
        format!(
            "the schema `{}` has version 99, and this program knows versions up to 6: use a newer \
            release",
            schema.name()
        )
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schema_from_before_the_first_release_is_rejected_untouched() {
    let Some(server) = TestServer::get() else { return };
    let client = client(server.url()).await;
    for version in 1..=4_i64 {
        let schema = server.schema();
        let name = schema.name();
        let sql = format!(
            "CREATE SCHEMA {name}; SET search_path = {name}; CREATE TABLE schema_version (version \
            bigint NOT NULL); INSERT INTO schema_version VALUES ({version}); CREATE TABLE \
            resource_state (resource text, version bigint); INSERT INTO resource_state VALUES \
            ('bank-account', 7)"
        );
        client.batch_execute(&sql).await.unwrap();
        let error = schema.options().open(server.url()).await.unwrap_err();
        assert!(!error.is_retryable());
        assert_eq!(
            error.to_string(),
            format!(
                "the schema `{name}` has version {version}, from before the first release of \
                fluvius, and cannot be migrated: name another schema, or drop this one if its data \
                is no longer needed"
            )
        );
        let content = "SELECT (SELECT version FROM schema_version), (SELECT version FROM \
            resource_state), (SELECT count(*) FROM pg_class WHERE relnamespace = \
            to_regnamespace($1))";
        let row = client.query_one(content, &[&name]).await.unwrap();
        assert_eq!([0, 1, 2].map(|column| row.get::<_, i64>(column)), [version, 7, 2]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_schema_is_rejected_untouched() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let client = client(server.url()).await;
    let name = schema.name();
    let sql = format!("CREATE SCHEMA \"{name}\"; CREATE TABLE \"{name}\".own (id int)");
    client.batch_execute(&sql).await.unwrap();
    let error = schema.options().open(server.url()).await.unwrap_err();
    assert!(!error.is_retryable());
    assert!(error.to_string().contains("contains something other"), "{error}");
    let sql = "SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace($1)";
    assert_eq!(client.query_one(sql, &[&name]).await.unwrap().get::<_, i64>(0), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schema_without_a_table_is_rejected() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    drop(schema.open().await);
    let client = client(server.url()).await;
    let sql = format!("DROP TABLE \"{}\".resource_owner", schema.name());
    client.batch_execute(&sql).await.unwrap();
    let error = schema.options().open(server.url()).await.unwrap_err();
    assert!(!error.is_retryable());
    assert!(error.to_string().contains("no table `resource_owner`"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_name_of_a_schema_is_rejected() {
    for name in ["", "Upper", "1st", "pg_own", "a b", "a\"; DROP TABLE x; --", "information_schema"]
    {
        let error = PostgresStore::options().schema(name).open("host=/nowhere").await.unwrap_err();
        assert!(!error.is_retryable(), "{name}");
        assert!(error.to_string().contains("cannot be the schema"), "{error}");
    }
    let error = PostgresStore::open("mysql://somewhere").await.unwrap_err();
    assert!(!error.is_retryable());
    assert!(error.to_string().contains("address of the database is not valid"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreachable_server_is_retryable() {
    let error = PostgresStore::open("host=127.0.0.1 port=1 user=nobody").await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemas_of_one_database_are_independent() {
    let Some(server) = TestServer::get() else { return };
    let (one, other) = (server.schema(), server.schema());
    one.open().await.register_domain("first", &["bank-account"]).await.unwrap();
    other.open().await.register_domain("second", &["bank-account"]).await.unwrap();
}

/// The variable that makes the child process open a store.
const OPENS: &str = "FLUVIUS_OPENS_FROM_ENV";

/// The child process: does nothing unless the variable is set.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_process_opens_the_database_of_its_environment() {
    let Ok(schema) = std::env::var(OPENS) else { return };
    match PostgresStore::options().schema(schema).open_from_env().await {
        Ok(store) => store.register_domain("by-environment", &["bank-account"]).await.unwrap(),
        Err(error) => println!("rejected: {error}; retryable: {}", error.is_retryable()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn environment_gives_the_address_of_the_database() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let process = || {
        let mut process = Command::new(std::env::current_exe().unwrap());
        let test = "opening::child_process_opens_the_database_of_its_environment";
        process.args(["--exact", test, "--nocapture"]).env(OPENS, schema.name());
        process
    };
    let output_of = |process: &mut Command| {
        let output = tokio::task::block_in_place(|| process.output().unwrap());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let without = output_of(process().env_remove("DATABASE_URL"));
    let wanted = "rejected: the environment variable DATABASE_URL must contain the address of the \
        database: postgres://user@host/database; retryable: false";
    assert!(without.contains(wanted), "{without}");
    let wrong = output_of(process().env("DATABASE_URL", "nowhere"));
    assert!(wrong.contains("rejected: the address of the database is not valid"), "{wrong}");
    let right = output_of(process().env("DATABASE_URL", server.url()));
    assert!(!right.contains("rejected"), "{right}");
    // The child process has registered its domain in this schema.
    let error = schema.open().await.register_domain("other", &["bank-account"]).await.unwrap_err();
    assert!(error.to_string().contains("by-environment"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn extreme_options_are_accepted_or_rejected() {
    type Set = fn(PostgresOptions) -> PostgresOptions;
    let Some(server) = TestServer::get() else { return };
    let sets: [(&str, Set); 5] = [
        ("all readers", |options| options.max_readers(usize::MAX)),
        ("a short statement", |options| options.statement_timeout(Duration::from_secs(5))),
        ("the longest statement", |options| options.statement_timeout(Duration::MAX)),
        ("a short read", |options| options.read_timeout(Duration::from_secs(5))),
        ("the longest read", |options| options.read_timeout(Duration::MAX)),
    ];
    for (name, set) in sets {
        let schema = server.schema();
        let options = set(PostgresStore::options().schema(schema.name()));
        let store = options.open(server.url()).await;
        let store = store.unwrap_or_else(|error| panic!("{name}: {error}"));
        store.register_domain("test", &["bank-account"]).await.unwrap();
        assert_eq!(
            store.query(&StateQuery::for_resource("bank-account", 1)).await.unwrap(),
            [],
            "{name}"
        );
    }
    let invalid: [(&str, Set); 3] = [
        ("`max_readers`", |options| options.max_readers(0)),
        ("`statement_timeout`", |options| options.statement_timeout(Duration::ZERO)),
        ("`read_timeout`", |options| options.read_timeout(Duration::ZERO)),
    ];
    for (option, set) in invalid {
        let error = set(PostgresStore::options()).open(server.url()).await.unwrap_err();
        let message = error.to_string();
        assert!(message.contains("out of range") && message.contains(option), "{message}");
        assert!(!error.is_retryable(), "{message}");
    }
}
