//! Servers for tests: one that is named, or a private one.

mod private;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::NoTls;

pub use self::private::PrivateServer;
use crate::{PostgresOptions, PostgresStore};

/// The variables that name a server, the first that is set.
const URL_VARIABLES: [&str; 2] = ["FLUVIUS_POSTGRES_URL", "DATABASE_URL"];

/// A server that tests may use.
#[derive(Debug, Clone, Copy)]
pub struct TestServer {
    url: &'static str,
}

impl TestServer {
    /// The server that `FLUVIUS_POSTGRES_URL` or `DATABASE_URL` names; otherwise, where `initdb` is installed, a
    /// private one, which is made once a process and ends with it. `None` where there is neither, which is said.
    ///
    /// # Panics
    /// Where there is no server although the variable `CI` is `true`, and where a private one cannot be made.
    pub fn get() -> Option<Self> {
        static FOUND: OnceLock<Option<String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| {
            let named = URL_VARIABLES.iter().find_map(|name| std::env::var(name).ok());
            named.or_else(|| {
                let server = PrivateServer::make(&[])?;
                let url = server.url();
                // Its end of the pipe is open as long as this process runs.
                std::mem::forget(server);
                Some(url)
            })
        });
        if found.is_none() {
            skipped("install it, or set FLUVIUS_POSTGRES_URL");
        }
        Some(Self { url: found.as_deref()? })
    }

    /// Its address.
    pub fn url(&self) -> &'static str {
        self.url
    }

    /// An empty schema of its own, dropped with the value.
    pub fn schema(&self) -> TestSchema {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("fluvius_test_{}_{count}", std::process::id());
        TestSchema { url: self.url, name }
    }
}

/// Says that a test is left out since there is no server, and why that is not to be in continuous integration.
fn skipped(remedy: &str) {
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!is_ci, "CI must provide PostgreSQL: {remedy}");
    eprintln!("skipped: no PostgreSQL; {remedy}");
}

/// A schema of a test.
#[derive(Debug)]
pub struct TestSchema {
    url: &'static str,
    name: String,
}

impl TestSchema {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address of its server.
    pub fn url(&self) -> &'static str {
        self.url
    }

    /// The options of a store in it.
    pub fn options(&self) -> PostgresOptions {
        PostgresStore::options().schema(&self.name).max_readers(4)
    }

    /// Opens a store in it.
    ///
    /// # Panics
    /// Where that fails.
    pub async fn open(&self) -> PostgresStore {
        match self.options().open(self.url).await {
            Ok(store) => store,
            Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
        }
    }
}

impl Drop for TestSchema {
    fn drop(&mut self) {
        let (url, name) = (self.url, self.name.clone());
        // A runtime of its own, on a thread of its own: this one may be inside of one, or at its end.
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
                // What is left over goes with a private server, and is seen in a named one.
                let _ = client.batch_execute(&sql).await;
                drop(client);
                let _ = connection.await;
            });
        });
        let _ = drop_it.join();
    }
}
