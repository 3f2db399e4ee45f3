//! The migrations, step by step.

use tokio_postgres::NoTls;

use super::*;
use fluvius_testing::servers::{TestSchema, TestServer};

/// A further migration, which fails if it runs twice.
const FURTHER: &str = "ALTER TABLE resource_owner ADD COLUMN note text COLLATE \"C\"; \
                      UPDATE resource_owner SET note = 'migrated'";

async fn connect(schema: &TestSchema) -> Client {
    let (client, connection) = tokio_postgres::connect(schema.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(&format!("SET search_path = {}", schema.name())).await.unwrap();
    client
}

async fn owners(client: &Client) -> Vec<(String, Option<String>)> {
    let rows = client.query("SELECT resource, note FROM resource_owner ORDER BY 1", &[]).await;
    rows.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn stored_version(client: &Client) -> i64 {
    client.query_one("SELECT version FROM schema_version", &[]).await.unwrap().get(0)
}

#[tokio::test]
async fn later_step_runs_once_and_keeps_the_rows() {
    let Some(server) = TestServer::get() else { return };
    let (schema, steps) = (server.schema(), [MIGRATIONS[0], MIGRATIONS[1], FURTHER]);
    let mut client = connect(&schema).await;
    run(&mut client, schema.name(), &steps[..2]).await.unwrap();
    assert_eq!(stored_version(&client).await, FIRST_VERSION + 1);
    let register = "SELECT register_domain('bank', ARRAY['bank-account'])";
    client.batch_execute(register).await.unwrap();
    client.batch_execute("DROP FUNCTION draw_positions").await.unwrap();
    for _ in 0..2 {
        run(&mut client, schema.name(), &steps).await.unwrap();
        assert_eq!(stored_version(&client).await, FIRST_VERSION + 2);
        let migrated = ("bank-account".to_owned(), Some("migrated".to_owned()));
        assert_eq!(owners(&client).await, [migrated]);
    }
    // The step has replaced the functions.
    client.batch_execute("SELECT draw_positions(1)").await.unwrap();
    // A release with one step rejects the schema of three steps.
    let error = run(&mut client, schema.name(), &steps[..1]).await.unwrap_err();
    assert!(error.to_string().ends_with("knows versions up to 5: use a newer release"), "{error}");
}

#[tokio::test]
async fn new_schema_gets_both_steps() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let mut client = connect(&schema).await;
    run(&mut client, schema.name(), &[MIGRATIONS[0], FURTHER]).await.unwrap();
    assert_eq!(stored_version(&client).await, FIRST_VERSION + 1);
    assert_eq!(owners(&client).await, []);
}

#[tokio::test]
async fn failed_step_keeps_the_version() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let mut client = connect(&schema).await;
    run(&mut client, schema.name(), &MIGRATIONS[..1]).await.unwrap();
    let broken = format!("{FURTHER}; SELECT 1 / 0");
    run(&mut client, schema.name(), &[MIGRATIONS[0], &broken]).await.unwrap_err();
    assert_eq!(stored_version(&client).await, FIRST_VERSION);
    client.query("SELECT note FROM resource_owner", &[]).await.unwrap_err();
}
