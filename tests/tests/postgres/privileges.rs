//! Users with few privileges: the error contains the missing `GRANT`, and after it the store works.

use banking_domain::TransactionManagerDomain;
use fluvius_core::uuid::Uuid;
use fluvius_core::{Domain, DomainContext, Store, StoreError};
use fluvius_postgres::PostgresStore;
use fluvius_testing::servers::PrivateServer;
use serde_json::json;
use tokio_postgres::Client;

use crate::client;

/// Starts a server. Returns a connection of the administrator, and the address.
async fn start() -> Option<(PrivateServer, Client, String)> {
    let server = PrivateServer::start_with(&[])?;
    let admin = client(&server.url()).await;
    let sql = "REVOKE CREATE ON DATABASE postgres FROM PUBLIC; CREATE ROLE owner LOGIN; \
               CREATE ROLE \"few Rights\" LOGIN";
    admin.batch_execute(sql).await.unwrap();
    let url = server.url();
    Some((server, admin, url))
}

fn of_user(url: &str, user: &str) -> String {
    url.replace("user=postgres", &format!("user='{user}'"))
}

/// Returns the statements in an error.
fn remedies(error: &StoreError) -> Vec<String> {
    assert!(!error.is_retryable(), "{error}");
    let message = error.to_string();
    assert!(!message.contains("backup"), "{message}");
    let parts = message.split('`').skip(1).step_by(2);
    parts
        .filter(|part| part.starts_with("GRANT") || part.starts_with("CREATE"))
        .map(str::to_owned)
        .collect()
}

async fn check_works(store: PostgresStore) {
    let domain = TransactionManagerDomain::runtime(store).await.unwrap();
    let mut session = domain.session(DomainContext::create("test"));
    session.set_aggroot("bank-account", Uuid::new_v4());
    let open = json!({ "account_number": "1", "owner_name": "x", "initial_deposit": "1.00" });
    let open = session.create_command("open-account", open).unwrap();
    session.process_command(open).await.unwrap();
    let deposit = session.create_command("deposit-money", json!({ "amount": "1.00" })).unwrap();
    session.process_command(deposit).await.unwrap();
    domain.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_privilege_to_create_a_schema_is_named() {
    let Some((_server, admin, url)) = start().await else { return };
    let url = of_user(&url, "owner");
    for (name, made, number) in [
        ("by_schema", None, 0),
        ("by_database", None, 1),
        ("by_grant", Some("CREATE SCHEMA by_grant"), 0),
    ] {
        if let Some(made) = made {
            admin.batch_execute(made).await.unwrap();
        }
        let options = PostgresStore::options().schema(name);
        let error = options.clone().open(&url).await.unwrap_err();
        assert!(error.to_string().contains("lacks the privilege to create"), "{error}");
        admin.batch_execute(&remedies(&error)[number]).await.unwrap();
        check_works(options.open(&url).await.unwrap()).await;
        admin.batch_execute("REVOKE CREATE ON DATABASE postgres FROM owner").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_privileges_in_a_schema_are_named_together() {
    let Some((_server, admin, url)) = start().await else { return };
    admin.batch_execute("CREATE SCHEMA fluvius AUTHORIZATION owner").await.unwrap();
    // The owner creates the tables of declared fields too.
    let store = PostgresStore::open(&of_user(&url, "owner")).await.unwrap();
    let field = fluvius_core::query::Field::text("owner_name");
    store.register_domain("transaction-manager", &["bank-account"]).await.unwrap();
    store.declare_indexes("bank-account", &[field]).await.unwrap();

    let few = of_user(&url, "few Rights");
    let error = PostgresStore::open(&few).await.unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("the user `few Rights` lacks privileges in the schema `fluvius`"),
        "{message}"
    );
    for part in [
        "GRANT USAGE ON SCHEMA fluvius TO \"few Rights\"",
        "GRANT USAGE, UPDATE ON SEQUENCE fluvius.\"position\" TO",
        "GRANT SELECT, INSERT ON fluvius.activity_log, fluvius.command_log, fluvius.context_log,",
        "fluvius.field_",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    // A single missing privilege is found as well.
    let all = remedies(&error);
    admin.batch_execute(&all[0]).await.unwrap();
    check_works(PostgresStore::open(&few).await.unwrap()).await;
    for (revoked, named) in [
        ("USAGE ON SCHEMA fluvius", "GRANT USAGE ON SCHEMA fluvius TO \"few Rights\""),
        (
            "UPDATE ON SEQUENCE fluvius.position",
            "GRANT USAGE, UPDATE ON SEQUENCE fluvius.\"position\" TO \"few Rights\"",
        ),
        (
            "INSERT ON fluvius.event_log",
            "GRANT SELECT, INSERT ON fluvius.event_log TO \"few Rights\"",
        ),
    ] {
        admin.batch_execute(&format!("REVOKE {revoked} FROM \"few Rights\"")).await.unwrap();
        let error = PostgresStore::open(&few).await.unwrap_err();
        assert_eq!(remedies(&error), [named], "{error}");
        admin.batch_execute(named).await.unwrap();
    }
    let sql = "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA fluvius FROM PUBLIC";
    admin.batch_execute(sql).await.unwrap();
    let error = PostgresStore::open(&few).await.unwrap_err();
    let named = "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA fluvius TO \"few Rights\"";
    assert_eq!(remedies(&error), [named], "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_login_is_explained() {
    let Some((_server, _admin, url)) = start().await else { return };
    for (url, message) in [
        (of_user(&url, "nobody"), "the server rejected the login: "),
        (url.replace("dbname=postgres", "dbname=nothing"), "does not have the database"),
    ] {
        let error = PostgresStore::open(&url).await.unwrap_err();
        assert!(!error.is_retryable() && error.to_string().contains(message), "{error}");
    }
}
