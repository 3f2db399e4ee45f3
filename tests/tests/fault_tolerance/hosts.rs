//! The processes of a run: started, killed and ended, with one history of all of them.

use std::io::{BufRead, BufReader, PipeWriter};
use std::process::{Child, ChildStdin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use fluvius_core::DomainContext;
use fluvius_testing::SeededRng;

use crate::child;
use crate::history::{self, Client, Collected, Entry, Recorder, Strike};
use crate::places::Place;
use crate::requests::Mix;
use crate::work::{self, Conditions, SENDER, Work};

/// Whether a process is one, or a runtime of its own within this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Runtimes,
    Processes,
}

/// How often of a thousand times something happens where it may.
const STRUCK_PER_MILLE: u64 = 400;

/// All processes of a run.
pub struct Hosts<P> {
    place: P,
    mix: Mix,
    conditions: Conditions,
    pub collected: Arc<Collected>,
    recorder: Recorder,
    /// The end of the pipe that children write to, and who reads the other.
    pipe: Option<(Arc<PipeWriter>, JoinHandle<()>)>,
    pub next_client: Client,
}

impl<P: Place> Hosts<P> {
    pub fn new(kind: Kind, place: P, mix: Mix, conditions: Conditions) -> Self {
        let collected = Arc::new(Collected::default());
        let (recorder, pipe) = match kind {
            Kind::Runtimes => (Recorder::Here(Arc::clone(&collected)), None),
            Kind::Processes => {
                let (reader, writer) = std::io::pipe().unwrap();
                let writer = Arc::new(writer);
                let into = Arc::clone(&collected);
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
        // The first client is the one that opens what is there from the first.
        Self { place, mix, conditions, collected, recorder, pipe, next_client: 1 }
    }

    /// Opens what is there from the first, over a store as it should be.
    pub fn open(&self) {
        runtime().block_on(async {
            let domain = Conditions::default().domain(&self.place, 0).await;
            let session = domain.session(DomainContext::create(SENDER));
            for request in self.mix.openings(&session) {
                work::ask(&session, 0, request, &self.recorder).await;
            }
            domain.shutdown().await;
        });
    }

    /// Starts a process with so many clients, who send so many requests each, or until its end.
    pub fn start(&mut self, clients: u64, requests: u64, rng: &mut SeededRng) -> Host {
        let work = Work {
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
                let address = self.place.address().expect("other processes can reach it");
                let (child, input) = child::start(&address, &work, pipe.try_clone().unwrap());
                Host::Process(child, Some(input))
            }
            None => {
                let runtime = runtime();
                let stop = Arc::new(AtomicBool::new(false));
                let (place, recorder) = (self.place.clone(), self.recorder.clone());
                let working = runtime.spawn(work.run(place, recorder, Arc::clone(&stop)));
                Host::Runtime { runtime, working, stop }
            }
        }
    }

    /// Kills a process, in the middle of what it does.
    pub fn kill(&self, host: Host) {
        self.recorder.add(Entry::Kill);
        match host {
            Host::Process(mut child, _) => {
                child.kill().unwrap();
                child.wait().unwrap();
            }
            Host::Runtime { runtime, .. } => runtime.shutdown_background(),
        }
    }

    /// Now and then something happens between the processes and the content; says whether it has.
    pub fn strike(&self, rng: &mut SeededRng) -> bool {
        if P::STRIKES.is_empty() || !rng.happens(STRUCK_PER_MILLE) {
            return false;
        }
        let strike: Strike = *rng.pick(P::STRIKES);
        self.recorder.add(Entry::Strike(strike));
        self.place.strike(strike, rng);
        true
    }

    /// The history, when all processes have ended.
    pub fn end(self) -> Vec<Entry> {
        drop(self.recorder);
        if let Some((pipe, reading)) = self.pipe {
            drop(pipe);
            reading.join().unwrap();
        }
        self.place.calm();
        self.collected.take()
    }
}

/// What runs a process, or a check.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// A process.
pub enum Host {
    /// And its input, whose end tells it to stop.
    Process(Child, Option<ChildStdin>),
    Runtime {
        runtime: tokio::runtime::Runtime,
        working: tokio::task::JoinHandle<()>,
        stop: Arc<AtomicBool>,
    },
}

impl Host {
    /// Tells its clients to stop, lets them hear their last answers, and ends it.
    pub fn end(mut self) {
        match &mut self {
            // The process sees the end of its input.
            Self::Process(_, input) => drop(input.take()),
            Self::Runtime { stop, .. } => stop.store(true, Ordering::Relaxed),
        }
        self.wait();
    }

    /// Waits until its clients have sent all that they were to send.
    pub fn wait(self) {
        match self {
            Self::Process(mut child, _input) => assert!(child.wait().unwrap().success()),
            Self::Runtime { runtime, working, .. } => runtime.block_on(working).unwrap(),
        }
    }
}
