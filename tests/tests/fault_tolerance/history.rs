//! What clients have asked and heard, in one order over all processes.
//!
//! An entry is made before a request is sent, and after its answer has come. Within a process the
//! order is that of a lock. Between processes it is that of the lines in one pipe, which all of
//! them write to: a line is one write, and a pipe takes a short write whole. So an answer that
//! stands before a request in the history had come before the request was sent, without a clock.

use std::collections::BTreeMap;
use std::io::{PipeWriter, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use fluvius_core::{AggregateId, CommandBundle, Error, Response};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// One client, in one life of its process.
pub type Client = u64;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Entry {
    Invoke(Client, Request),
    Return(Client, Outcome),
    /// A process is about to be killed.
    Kill,
    /// Something is about to happen between the processes and the content.
    InjectedFault(InjectedFault),
}

/// What may happen to a server, or on the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum InjectedFault {
    /// The connection of the next commit is cut, and all others with it.
    Connection,
    /// All sessions are ended by the server.
    Backends,
    /// The server crashes, and is started again.
    Server,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Request {
    Send(CommandBundle),
    /// The states of these aggregates, at one moment.
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
    /// A fault that says that nothing is stored.
    Failed {
        code: String,
    },
    /// A fault that does not say what is stored.
    Unknown,
    /// What a snapshot has found.
    Rows(Vec<Option<ObservedState>>),
}

/// What a client sees of an aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ObservedState {
    pub version: u64,
    pub balance: Decimal,
}

/// What a response tells.
#[derive(Debug, Clone, Deserialize)]
pub struct AppliedAnswer {
    pub command_id: uuid::Uuid,
    pub aggregate_id: AggregateId,
    pub version: u64,
    pub data: Balance,
}

/// The part of a state that is checked, of accounts and purses.
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
            Err(error) => match error.code() {
                "rejected" | "not-found" | "already-exists" => Self::Rejected {
                    code: error.rejection_code().unwrap_or(error.code()).to_owned(),
                    message: error.to_string(),
                },
                "outcome-unknown" => Self::Unknown,
                code => Self::Failed { code: code.to_owned() },
            },
        }
    }

    /// What it tells, where a command was applied.
    pub fn applied(&self) -> Option<AppliedAnswer> {
        match self {
            Self::Applied(text) => Some(serde_json::from_str(text).unwrap()),
            _ => None,
        }
    }

    /// Whether the store could not be reached, and nothing is stored.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Failed { code } if code == "store-unavailable")
    }

    /// Whether it is the answer that the same command must always get.
    pub fn is_recorded(&self) -> bool {
        matches!(self, Self::Applied(_) | Self::Rejected { .. })
    }
}

impl ObservedState {
    pub fn of(applied: &AppliedAnswer) -> Self {
        Self { version: applied.version, balance: applied.data.balance }
    }
}

/// A request and what came of it: `None` where no answer has come.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The indexes of its entries in the history.
    pub invoked: usize,
    pub returned: Option<usize>,
    pub request: Request,
    pub outcome: Option<Outcome>,
}

/// The requests of a history, in the order in which they were sent.
pub fn requests(history: &[Entry]) -> Vec<Exchange> {
    let mut all: Vec<Exchange> = Vec::new();
    let mut open: BTreeMap<Client, usize> = BTreeMap::new();
    for (at, entry) in history.iter().enumerate() {
        match entry {
            Entry::Invoke(client, request) => {
                let before = open.insert(*client, all.len());
                assert_eq!(before, None, "a client waits for its answer");
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

/// How often what has happened in a history.
pub fn injected(history: &[Entry]) -> BTreeMap<InjectedFault, u64> {
    let mut injected = BTreeMap::new();
    for entry in history {
        if let Entry::InjectedFault(inject) = entry {
            *injected.entry(*inject).or_default() += 1;
        }
    }
    injected
}

/// A history in the making, and how many answers it has.
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

    /// How many answers have come.
    pub fn answers(&self) -> usize {
        self.content.lock().unwrap().1
    }

    /// Waits for so many answers; says whether they came in time.
    pub fn wait_for_answers(&self, count: usize, time: Duration) -> bool {
        self.wait(|(_, answers)| *answers >= count, time)
    }

    /// Waits until something is true of the history; says whether it became so in time.
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

/// Where a client writes its entries.
#[derive(Debug, Clone)]
pub enum Recorder {
    Here(Arc<HistoryCollector>),
    Pipe(Arc<PipeWriter>),
    /// The pipe, in a process that has it as its output.
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

/// Before an entry in the pipe: the test harness of the other process writes there too.
const LINE_PREFIX: &str = "entry: ";

/// What a pipe takes whole on Linux (`PIPE_BUF`).
const MAX_ATOMIC_WRITE: usize = 4096;

fn line(entry: &Entry) -> String {
    let line = format!("{LINE_PREFIX}{}\n", serde_json::to_string(entry).unwrap());
    assert!(line.len() <= MAX_ATOMIC_WRITE, "a longer line may be torn: {line}");
    line
}

/// The entry of a line, if it has one.
pub fn read(line: &str) -> Option<Entry> {
    let (_, entry) = line.split_once(LINE_PREFIX)?;
    Some(serde_json::from_str(entry).unwrap())
}
