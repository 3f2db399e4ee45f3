//! A server for tests: one that is named, or a private one.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::NoTls;

use crate::{PostgresOptions, PostgresStore};

/// The variables that name a server, the first that is set.
const URL_VARIABLES: [&str; 2] = ["FLUVIUS_POSTGRES_URL", "DATABASE_URL"];

/// Makes a cluster in a folder, runs it on a socket in there, and ends it with the test: whatever becomes of this
/// process, its end of the pipe is closed then.
const SCRIPT: &str = r#"
set -e
"$BIN/initdb" -D "$FOLDER/data" -U postgres -A trust -E UTF8 --locale=C >"$FOLDER/initdb.log" 2>&1
"$BIN/pg_ctl" -D "$FOLDER/data" -w -s -l "$FOLDER/server.log" \
    -o "-c listen_addresses='' -c unix_socket_directories='$FOLDER' -c max_connections=400" start >&2
echo ready
cat >/dev/null || true
"$BIN/pg_ctl" -D "$FOLDER/data" -s -m immediate stop >/dev/null 2>&1 || true
rm -rf "$FOLDER"
"#;

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
            named.or_else(|| binaries().map(|binaries| start(&binaries)))
        });
        if found.is_none() {
            let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
            assert!(!is_ci, "CI must provide PostgreSQL: install it, or set FLUVIUS_POSTGRES_URL");
            eprintln!("skipped: no PostgreSQL; install it, or set FLUVIUS_POSTGRES_URL");
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
        PostgresStore::options().schema(&self.name).reader_count(4)
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

/// Where the programs of PostgreSQL are.
fn binaries() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&on_path).collect();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<PathBuf> = debian.map(|version| version.path().join("bin")).collect();
    debian.sort();
    folders.extend(debian.into_iter().rev());
    folders.into_iter().find(|folder| folder.join("initdb").is_file())
}

/// Starts a private server, and gives its address.
fn start(binaries: &Path) -> String {
    let folder = tempfile::Builder::new().prefix("fluvius-postgres-").tempdir();
    // The script removes it: this process may not come to it.
    let folder = folder.map(tempfile::TempDir::keep);
    let folder = folder.unwrap_or_else(|error| panic!("no temporary folder: {error}"));
    let mut command = if is_root() {
        // PostgreSQL does not run as root.
        let owned = Command::new("chown").arg("postgres").arg(&folder).status();
        assert!(
            owned.is_ok_and(|status| status.success()),
            "root needs a user `postgres` to run a private server, or FLUVIUS_POSTGRES_URL"
        );
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    let script = command.arg("-c").arg(SCRIPT).env("BIN", binaries).env("FOLDER", &folder);
    let spawned = script.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut script = spawned.unwrap_or_else(|error| panic!("no private server: {error}"));
    let mut line = String::new();
    if let Some(output) = script.stdout.take() {
        let _ = BufReader::new(output).read_line(&mut line);
    }
    assert!(line.trim() == "ready", "no private server: see the logs in {}", folder.display());
    // Its end of the pipe is open as long as this process runs.
    std::mem::forget(script);
    format!("host={} user=postgres dbname=postgres", folder.display())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
