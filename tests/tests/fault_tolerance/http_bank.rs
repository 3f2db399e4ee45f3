//! The bank test of Jepsen over HTTP: several servers over one store. They are killed while their
//! clients go on.

use std::net::SocketAddr;
use std::process::{Child, ChildStdin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fluvius_core::{Domain, DomainContext, MemoryStore};
use fluvius_testing::SeededRng;

use crate::backend::Backend;
use crate::child_process;
use crate::history::{Entry, Recorder};
use crate::http_client::{ClientMutant, HttpClient, Shared};
use crate::jepsen_bank::{self, Stats};
use crate::linked_account::LinkedBankDomain;
use crate::processes::{self, ProcessKind, Processes};
use crate::requests::RequestMix;
use crate::workload::{Conditions, SENDER};

const SERVERS: usize = 2;
const CLIENTS: u64 = 8;

/// Minimum number of answers of a run, so that it has each kind of request.
const MIN_ANSWERS: usize = 400;

/// Time for which a run goes on if it has fewer answers, or no retry has met a stored answer yet.
const MAX_EXTRA_TIME: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub seed: u64,
    pub time: Duration,
    pub conditions: Conditions,
    pub mutant: Option<ClientMutant>,
}

/// Counts of a run that only clients over HTTP have.
#[derive(Debug)]
pub struct HttpStats {
    pub bank: Stats,
    pub retries: u64,
    pub replays: u64,
}

/// A server process.
struct ServerProcess {
    child: Child,
    /// Its end stops the server.
    input: ChildStdin,
    address: SocketAddr,
}

impl ServerProcess {
    fn start<B: Backend>(backend: &B, conditions: Conditions, shared: &Shared) -> Self {
        let store = backend.address().expect("other processes can reach the store");
        let (child, input, address) = child_process::start_server(&store, conditions);
        shared.servers.lock().unwrap().push(address);
        Self { child, input, address }
    }

    fn end(mut self) {
        drop(self.input);
        assert!(self.child.wait().unwrap().success());
    }
}

pub fn run<B: Backend>(options: &Options) -> Result<HttpStats, String> {
    let backend = B::create();
    let mut rng = SeededRng::new(options.seed);
    // Opens the accounts, and injects the faults of the backend.
    let processes = Processes::new(
        ProcessKind::Runtimes,
        backend.clone(),
        RequestMix::Bank,
        options.conditions,
    );
    processes.open();
    let collector = Arc::clone(&processes.collector);
    let shared = Arc::new(Shared {
        servers: Mutex::default(),
        next_client: AtomicU64::new(processes.next_client),
        stop: AtomicBool::new(false),
        recorder: Recorder::Here(Arc::clone(&collector)),
        mutant: options.mutant,
        retries: AtomicU64::new(0),
        replays: AtomicU64::new(0),
        fault: Mutex::default(),
    });
    let mut servers: Vec<ServerProcess> =
        (0..SERVERS).map(|_| ServerProcess::start(&backend, options.conditions, &shared)).collect();

    let runtime = processes::runtime();
    let domain = runtime.block_on(LinkedBankDomain::runtime(MemoryStore::new())).unwrap();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let session = domain.session(DomainContext::create(SENDER));
            let client = HttpClient::new(Arc::clone(&shared), session, rng.next_u64());
            runtime.spawn(client.run())
        })
        .collect();

    let end = Instant::now() + options.time;
    let goes_on = || {
        let is_replayed = shared.replays.load(Ordering::Relaxed) > 0;
        let is_complete = is_replayed && collector.answers() >= MIN_ANSWERS;
        let end = if is_complete { end } else { end + MAX_EXTRA_TIME };
        Instant::now() < end && !shared.stop.load(Ordering::Relaxed)
    };
    while goes_on() {
        collector.wait_for_answers(collector.answers() + 100, Duration::from_secs(5));
        std::thread::sleep(Duration::from_micros(rng.below(100_000)));
        processes.inject(&mut rng);
        let killed = usize::try_from(rng.below(SERVERS as u64)).unwrap();
        let mut killed = servers.swap_remove(killed);
        shared.recorder.add(Entry::Kill);
        killed.child.kill().unwrap();
        killed.child.wait().unwrap();
        shared.servers.lock().unwrap().retain(|address| *address != killed.address);
        servers.push(ServerProcess::start(&backend, options.conditions, &shared));
    }
    shared.stop.store(true, Ordering::Relaxed);
    for client in clients {
        runtime.block_on(client).unwrap();
    }
    servers.into_iter().for_each(ServerProcess::end);
    if let Some(fault) = shared.fault.lock().unwrap().take() {
        return Err(fault);
    }
    let history = processes.end();
    backend.wait_until_idle();
    let bank = processes::runtime().block_on(jepsen_bank::check(&backend, &history))?;
    Ok(HttpStats {
        bank,
        retries: shared.retries.load(Ordering::Relaxed),
        replays: shared.replays.load(Ordering::Relaxed),
    })
}
