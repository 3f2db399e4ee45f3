//! The code of the chapter "The PostgreSQL store" (`docs/src/postgres.md`).
//!
//! It needs a server, so it is only compiled.

#![allow(dead_code, reason = "the functions need a server")]

// ANCHOR: opening
use banking_domain::TransactionManagerDomain;
use fluvius::postgres::PostgresStore;
use fluvius::{Domain, DomainRuntime};

/// Starts the bank over a database.
async fn start_bank() -> Result<DomainRuntime, Box<dyn std::error::Error>> {
    // Or `.open_from_env()`, which takes the address from `DATABASE_URL`.
    let store = PostgresStore::options()
        .schema("bank")
        .open("postgres://bank:secret@db.example/bank")
        .await?;
    Ok(TransactionManagerDomain::runtime(store).await?)
}
// ANCHOR_END: opening

// ANCHOR: shared_store
use tokio::sync::OnceCell;

/// Returns the store that all tests share; it works on a thread of its own.
async fn shared_store() -> PostgresStore {
    static STORE: OnceCell<PostgresStore> = OnceCell::const_new();
    let open = || async {
        let options = PostgresStore::options().own_thread(true);
        options.open_from_env().await.expect("the database of the tests")
    };
    STORE.get_or_init(open).await.clone()
}
// ANCHOR_END: shared_store
