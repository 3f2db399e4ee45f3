//! A second process over the same file: this test binary again, with one test that is a program.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// Environment variable with the file of the store.
const FILE: &str = "FLUVIUS_SQLITE_CHILD_FILE";

/// The file of the store, if this process is the second one.
pub(crate) fn file() -> Option<String> {
    std::env::var(FILE).ok()
}

/// A second process, and the ends of its pipes.
pub(crate) struct Other {
    child: Child,
    input: ChildStdin,
    output: BufReader<std::process::ChildStdout>,
}

impl Other {
    /// Starts a test of this binary as a program over a file. The command may be changed before.
    pub(crate) fn start(test: &str, file: &Path, change: impl FnOnce(&mut Command)) -> Self {
        Self::run(Command::new(std::env::current_exe().unwrap()), test, file, change)
    }

    /// As [`start`](Self::start), as a user who may do nothing.
    pub(crate) fn start_as_nobody(test: &str, file: &Path) -> Self {
        let id = Command::new("id").arg("-u").output().unwrap();
        if id.stdout != b"0\n" {
            return Self::start(test, file, |_| {});
        }
        // To the superuser nothing is read-only.
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.arg(std::env::current_exe().unwrap());
        Self::run(command, test, file, |_| {})
    }

    /// As [`start`](Self::start), without the signal for a file that exceeds its size limit: the
    /// write fails instead.
    pub(crate) fn start_without_signal(test: &str, file: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", r#"trap '' XFSZ; exec "$@""#, "sh"]);
        command.arg(std::env::current_exe().unwrap());
        Self::run(command, test, file, |_| {})
    }

    /// The system's number of the process.
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

    /// Sends a line.
    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").unwrap();
        self.input.flush().unwrap();
    }

    /// Waits for the next line that the program says, past those of the test harness.
    pub(crate) fn hear(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let length = self.output.read_line(&mut line).unwrap();
            assert!(length > 0, "the other process has ended: {:?}", self.child.wait());
            if let Some((_, said)) = line.trim_end().split_once(SAYS) {
                return said.to_owned();
            }
        }
    }

    /// Ends the program at once, as a crash would, if it has not ended by itself.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end of the program.
    pub(crate) fn end(mut self) {
        drop(self.input);
        assert!(self.child.wait().unwrap().success());
    }
}

/// A library of C that is put before the system's, built anew in a folder; its source lies beside
/// the tests.
pub(crate) fn library(source: &str, folder: &Path) -> PathBuf {
    let library = folder.join(source).with_extension("so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(source);
    // SQLite itself was built with it.
    let mut compiler = Command::new("cc");
    let built = compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
    assert!(built.unwrap().success());
    library
}

/// Before what the program says.
const SAYS: &str = "child says: ";

/// Says something to the first process.
pub(crate) fn say(what: impl std::fmt::Display) {
    println!("{SAYS}{what}");
}

/// Returns the next line of the first process, or `None` once it has ended.
pub(crate) fn told() -> Option<String> {
    let mut line = String::new();
    let length = std::io::stdin().lock().read_line(&mut line).unwrap();
    (length > 0).then(|| line.trim_end().to_owned())
}
