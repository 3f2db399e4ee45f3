//! Settings of the server and of sessions that a store requires.

use fluvius_core::{CommitOutcome, Store};
use fluvius_postgres::{Durability, PostgresStore};
use fluvius_testing::servers::{PrivateServer, TestServer};

use crate::units::batches;
use crate::{OpenStore, client};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn server_without_fsync_is_rejected_unless_accepted() {
    let Some(server) = PrivateServer::start_with(&["fsync=off"]) else { return };
    let error = PostgresStore::open(&server.url()).await.unwrap_err();
    assert!(!error.is_retryable());
    assert!(error.to_string().starts_with("the server runs with `fsync = off`"), "{error}");
    let sql = "SELECT to_regnamespace('fluvius') IS NULL";
    let is_left_alone = client(&server.url()).await.query_one(sql, &[]).await.unwrap();
    assert!(is_left_alone.get::<_, bool>(0));
    PostgresStore::options().accept_fsync_off(true).open(&server.url()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commit_is_rejected_above_read_committed() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    drop(schema.open().await);
    let client = client(server.url()).await;
    let sql = format!("SET search_path = \"{}\"", schema.name());
    client.batch_execute(&sql).await.unwrap();
    let types = "SELECT array_to_string(array_agg('NULL::' || format_type(type, NULL) ORDER BY \
        number), ', ') FROM pg_proc, unnest(proargtypes::oid[]) WITH ORDINALITY AS t (type, \
        number) WHERE proname = 'commit_batch' AND pronamespace = to_regnamespace($1)";
    let nulls: String = client.query_one(types, &[&schema.name()]).await.unwrap().get(0);
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let call =
            format!("BEGIN ISOLATION LEVEL {level}; SELECT * FROM commit_batch({nulls}); COMMIT");
        let error = client.batch_execute(&call).await.unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!(error.code().code(), "FL002", "{error}");
        assert!(error.message().starts_with("commit_batch must run in READ COMMITTED"), "{error}");
        client.batch_execute("ROLLBACK").await.unwrap();
    }
}

/// Records the durability of each transaction at its end.
const NOTE_SETTING: &str = "CREATE TABLE noted (setting text NOT NULL);
    CREATE FUNCTION note_setting() RETURNS trigger LANGUAGE plpgsql SET search_path = settings AS $$
    BEGIN
        INSERT INTO noted VALUES (current_setting('synchronous_commit'));
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER notes_setting AFTER INSERT ON command_log
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_setting()";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn durability_of_a_commit_is_at_least_that_of_the_store() {
    let full = Durability::Full;
    for (set, durability, expected) in [
        ("off", full, "on"),
        ("local", full, "on"),
        ("on", full, "on"),
        ("remote_apply", full, "remote_apply"),
        ("on", Durability::Normal, "off"),
        ("remote_apply", Durability::Normal, "off"),
    ] {
        let setting = format!("synchronous_commit={set}");
        let Some(server) = PrivateServer::start_with(&[&setting]) else { return };
        let options = PostgresStore::options().schema("settings").durability(durability);
        let store = options.open(&server.url()).await.unwrap();
        let client = client(&server.url()).await;
        client.batch_execute(&format!("SET search_path = settings; {NOTE_SETTING}")).await.unwrap();
        for (way, batch) in batches().await.into_iter().enumerate() {
            let outcomes = store.commit(batch).await;
            assert!(
                outcomes.iter().all(|outcome| matches!(outcome, CommitOutcome::Committed { .. })),
                "{outcomes:?}"
            );
            let noted = "WITH gone AS (DELETE FROM noted RETURNING setting) SELECT DISTINCT \
                setting FROM gone";
            let noted: String = client.query_one(noted, &[]).await.unwrap().get(0);
            assert_eq!(noted, expected, "{set}, {durability:?}, way {way}");
        }
    }
}
