//! A private server of a single test, which can be crashed, restarted and restored.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::skipped;

/// Creates a cluster in a folder, runs it on a socket in that folder, and executes orders from its
/// input, one per line. It ends when this process ends in any way, since that closes the pipe.
const SCRIPT: &str = r#"
set -e
options="-c listen_addresses='' -c unix_socket_directories='$FOLDER' -c max_connections=400"
start() {
    # Just after a crash, the sessions of the old server may still hold its shared memory.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        "$BIN/pg_ctl" -D "$FOLDER/data" -w -s -l "$FOLDER/server.log" \
            -o "$options $SETTINGS" start >&2 && return
        sleep 1
    done
    tail -n 20 "$FOLDER/server.log" >&2
    return 1
}
crash() {
    "$BIN/pg_ctl" -D "$FOLDER/data" -s -m immediate stop >&2
}
"$BIN/initdb" -D "$FOLDER/data" -U postgres -A trust -E UTF8 --locale=C >"$FOLDER/initdb.log" 2>&1
start
trap 'crash 2>/dev/null || true; rm -rf "$FOLDER"' EXIT
echo done
while read -r order; do
    case "$order" in
        start) start ;;
        crash) crash ;;
        keep) cp -a "$FOLDER/data" "$FOLDER/kept" ;;
        set-back) rm -rf "$FOLDER/data"; cp -a "$FOLDER/kept" "$FOLDER/data" ;;
    esac
    echo done
done
"#;

/// A server of a single test, on a socket in a temporary folder. Dropping it stops the server and
/// removes the folder.
#[derive(Debug)]
pub struct PrivateServer {
    binaries: PathBuf,
    folder: PathBuf,
    script: Child,
    answers: BufReader<std::process::ChildStdout>,
}

impl PrivateServer {
    /// Starts a server with settings, each as `name=value`. Returns `None`, and prints a line, if
    /// PostgreSQL is not installed.
    ///
    /// # Panics
    /// If PostgreSQL is not installed although the variable `CI` is `true`, or if the server does
    /// not start.
    pub fn start_with(settings: &[&str]) -> Option<Self> {
        let server = Self::start(settings);
        if server.is_none() {
            skipped("install it: this test needs a server of its own");
        }
        server
    }

    pub(super) fn start(settings: &[&str]) -> Option<Self> {
        let binaries = binaries()?;
        let folder = tempfile::Builder::new().prefix("fluvius-postgres-").tempdir();
        // The script removes it, also after a crash of this process.
        let folder = folder.map(tempfile::TempDir::keep);
        let folder = folder.unwrap_or_else(|error| panic!("no temporary folder: {error}"));
        let settings: Vec<_> = settings.iter().map(|setting| format!("-c {setting}")).collect();
        let mut command = shell(&folder);
        let script = command.arg("-c").arg(SCRIPT).env("BIN", &binaries).env("FOLDER", &folder);
        let script = script.env("SETTINGS", settings.join(" ")).current_dir("/");
        let spawned = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut script = spawned.unwrap_or_else(|error| panic!("no private server: {error}"));
        let answers = script.stdout.take().unwrap_or_else(|| panic!("the script has no output"));
        let mut server = Self { binaries, folder, script, answers: BufReader::new(answers) };
        server.wait("start for the first time");
        Some(server)
    }

    /// Returns its address.
    pub fn url(&self) -> String {
        format!("host={} user=postgres dbname=postgres", self.folder.display())
    }

    /// Returns the socket that it listens on.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// Returns the path of a program of its PostgreSQL installation.
    pub fn program(&self, name: &str) -> PathBuf {
        self.binaries.join(name)
    }

    /// Crashes the server: sessions are cut off, and nothing more is written to disk. Blocks until
    /// it has ended.
    pub fn crash(&mut self) {
        self.order("crash");
    }

    /// Starts the server again. Blocks until it accepts connections.
    pub fn restart(&mut self) {
        self.order("start");
    }

    /// Copies the data directory. The server must be stopped.
    pub fn keep(&mut self) {
        self.order("keep");
    }

    /// Replaces the data directory by the copy. The server must be stopped.
    pub fn set_back(&mut self) {
        self.order("set-back");
    }

    fn order(&mut self, order: &str) {
        let pipe = self.script.stdin.as_mut();
        let sent = pipe.map(|pipe| pipe.write_all(format!("{order}\n").as_bytes()));
        assert!(
            matches!(sent, Some(Ok(()))),
            "the private server does not receive the order {order}"
        );
        self.wait(order);
    }

    fn wait(&mut self, order: &str) {
        let mut line = String::new();
        let _ = self.answers.read_line(&mut line);
        let folder = self.folder.display();
        assert!(
            line.trim() == "done",
            "the private server did not {order}: see the logs in {folder}"
        );
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        let _ = self.script.wait();
    }
}

/// Finds the folder with the programs of PostgreSQL.
fn binaries() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&on_path).collect();
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<PathBuf> = debian.map(|version| version.path().join("bin")).collect();
    debian.sort();
    folders.extend(debian.into_iter().rev());
    let found = folders.into_iter().map(|folder| folder.join("initdb")).find(|it| it.is_file())?;
    // It may be a link to the folder of the other programs.
    std::fs::canonicalize(found).ok()?.parent().map(Path::to_owned)
}

/// Returns a shell whose user may run PostgreSQL in a folder.
fn shell(folder: &Path) -> Command {
    if !is_root() {
        return Command::new("sh");
    }
    // PostgreSQL does not run as root.
    let owned = Command::new("chown").arg("postgres").arg(folder).status();
    assert!(
        owned.is_ok_and(|status| status.success()),
        "root needs a user `postgres` to run a private server, or FLUVIUS_POSTGRES_URL"
    );
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "sh"]);
    command
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
