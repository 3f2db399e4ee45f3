//! The history of a run: requests and outcomes of all clients, in one order over all processes.
//!
//! An entry is written before a request is sent, and after its answer is received. A lock orders
//! the entries of a process. The pipe orders those of several processes: a line is one short write,
//! which is atomic. So if an answer precedes a request in the history, it was received before the
//! request was sent. No clock is needed.

use std::collections::BTreeMap;
use std::io::{PipeWriter, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use fluvius_core::{AggregateId, CommandBundle, Error, Response};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A client of one process.
pub type Client = u64;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Entry {
    Invoke(Client, Request),
    Return(Client, Outcome),
    /// A process is about to be killed.
    Kill,
    /// A fault is about to be injected.
    InjectedFault(InjectedFault),
}

/// A fault of a server, or of the connection to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum InjectedFault {
    /// The connection of the next commit is cut, and all others with it.
    Connection,
    /// The server ends all sessions.
    Backends,
    /// The server crashes, and is started again.
    Server,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Request {
    Send(CommandBundle),
    /// The states of these aggregates at one moment.
    Snapshot(Vec<AggregateId>),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// The response, as JSON text.
    Applied(String),
    Rejected {
        code: String,
        message: String,
    },
    /// A fault: nothing is stored.
    Failed {
        code: String,
    },
    /// In doubt.
    Unknown,
    /// The rows of a snapshot.
    Rows(Vec<Option<ObservedState>>),
}

/// The version and balance of an aggregate, as a client reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ObservedState {
    pub version: u64,
    pub balance: Decimal,
}

/// Fields of a response.
#[derive(Debug, Clone, Deserialize)]
pub struct AppliedAnswer {
    pub command_id: uuid::Uuid,
    pub aggregate_id: AggregateId,
    pub version: u64,
    pub data: Balance,
}

/// The checked field of a state.
#[derive(Debug, Clone, Deserialize)]
pub struct Balance {
    #[serde(deserialize_with = "any_decimal")]
    pub balance: Decimal,
}

fn any_decimal<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.parse().map_err(serde::de::Error::custom)
}

impl Outcome {
    pub fn of(answer: Result<Response, Error>) -> Self {
        match answer {
            Ok(response) => Self::Applied(serde_json::to_string(&response).unwrap()),
            Err(error) => match error.framework_code() {
                "rejected" | "not-found" | "already-exists" => {
                    Self::Rejected { code: error.code().to_owned(), message: error.to_string() }
                }
                "outcome-unknown" => Self::Unknown,
                code => Self::Failed { code: code.to_owned() },
            },
        }
    }

    /// Returns the response of an applied command.
    pub fn applied(&self) -> Option<AppliedAnswer> {
        match self {
            Self::Applied(text) => Some(serde_json::from_str(text).unwrap()),
            _ => None,
        }
    }

    /// Returns true if the store was unreachable, and so nothing is stored.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Failed { code } if code == "store-unavailable")
    }

    /// Returns true if a replay must give the same outcome.
    pub fn is_recorded(&self) -> bool {
        matches!(self, Self::Applied(_) | Self::Rejected { .. })
    }
}

impl ObservedState {
    pub fn of(applied: &AppliedAnswer) -> Self {
        Self { version: applied.version, balance: applied.data.balance }
    }
}

/// A request and its outcome: `None` if no answer came.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Indexes of its entries in the history.
    pub invoked: usize,
    pub returned: Option<usize>,
    pub request: Request,
    pub outcome: Option<Outcome>,
}

/// Returns the requests of a history, in the order in which they were sent.
pub fn requests(history: &[Entry]) -> Vec<Exchange> {
    let mut all: Vec<Exchange> = Vec::new();
    let mut open: BTreeMap<Client, usize> = BTreeMap::new();
    for (at, entry) in history.iter().enumerate() {
        match entry {
            Entry::Invoke(client, request) => {
                let before = open.insert(*client, all.len());
                assert_eq!(before, None, "a client sends one request at a time");
                let request = request.clone();
                all.push(Exchange { invoked: at, returned: None, request, outcome: None });
            }
            Entry::Return(client, outcome) => {
                let exchanges = open.remove(client).expect("an answer has its request");
                all[exchanges].returned = Some(at);
                all[exchanges].outcome = Some(outcome.clone());
            }
            Entry::Kill | Entry::InjectedFault(_) => {}
        }
    }
    all
}

/// Counts the injected faults of a history.
pub fn injected(history: &[Entry]) -> BTreeMap<InjectedFault, u64> {
    let mut injected = BTreeMap::new();
    for entry in history {
        if let Entry::InjectedFault(inject) = entry {
            *injected.entry(*inject).or_default() += 1;
        }
    }
    injected
}

/// A history that processes still append to, with its number of answers.
#[derive(Debug, Default)]
pub struct HistoryCollector {
    content: Mutex<(Vec<Entry>, usize)>,
    changed: Condvar,
}

impl HistoryCollector {
    pub fn add(&self, entry: Entry) {
        let mut content = self.content.lock().unwrap();
        content.1 += usize::from(matches!(entry, Entry::Return(..)));
        content.0.push(entry);
        self.changed.notify_all();
    }

    /// Returns the number of answers.
    pub fn answers(&self) -> usize {
        self.content.lock().unwrap().1
    }

    /// Waits for `count` answers. Returns false at the timeout.
    pub fn wait_for_answers(&self, count: usize, time: Duration) -> bool {
        self.wait(|(_, answers)| *answers >= count, time)
    }

    /// Waits for a condition on the history. Returns false at the timeout.
    pub fn wait_until(&self, is_so: impl Fn(&[Entry]) -> bool, time: Duration) -> bool {
        self.wait(|(entries, _)| is_so(entries), time)
    }

    fn wait(&self, is_so: impl Fn(&(Vec<Entry>, usize)) -> bool, time: Duration) -> bool {
        let content = self.content.lock().unwrap();
        let waited = self.changed.wait_timeout_while(content, time, |content| !is_so(content));
        !waited.unwrap().1.timed_out()
    }

    pub fn look<T>(&self, look: impl FnOnce(&[Entry]) -> T) -> T {
        look(&self.content.lock().unwrap().0)
    }

    pub fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut self.content.lock().unwrap().0)
    }
}

/// Destination of a client's entries.
#[derive(Debug, Clone)]
pub enum Recorder {
    Here(Arc<HistoryCollector>),
    Pipe(Arc<PipeWriter>),
    /// The pipe, in a child that has it as its output.
    Output,
}

impl Recorder {
    pub fn add(&self, entry: Entry) {
        match self {
            Self::Here(collector) => collector.add(entry),
            Self::Pipe(pipe) => pipe.as_ref().write_all(line(&entry).as_bytes()).unwrap(),
            Self::Output => std::io::stdout().lock().write_all(line(&entry).as_bytes()).unwrap(),
        }
    }
}

/// Prefix of an entry's line in the pipe, which the child's test harness writes to as well.
const LINE_PREFIX: &str = "entry: ";

/// Size of a write that a pipe takes whole on Linux (`PIPE_BUF`).
const MAX_ATOMIC_WRITE: usize = 4096;

fn line(entry: &Entry) -> String {
    let line = format!("{LINE_PREFIX}{}\n", serde_json::to_string(entry).unwrap());
    assert!(line.len() <= MAX_ATOMIC_WRITE, "a write of this length is not atomic: {line}");
    line
}

/// Returns the entry of a line, if it has one.
pub fn read(line: &str) -> Option<Entry> {
    let (_, entry) = line.split_once(LINE_PREFIX)?;
    Some(serde_json::from_str(entry).unwrap())
}
