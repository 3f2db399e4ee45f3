//! Work rows: copies of a store, lost connections, and processes beside it.

use std::sync::Arc;
use std::time::Duration;

use fluvius_store::Store;
use fluvius_store::chrono::DateTime;
use fluvius_store::uuid::Uuid;
use fluvius_store::work::{WorkKey, WorkOutcome, WorkQuery, WorkUnit, WorkWrite};
use fluvius_testing::servers::TestServer;

use crate::{OpenStore, client};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copied_schema_is_a_new_incarnation() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let store = schema.open().await;
    let original = store.incarnation().await.unwrap();
    assert_eq!(store.incarnation().await.unwrap(), original);
    let client = client(server.url()).await;
    // As a dump that is restored elsewhere.
    let moved = format!("ALTER SCHEMA \"{0}\" RENAME TO \"{0}_old\"", schema.name());
    client.batch_execute(&moved).await.unwrap();
    let other = schema.open().await;
    let other_store = other.incarnation().await.unwrap();
    assert_ne!(other_store.store, original.store);
    let copied = format!(
        "DELETE FROM \"{0}\".incarnation; INSERT INTO \"{0}\".incarnation SELECT * FROM \
         \"{0}_old\".incarnation; DROP SCHEMA \"{0}_old\" CASCADE",
        schema.name()
    );
    client.batch_execute(&copied).await.unwrap();
    let copy = other.incarnation().await.unwrap();
    assert_eq!(copy.store, original.store);
    assert_ne!(copy.copy, original.copy);
    assert_eq!(other.incarnation().await.unwrap(), copy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connection_is_announced_again() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let (store, other) = (schema.open().await, schema.open().await);
    let process = [Uuid::new_v4()];
    let _announcement = store.announce(process[0]).await.unwrap();
    assert!(other.ended(&process).await.unwrap().is_empty());
    let client = client(server.url()).await;
    let key = format!("SELECT \"{}\".process_key($1)", schema.name());
    let set_path = format!("SET search_path = \"{}\"", schema.name());
    client.batch_execute(&set_path).await.unwrap();
    let key: i64 = client.query_one(&key, &[&process[0]]).await.unwrap().get(0);
    let end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND \
        (classid::bigint << 32) | objid::bigint = $1";
    assert_eq!(client.query(end, &[&key]).await.unwrap().len(), 1);
    let mut was_lost = false;
    for _ in 0..400 {
        match other.ended(&process).await.unwrap().is_empty() {
            false => was_lost = true,
            true if was_lost => return,
            true => {}
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("announced again: {was_lost}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn units_in_opposite_orders_do_not_deadlock() {
    const ROUNDS: usize = 40;
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let stores = [schema.open().await, schema.open().await];
    let key = |part: usize| WorkKey::new("checkpoint", "mailer", part.to_string());
    let tasks: Vec<_> = stores
        .into_iter()
        .enumerate()
        .map(|(at, store)| {
            tokio::spawn(async move {
                for _ in 0..ROUNDS {
                    let query = WorkQuery::new(DateTime::UNIX_EPOCH, ["checkpoint"]);
                    let rows = store.work(&query).await.unwrap().rows;
                    let token = |key: &WorkKey| {
                        rows.iter().find(|row| row.key == *key).map(|row| row.token)
                    };
                    let mut units: Vec<WorkUnit> = (0..8)
                        .map(|part| {
                            let key = key(part);
                            let expected = token(&key);
                            let data = fluvius_store::json::Json::empty_object();
                            WorkUnit::new([WorkWrite::put(key, expected, data)])
                        })
                        .collect();
                    if at == 1 {
                        units.reverse();
                    }
                    for outcome in store.write_work(Arc::from(units), DateTime::UNIX_EPOCH).await {
                        let is_expected = matches!(
                            outcome,
                            WorkOutcome::Stored { .. } | WorkOutcome::Stale { .. }
                        );
                        assert!(is_expected, "{outcome:?}");
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}
