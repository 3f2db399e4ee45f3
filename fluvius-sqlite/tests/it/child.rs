//! A second process with the same file: this test binary, which runs one test as its program.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// Environment variable with the file of the store.
const FILE: &str = "FLUVIUS_SQLITE_CHILD_FILE";

/// The file of the store, if this process is the second one.
pub(crate) fn file() -> Option<String> {
    std::env::var(FILE).ok()
}

/// A second process and its pipes.
pub(crate) struct ChildProcess {
    child: Child,
    input: ChildStdin,
    output: BufReader<std::process::ChildStdout>,
}

impl ChildProcess {
    /// Starts a test of this binary as the program of a process that opens `file`. `change` may
    /// change the command before.
    pub(crate) fn start(test: &str, file: &Path, change: impl FnOnce(&mut Command)) -> Self {
        Self::run(Command::new(std::env::current_exe().unwrap()), test, file, change)
    }

    /// As [`start`](Self::start), as a user without permissions.
    pub(crate) fn start_unprivileged(test: &str, file: &Path) -> Self {
        let id = Command::new("id").arg("-u").output().unwrap();
        if id.stdout != b"0\n" {
            return Self::start(test, file, |_| {});
        }
        // The superuser may write to any file.
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.arg(std::env::current_exe().unwrap());
        Self::run(command, test, file, |_| {})
    }

    /// As [`start`](Self::start), but the process ignores the signal for a file above its size
    /// limit: the write fails instead.
    pub(crate) fn start_without_signal(test: &str, file: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", r#"trap '' XFSZ; exec "$@""#, "sh"]);
        command.arg(std::env::current_exe().unwrap());
        Self::run(command, test, file, |_| {})
    }

    /// Returns the id of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn run(
        mut command: Command,
        test: &str,
        file: &Path,
        change: impl FnOnce(&mut Command),
    ) -> Self {
        command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(FILE, file);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    /// Sends a line to the process.
    pub(crate) fn send(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
        self.input.flush().unwrap();
    }

    /// Waits for the next line of the program. Skips the lines of the test harness.
    pub(crate) fn receive(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let length = self.output.read_line(&mut line).unwrap();
            assert!(length > 0, "the other process has ended: {:?}", self.child.wait());
            if let Some((_, text)) = line.trim_end().split_once(PREFIX) {
                return text.to_owned();
            }
        }
    }

    /// Kills the process, as a crash would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Closes the input of the process and waits until it has ended.
    pub(crate) fn end(mut self) {
        drop(self.input);
        assert!(self.child.wait().unwrap().success());
    }
}

/// Builds a C library for `LD_PRELOAD` in a folder. Its source is in the folder of the tests.
pub(crate) fn library(source: &str, folder: &Path) -> PathBuf {
    let library = folder.join(source).with_extension("so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(source);
    // The build of SQLite needs the same compiler.
    let mut compiler = Command::new("cc");
    let built = compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
    assert!(built.unwrap().success());
    library
}

/// Prefix of the lines that the program sends.
const PREFIX: &str = "child says: ";

/// Sends a line to the first process.
pub(crate) fn send_line(what: impl std::fmt::Display) {
    println!("{PREFIX}{what}");
}

/// Returns the next line of the first process, or `None` once it has ended.
pub(crate) fn receive_line() -> Option<String> {
    let mut line = String::new();
    let length = std::io::stdin().lock().read_line(&mut line).unwrap();
    (length > 0).then(|| line.trim_end().to_owned())
}
