//! A bank on a PostgreSQL server, and the faults injected into the server and its connections.
//!
//! Each bank has its own server, so that faults affect this bank only. The next bank reuses the
//! server.

use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use fluvius_postgres::{Durability, PostgresStore};
use fluvius_testing::SeededRng;
use fluvius_testing::servers::{Cut, PrivateServer, Proxy};
use tokio::runtime::Runtime;

use crate::backend::Backend;
use crate::history::InjectedFault;
use crate::processes;

/// Longest outage of a server, and longest work for killed processes.
const MAX_OUTAGE: Duration = Duration::from_secs(60);

/// Waits until no client is connected.
const WAIT_UNTIL_IDLE: &str = "DO $$ BEGIN FOR try IN 1 .. 12000 LOOP PERFORM \
    pg_stat_clear_snapshot(); IF NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = \
    'client backend' AND pid <> pg_backend_pid()) THEN RETURN; END IF; PERFORM pg_sleep(0.005); \
    END LOOP; RAISE EXCEPTION 'a client is still connected'; END $$";

const TERMINATE_ALL: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";

/// A bank on a server that waits for its disk.
pub type DurablePostgres = PostgresBackend<true>;

/// A bank on a server that does not wait for its disk: a crash loses the last commits.
pub type FastPostgres = PostgresBackend<false>;

/// The beginnings of the statements that commit a batch.
const COMMITS: [&str; 2] = ["SELECT * FROM commit_batch(", "-- Commits a batch"];

/// A schema on a server, which processes reach through a proxy.
#[derive(Clone)]
pub struct PostgresBackend<const IS_DURABLE: bool> {
    url: String,
    schema: String,
    /// `None` in another process.
    own: Option<Arc<Own>>,
}

/// The server of a bank. The last clone drops the schema and releases the server.
struct Own {
    server: Mutex<Option<Server>>,
    schema: String,
}

struct Server {
    private: PrivateServer,
    proxy: Proxy,
    /// Number of banks so far.
    count: u32,
}

/// Servers without a bank.
static FREE: Mutex<Vec<Server>> = Mutex::new(Vec::new());

/// Runtime of the proxies.
fn proxies() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(processes::runtime)
}

impl Server {
    fn start() -> Option<Self> {
        let private = PrivateServer::start_with(&[])?;
        let proxy = proxies().block_on(Proxy::start(private.socket(), &COMMITS));
        Some(Self { private, proxy, count: 0 })
    }

    fn run(&self, sql: &str) {
        let mut psql = Command::new(self.private.program("psql"));
        let output = psql.args(["-X", "-q", "-c", sql, &self.private.url()]).output().unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl<const IS_DURABLE: bool> PostgresBackend<IS_DURABLE> {
    pub const SCHEME: &str = if IS_DURABLE { "postgres" } else { "postgres-hasty" };

    /// Returns the schema that another process has made, from [`Backend::address`].
    pub fn at(address: &str) -> Self {
        let (schema, url) = address.split_once(' ').unwrap();
        Self { url: url.to_owned(), schema: schema.to_owned(), own: None }
    }

    fn with_server<T>(&self, act: impl FnOnce(&mut Server) -> T) -> T {
        let own = self.own.as_ref().expect("this process has the server");
        act(own.server.lock().unwrap().as_mut().expect("the server stays until the end"))
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let Some(server) = self.server.get_mut().unwrap().take() else { return };
        server.run(&format!("DROP SCHEMA IF EXISTS {} CASCADE", self.schema));
        FREE.lock().unwrap().push(server);
    }
}

impl<const IS_DURABLE: bool> Backend for PostgresBackend<IS_DURABLE> {
    type Store = PostgresStore;

    const FAULTS: &[InjectedFault] = if IS_DURABLE {
        &[InjectedFault::Connection, InjectedFault::Backends, InjectedFault::Server]
    } else {
        &[InjectedFault::Server]
    };

    fn is_available() -> bool {
        let free = FREE.lock().unwrap().pop();
        let server = free.or_else(Server::start);
        let is_available = server.is_some();
        FREE.lock().unwrap().extend(server);
        is_available
    }

    fn create() -> Self {
        let free = FREE.lock().unwrap().pop();
        let mut server = free.or_else(Server::start).expect("PostgreSQL is installed");
        server.count += 1;
        let schema = format!("bank_{}", server.count);
        let url = server.proxy.url();
        let own = Own { server: Mutex::new(Some(server)), schema: schema.clone() };
        Self { url, schema, own: Some(Arc::new(own)) }
    }

    /// Waits until the server is available.
    async fn open(&self) -> PostgresStore {
        let begun = Instant::now();
        let durability = if IS_DURABLE { Durability::Full } else { Durability::Normal };
        let options = PostgresStore::options().schema(&self.schema).max_readers(4);
        let options = options.durability(durability);
        loop {
            match options.clone().open(&self.url).await {
                Ok(store) => return store,
                Err(error) if error.is_retryable() && begun.elapsed() < MAX_OUTAGE => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
            }
        }
    }

    fn address(&self) -> Option<String> {
        Some(format!("{}:{} {}", Self::SCHEME, self.schema, self.url))
    }

    fn inject(&self, inject: InjectedFault, rng: &mut SeededRng) {
        self.with_server(|server| match inject {
            InjectedFault::Connection => server.proxy.cut_next(*rng.pick(&Cut::ALL)),
            InjectedFault::Backends => server.run(TERMINATE_ALL),
            InjectedFault::Server => {
                server.private.crash();
                server.private.restart();
            }
        });
    }

    fn heal(&self) {
        self.with_server(|server| server.proxy.cut_next(None));
    }

    fn wait_until_idle(&self) {
        self.with_server(|server| server.run(WAIT_UNTIL_IDLE));
    }
}
