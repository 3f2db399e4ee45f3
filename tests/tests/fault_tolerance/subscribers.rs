//! Subscribers are killed and suspended while commands are sent: no event is skipped, and the
//! events of an aggregate keep their order.
//!
//! The subscribers are processes under one name. Each notes its deliveries in one file, a line by
//! one write, before it acknowledges them. So the lines of all processes are in one order.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use banking_domain::{DepositMoney, OpenAccount};
use fluvius_core::subscriptions::Start;
use fluvius_core::{DomainContext, DomainRuntime, ResumeToken};
use fluvius_testing::SeededRng;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::backend::Backend;
use crate::child_process;
use crate::history_invariants::{CheckResult, text};
use crate::processes;
use crate::workload::{Conditions, SENDER};

/// Number of subscribers at a time, and of partitions.
const SUBSCRIBERS: usize = 2;
const PARTITIONS: u32 = 8;
/// Number of accounts, and of clients that send deposits.
const ACCOUNTS: u64 = 12;
const CLIENTS: u64 = 4;
/// Maximum pause of a client between two deposits, in milliseconds.
const MAX_PAUSE: u64 = 20;
/// Longer than an owner may be silent.
const SUSPENSION: Duration = Duration::from_millis(4_500);
/// Maximum time of the last deliveries, after the last command.
const CATCH_UP: Duration = Duration::from_secs(120);

/// The faults that the check must find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubscriberMutant {
    /// Acknowledges some events without a delivery.
    SkipsEvents,
    /// Delivers a later event before an earlier one.
    SwapsEvents,
    /// Begins behind the newest event after each start, without its checkpoints.
    ForgetsCheckpoints,
}

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub seed: u64,
    pub kills: u64,
    pub mutant: Option<SubscriberMutant>,
}

/// Counts of a run.
#[derive(Debug, Default)]
pub struct Stats {
    pub kills: u64,
    pub suspensions: u64,
    pub events: usize,
    /// Deliveries of events that had been delivered before.
    pub repeated: usize,
}

/// The task of a subscriber.
#[derive(Debug, Serialize, Deserialize)]
pub struct Subscriber {
    path: PathBuf,
    mutant: Option<SubscriberMutant>,
    seed: u64,
}

impl Subscriber {
    /// Subscribes until the parent closes the input.
    pub async fn run<B: Backend>(self, backend: B, on_close: oneshot::Receiver<()>) {
        let domain = Conditions::default().domain(&backend, 0).await;
        let mut name = "noted".to_owned();
        let mut start = Start::Beginning;
        if self.mutant == Some(SubscriberMutant::ForgetsCheckpoints) {
            name = format!("noted-{}", self.seed);
            start = Start::Now;
        }
        let (path, mutant) = (self.path, self.mutant);
        let held = Arc::new(std::sync::Mutex::new(None::<String>));
        let subscribe = domain.subscribe(&name).partitions(PARTITIONS).start_at(start);
        let run = subscribe.run(move |delivery| {
            let (path, held) = (path.clone(), Arc::clone(&held));
            async move {
                let row = delivery.record();
                let (id, version) = (row.record.aggregate_id.id, row.record.version);
                let line = format!("{} {version} {id}\n", row.position);
                let is_bad = version % 7 == 0;
                match mutant {
                    Some(SubscriberMutant::SkipsEvents) if is_bad => return Ok(()),
                    Some(SubscriberMutant::SwapsEvents) if is_bad => {
                        *held.lock().unwrap() = Some(line);
                        return Ok(());
                    }
                    _ => note(&path, &line)?,
                }
                let later = held.lock().unwrap().take();
                later.map_or(Ok(()), |line| note(&path, &line))?;
                tokio::time::sleep(Duration::from_micros(500)).await;
                Ok::<(), std::io::Error>(())
            }
        });
        run.await.unwrap();
        let _ = on_close.await;
        domain.shutdown().await;
    }
}

/// Appends a line by one write.
fn note(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(line.as_bytes())
}

/// Runs until the number of kills is reached.
pub fn run<B: Backend>(options: &Options) -> Result<Stats, String> {
    processes::runtime().block_on(run_over::<B>(options))
}

