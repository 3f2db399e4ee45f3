//! The server as a process, and a client that sends one request on each connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// The path of the accounts.
pub const ACCOUNTS: &str = "/transaction-manager/bank-account";

/// A running server. Dropping it kills the process.
pub struct Bank {
    pub address: SocketAddr,
    process: Child,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

pub fn command(folder: &Path, address: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_banking-domain"));
    let store = format!("sqlite:{}", folder.join("bank.db").display());
    command.args(["serve", "--listen", address, "--store", &store]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

impl Bank {
    /// Starts the server on a free port, over the bank in a folder.
    pub fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    /// Starts the server with further arguments.
    pub fn start_with(folder: &Path, arguments: &[(&str, String)]) -> Self {
        let mut command = command(folder, "127.0.0.1:0");
        for (name, value) in arguments {
            command.args([name, value.as_str()]);
        }
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().expect("the server starts").unwrap();
            if let Some((_, address)) = line.split_once("listening address=") {
                break address.trim().parse().unwrap();
            }
        };
        // The process must not wait for a reader of its log.
        std::thread::spawn(move || for _ in lines {});
        Self { address, process }
    }

    /// Kills the process without a chance to finish anything.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks the process to end, and waits for it.
    pub fn terminate(mut self) -> ExitStatus {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        self.process.wait().unwrap()
    }
}

impl Drop for Bank {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sends a command to a path of the accounts. Returns `None` if there is no complete answer.
pub fn post(address: SocketAddr, path: &str, key: Option<&str>, body: &str) -> Option<Answer> {
    let key = key.map(|key| format!("idempotency-key: {key}\r\n")).unwrap_or_default();
    let length = body.len();
    let request = format!(
        "POST {ACCOUNTS}/{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{key}\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    exchange(address, &request)
}

pub fn get(address: SocketAddr, path: &str) -> Option<Answer> {
    let request =
        format!("GET {ACCOUNTS}{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    exchange(address, &request)
}

fn exchange(address: SocketAddr, request: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    let length: usize = length.parse().ok()?;
    (body.len() == length).then(|| Answer { status, head, body: body.to_owned() })
}
