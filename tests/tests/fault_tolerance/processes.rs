//! The processes of a run, which share one history.

use std::io::{BufRead, BufReader, PipeWriter};
use std::process::{Child, ChildStdin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use fluvius_core::DomainContext;
use fluvius_testing::SeededRng;

use crate::backend::Backend;
use crate::child_process;
use crate::history::{self, Client, Entry, HistoryCollector, InjectedFault, Recorder};
use crate::requests::RequestMix;
use crate::workload::{self, Conditions, SENDER, Workload};

/// Kind of the processes: runtimes within this process, or processes of the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessKind {
    Runtimes,
    Processes,
}

/// Probability of an injected fault in thousandths.
const FAULTS_PER_MILLE: u64 = 400;

/// All processes of a run.
pub struct Processes<B> {
    backend: B,
    mix: RequestMix,
    conditions: Conditions,
    pub collector: Arc<HistoryCollector>,
    recorder: Recorder,
    /// The end of the pipe that children write to, and the thread that reads the other.
    pipe: Option<(Arc<PipeWriter>, JoinHandle<()>)>,
    pub next_client: Client,
}

impl<B: Backend> Processes<B> {
    pub fn new(kind: ProcessKind, backend: B, mix: RequestMix, conditions: Conditions) -> Self {
        let collector = Arc::new(HistoryCollector::default());
        let (recorder, pipe) = match kind {
            ProcessKind::Runtimes => (Recorder::Here(Arc::clone(&collector)), None),
            ProcessKind::Processes => {
                let (reader, writer) = std::io::pipe().unwrap();
                let writer = Arc::new(writer);
                let into = Arc::clone(&collector);
                let reading = std::thread::spawn(move || {
                    for line in BufReader::new(reader).lines() {
                        if let Some(entry) = history::read(&line.unwrap()) {
                            into.add(entry);
                        }
                    }
                });
                (Recorder::Pipe(Arc::clone(&writer)), Some((writer, reading)))
            }
        };
        // Client 0 opens the initial aggregates.
        Self { backend, mix, conditions, collector, recorder, pipe, next_client: 1 }
    }

    /// Opens the initial aggregates, over a store without faults.
    pub fn open(&self) {
        runtime().block_on(async {
            let domain = Conditions::default().domain(&self.backend, 0).await;
            let session = domain.session(DomainContext::create(SENDER));
            for request in self.mix.openings(&session) {
                workload::ask(&session, 0, request, &self.recorder).await;
            }
            domain.shutdown().await;
        });
    }

    /// Starts a process with `clients` clients that send `requests` requests each.
    pub fn start(&mut self, clients: u64, requests: u64, rng: &mut SeededRng) -> Process {
        let workload = Workload {
            seed: rng.next_u64(),
            first: self.next_client,
            clients,
            requests,
            mix: self.mix,
            conditions: self.conditions,
        };
        self.next_client += clients;
        match &self.pipe {
            Some((pipe, _)) => {
                let address = self.backend.address().expect("other processes can reach the store");
                let (child, input) =
                    child_process::start(&address, workload, pipe.try_clone().unwrap());
                Process::Child(child, Some(input))
            }
            None => {
                let runtime = runtime();
                let stop = Arc::new(AtomicBool::new(false));
                let (backend, recorder) = (self.backend.clone(), self.recorder.clone());
                let working = runtime.spawn(workload.run(backend, recorder, Arc::clone(&stop)));
                Process::Runtime { runtime, working, stop }
            }
        }
    }

    /// Kills a process without warning.
    pub fn kill(&self, process: Process) {
        self.recorder.add(Entry::Kill);
        match process {
            Process::Child(mut child, _) => {
                child.kill().unwrap();
                child.wait().unwrap();
            }
            Process::Runtime { runtime, .. } => runtime.shutdown_background(),
        }
    }

    /// Sometimes injects a random fault. Returns true if it has.
    pub fn inject(&self, rng: &mut SeededRng) -> bool {
        if B::FAULTS.is_empty() || !rng.happens(FAULTS_PER_MILLE) {
            return false;
        }
        let inject: InjectedFault = *rng.pick(B::FAULTS);
        self.recorder.add(Entry::InjectedFault(inject));
        self.backend.inject(inject, rng);
        true
    }

    /// Ends the run, after all processes, and returns the history.
    pub fn end(self) -> Vec<Entry> {
        drop(self.recorder);
        if let Some((pipe, reading)) = self.pipe {
            drop(pipe);
            reading.join().unwrap();
        }
        self.backend.heal();
        self.collector.take()
    }
}

/// Returns a runtime for a process or a check.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// A running process.
pub enum Process {
    /// A child and its input. The end of the input stops the child.
    Child(Child, Option<ChildStdin>),
    Runtime {
        runtime: tokio::runtime::Runtime,
        working: tokio::task::JoinHandle<()>,
        stop: Arc<AtomicBool>,
    },
}

impl Process {
    /// Stops the clients after their last answers, and ends the process.
    pub fn end(mut self) {
        match &mut self {
            // The process sees the end of its input.
            Self::Child(_, input) => drop(input.take()),
            Self::Runtime { stop, .. } => stop.store(true, Ordering::Relaxed),
        }
        self.wait();
    }

    /// Waits until the clients have sent all their requests.
    pub fn wait(self) {
        match self {
            Self::Child(mut child, _input) => assert!(child.wait().unwrap().success()),
            Self::Runtime { runtime, working, .. } => runtime.block_on(working).unwrap(),
        }
    }
}