async fn run_over<B: Backend>(options: &Options) -> Result<Stats, String> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes");
    let mut rng = SeededRng::new(options.seed);
    let mut stats = Stats::default();
    let backend = B::create();
    let domain = Conditions::default().domain(&backend, 0).await;
    let stop = Arc::new(AtomicBool::new(false));
    let clients = start_clients(&domain, &stop).await?;

    let address = backend.address().ok_or("other processes cannot reach the store")?;
    let start = |rng: &mut SeededRng| {
        let subscriber =
            Subscriber { path: path.clone(), mutant: options.mutant, seed: rng.next_u64() };
        child_process::start_subscriber(&address, subscriber)
    };
    let mut subscribers: Vec<(Child, ChildStdin)> =
        (0..SUBSCRIBERS).map(|_| start(&mut rng)).collect();
    while stats.kills < options.kills {
        let before = noted(&path);
        // Some are killed while they connect or take over partitions.
        tokio::time::sleep(Duration::from_millis(50 + rng.below(700))).await;
        let index = usize::try_from(rng.below(SUBSCRIBERS as u64)).unwrap();
        if rng.happens(80) {
            signal(&subscribers[index].0, "-STOP")?;
            tokio::time::sleep(SUSPENSION).await;
            signal(&subscribers[index].0, "-CONT")?;
            stats.suspensions += 1;
            continue;
        }
        let (child, _) = &mut subscribers[index];
        child.kill().map_err(text)?;
        child.wait().map_err(text)?;
        stats.kills += u64::from(noted(&path) > before);
        subscribers[index] = start(&mut rng);
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.map_err(text)?;
    }
    let caught_up = catch_up(&domain).await;
    for (mut child, input) in subscribers {
        drop(input);
        child.wait().map_err(text)?;
    }
    caught_up?;
    check(&domain, &path, &mut stats).await?;
    domain.shutdown().await;
    Ok(stats)
}

/// Opens the accounts, and starts clients that send deposits.
async fn start_clients(
    domain: &DomainRuntime,
    stop: &Arc<AtomicBool>,
) -> Result<Vec<tokio::task::JoinHandle<()>>, String> {
    let session = domain.session(DomainContext::create(SENDER));
    for id in 1..=ACCOUNTS {
        let open = OpenAccount {
            account_number: id.to_string(),
            owner_name: "Ada".to_owned(),
            initial_deposit: Decimal::ZERO,
        };
        session.send(Uuid::from_u128(id.into()), open).await.map_err(text)?;
    }
    let clients = (0..CLIENTS).map(|client| {
        let (session, stop) = (session.clone(), Arc::clone(stop));
        tokio::spawn(async move {
            let mut rng = SeededRng::new(client);
            while !stop.load(Ordering::Relaxed) {
                let id = Uuid::from_u128(1 + u128::from(rng.below(ACCOUNTS)));
                // A suspended process may hold the file for longer than a command waits.
                let _ = session.send(id, DepositMoney { amount: Decimal::ONE }).await;
                tokio::time::sleep(Duration::from_millis(rng.below(MAX_PAUSE))).await;
            }
        })
    });
    Ok(clients.collect())
}

/// Sends a signal to a process.
fn signal(child: &Child, signal: &str) -> CheckResult {
    let status = Command::new("kill").args([signal, &child.id().to_string()]).status();
    match status.map_err(text)?.success() {
        true => Ok(()),
        false => Err(format!("`kill {signal}` has failed")),
    }
}

/// Returns the size of the notes.
fn noted(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

/// Waits until all events are delivered.
async fn catch_up(domain: &DomainRuntime) -> CheckResult {
    let begun = Instant::now();
    loop {
        let all = domain.subscriptions().list().await.map_err(text)?;
        let mut partitions = all.iter().flat_map(|subscription| &subscription.partitions);
        if partitions.all(|partition| partition.lag == 0) {
            return Ok(());
        }
        // The mutant that forgets its checkpoints leaves old subscriptions behind.
        if begun.elapsed() > CATCH_UP || all.len() > 1 {
            return Err(format!("the subscribers do not catch up: {all:#?}"));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Compares the notes with the event log.
async fn check(domain: &DomainRuntime, path: &Path, stats: &mut Stats) -> CheckResult {
    let mut events: BTreeMap<u64, (Uuid, u64)> = BTreeMap::new();
    let mut next = Some(ResumeToken::START);
    while let Some(after) = next {
        let page = domain.log().after(after).events().await.map_err(text)?;
        for row in &page.rows {
            events.insert(row.position, (row.record.aggregate_id.id, row.record.version));
        }
        next = page.next;
    }
    stats.events = events.len();

    let mut seen: BTreeSet<u64> = BTreeSet::new();
    let mut newest: BTreeMap<Uuid, u64> = BTreeMap::new();
    for line in std::fs::read_to_string(path).map_err(text)?.lines() {
        let position: u64 = line.split(' ').next().unwrap_or_default().parse().map_err(text)?;
        let Some((id, version)) = events.get(&position) else {
            return Err(format!("position {position} is no event"));
        };
        if !seen.insert(position) {
            stats.repeated += 1;
            continue;
        }
        let before = newest.insert(*id, *version).unwrap_or(0);
        if before + 1 != *version {
            return Err(format!("version {version} of {id} was delivered after version {before}"));
        }
    }
    match events.keys().find(|position| !seen.contains(position)) {
        None => Ok(()),
        Some(position) => Err(format!("the event at position {position} was not delivered")),
    }
}
