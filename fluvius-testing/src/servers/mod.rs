//! PostgreSQL servers for tests: an existing one, or private ones. The API consists of addresses
//! and schema names as text, independent of any store.

mod private_server;
mod proxy;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::NoTls;

pub use self::private_server::PrivateServer;
pub use self::proxy::{Cut, Proxy};

/// The environment variables with the address of a server, in order of precedence.
const URL_VARIABLES: [&str; 2] = ["FLUVIUS_POSTGRES_URL", "DATABASE_URL"];

/// A server shared by tests.
#[derive(Debug, Clone, Copy)]
pub struct TestServer {
    url: &'static str,
}

impl TestServer {
    /// Returns the server at the address in `FLUVIUS_POSTGRES_URL` or `DATABASE_URL`. Otherwise, if
    /// `initdb` is installed, it returns a private one, which runs as long as the process. Returns
    /// `None`, and prints a line, if there is neither.
    ///
    /// # Panics
    /// If there is no server although the variable `CI` is `true`, or if a private one does not
    /// start.
    pub fn get() -> Option<Self> {
        static FOUND: OnceLock<Option<String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| {
            let named = URL_VARIABLES.iter().find_map(|name| std::env::var(name).ok());
            named.or_else(|| {
                let server = PrivateServer::start(&[])?;
                let url = server.url();
                // The pipe to its script stays open as long as this process runs.
                std::mem::forget(server);
                Some(url)
            })
        });
        if found.is_none() {
            skipped("install it, or set FLUVIUS_POSTGRES_URL");
        }
        Some(Self { url: found.as_deref()? })
    }

    /// Returns its address.
    pub fn url(&self) -> &'static str {
        self.url
    }

    /// Returns the name of a new schema. The schema is dropped with the value.
    pub fn schema(&self) -> TestSchema {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("fluvius_test_{}_{count}", std::process::id());
        TestSchema { url: self.url, name }
    }
}

/// Prints that a test is skipped. Panics in continuous integration, where no test may be skipped.
fn skipped(remedy: &str) {
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!is_ci, "CI must provide PostgreSQL: {remedy}");
    eprintln!("skipped: no PostgreSQL; {remedy}");
}

/// The name of a schema for a test, which is dropped with the value.
#[derive(Debug)]
pub struct TestSchema {
    url: &'static str,
    name: String,
}

impl TestSchema {
    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the address of its server.
    pub fn url(&self) -> &'static str {
        self.url
    }
}

impl Drop for TestSchema {
    fn drop(&mut self) {
        let (url, name) = (self.url, self.name.clone());
        // A thread with a runtime of its own, since this thread may be within a runtime.
        let drop_it = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                let Ok((client, connection)) = tokio_postgres::connect(url, NoTls).await else {
                    return;
                };
                let connection = tokio::spawn(connection);
                let sql =
                    format!("SET lock_timeout = '10s'; DROP SCHEMA IF EXISTS \"{name}\" CASCADE");
                // A schema that is left over ends with a private server, and is visible in a given
                // one.
                let _ = client.batch_execute(&sql).await;
                drop(client);
                let _ = connection.await;
            });
        });
        let _ = drop_it.join();
    }
}
