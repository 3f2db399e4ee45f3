//! The bank test of Jepsen: several processes transfer money and read snapshots, while some of them
//! are killed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fluvius_core::EventRecord;
use fluvius_core::Store;
use fluvius_testing::SeededRng;

use crate::backend::Backend;
use crate::history::{self, Client, Entry, Exchange, InjectedFault, Outcome, Request};
use crate::history_invariants::{self, text};
use crate::processes::{self, Process, ProcessKind, Processes};
use crate::requests::RequestMix;
use crate::workload::Conditions;

const PROCESSES: usize = 2;
const CLIENTS_PER_PROCESS: u64 = 4;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub seed: u64,
    pub kind: ProcessKind,
    pub time: Duration,
    pub conditions: Conditions,
}

/// Counts of a run.
#[derive(Debug, Default)]
pub struct Stats {
    pub kills: u64,
    pub injected: BTreeMap<InjectedFault, u64>,
    pub applied: u64,
    pub rejected: u64,
    /// Debits that were rejected because both linked accounts had too little.
    pub jointly_overdrawn: u64,
    pub open: u64,
    pub failed: u64,
    pub snapshots: u64,
}

pub fn run<B: Backend>(options: &Options) -> Result<Stats, String> {
    let backend = B::create();
    let history = run_clients(options, &backend);
    backend.wait_until_idle();
    processes::runtime().block_on(check(&backend, &history))
}

/// A process, with its first client and the length of the history at its start.
struct RunningProcess {
    process: Process,
    first: Client,
    /// Length of the history at its start.
    since: usize,
}

impl RunningProcess {
    fn start<B: Backend>(processes: &mut Processes<B>, rng: &mut SeededRng) -> Self {
        let since = processes.collector.look(<[Entry]>::len);
        Self {
            first: processes.next_client,
            since,
            process: processes.start(CLIENTS_PER_PROCESS, u64::MAX, rng),
        }
    }

    /// Returns true if one of its clients has had an answer.
    fn has_answered(&self, history: &[Entry]) -> bool {
        let own = self.first..self.first + CLIENTS_PER_PROCESS;
        let is_own =
            |entry: &Entry| matches!(entry, Entry::Return(client, _) if own.contains(client));
        history[self.since..].iter().any(is_own)
    }
}

fn run_clients<B: Backend>(options: &Options, backend: &B) -> Vec<Entry> {
    let mut rng = SeededRng::new(options.seed);
    let mut processes =
        Processes::new(options.kind, backend.clone(), RequestMix::Bank, options.conditions);
    processes.open();
    let mut running: Vec<RunningProcess> =
        (0..PROCESSES).map(|_| RunningProcess::start(&mut processes, &mut rng)).collect();
    let end = Instant::now() + options.time;
    let mut answers = 0;
    while Instant::now() < end {
        let left = || end.saturating_duration_since(Instant::now());
        // Each process must make progress: all have had an answer, and then 50 more answers come.
        processes.collector.wait_until(
            |history| running.iter().all(|process| process.has_answered(history)),
            left(),
        );
        answers = processes.collector.answers().max(answers) + 50;
        processes.collector.wait_for_answers(answers, left());
        std::thread::sleep(Duration::from_micros(rng.below(300_000)));
        processes.inject(&mut rng);
        let killed = usize::try_from(rng.below(PROCESSES as u64)).unwrap();
        processes.kill(running.swap_remove(killed).process);
        running.push(RunningProcess::start(&mut processes, &mut rng));
    }
    running.into_iter().for_each(|process| process.process.end());
    processes.end()
}

/// Checks the store and the answers of a run. Returns its counts.
pub async fn check<B: Backend>(backend: &B, history: &[Entry]) -> Result<Stats, String> {
    let store = backend.open().await;
    let exchanges = history::requests(history);
    let events =
        store.read_log::<EventRecord>(&history_invariants::whole_log()).await.map_err(text)?.rows;
    history_invariants::check_linked_accounts(&events)?;
    let snapshots = history_invariants::check_snapshots(&exchanges, &events)?;
    history_invariants::check_soundness(&store).await?;
    history_invariants::check_logs(&store, exchanges.iter().filter_map(|one| one.outcome.as_ref()))
        .await?;
    let commands = exchanges.iter().filter_map(|one| match &one.request {
        Request::Send(command) => Some(command.id),
        Request::Snapshot(_) => None,
    });
    history_invariants::check_no_other_commands(&store, &commands.collect()).await?;
    let mut stats = stats(&exchanges);
    stats.snapshots = snapshots;
    stats.injected = history::injected(history);
    stats.kills = history.iter().filter(|entry| matches!(entry, Entry::Kill)).count() as u64;
    Ok(stats)
}

fn stats(exchanges: &[Exchange]) -> Stats {
    let mut stats = Stats::default();
    for one in exchanges {
        match &one.outcome {
            Some(Outcome::Applied(_)) => stats.applied += 1,
            Some(Outcome::Rejected { code, .. }) => {
                stats.rejected += 1;
                stats.jointly_overdrawn += u64::from(code == "jointly-overdrawn");
            }
            Some(Outcome::Failed { .. }) => stats.failed += 1,
            Some(Outcome::Rows(_)) => {}
            Some(Outcome::Unknown) | None => stats.open += 1,
        }
    }
    stats
}
