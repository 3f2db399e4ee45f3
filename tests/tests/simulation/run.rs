//! One run: runtimes over one content, clients, and the final check.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use banking_domain::{OpenAccount, TransactionManagerDomain};
use fluvius_core::__private::test_seams::{LeaseState, Mutant, lease_cycle};
use fluvius_core::{AggregateId, Domain, DomainContext, DomainRuntime, MemoryStore};
use fluvius_testing::{Faults, FaultyStore, FixedClock, SeededRng, SequentialIds};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::client;
use fluvius_tests::bank::{self, Resolution, SENDER, SentCommands};
use fluvius_tests::invariants;

#[derive(Debug, Clone, Default)]
pub struct Options {
    pub mutant: Option<Mutant>,
}

/// Counts of a run; equal for equal seeds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub resolution: Resolution,
    pub batches_of_many: u64,
    pub leases: u64,
    pub log: u64,
}

impl Summary {
    pub fn add(&mut self, other: &Self) {
        self.resolution.applied += other.resolution.applied;
        self.resolution.rejected += other.resolution.rejected;
        self.resolution.faults += other.resolution.faults;
        self.resolution.unanswered += other.resolution.unanswered;
        self.resolution.resolved_later += other.resolution.resolved_later;
        self.batches_of_many += other.batches_of_many;
        self.leases += other.leases;
        self.log += other.log;
    }

    pub fn counts(&self) -> [(&'static str, u64); 7] {
        [
            ("an applied command", self.resolution.applied),
            ("a rejection", self.resolution.rejected),
            ("a fault", self.resolution.faults),
            ("a command whose answer was not waited for", self.resolution.unanswered),
            ("a command that was resolution by sending it again", self.resolution.resolved_later),
            ("a batch of more than one unit", self.batches_of_many),
            ("a lease", self.leases),
        ]
    }
}

/// The longest allowed wait of a runtime for a lease, below the limit of the runtime. Each process
/// keeps a lease for some 50 ms, so a longer wait means that processes wait for each other.
const MAX_LEASE_WAIT: Duration = Duration::from_millis(900);

/// Interval between two checks of the leases.
const LEASE_LOOK_TIME: Duration = Duration::from_millis(100);

const ACCOUNTS: u16 = 4;
const OPENING: i64 = 100;

/// Limit of a whole run in simulated time; a longer run hangs.
const HANGS_AFTER: Duration = Duration::from_secs(100_000);

pub fn run(seed: u64, options: &Options) -> Result<Summary, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    let simulated = async {
        match tokio::time::timeout(HANGS_AFTER, simulate(seed, options)).await {
            Ok(result) => result,
            Err(_) => Err("the run hangs".to_owned()),
        }
    };
    runtime.block_on(simulated)
}

/// Returns a number below a small bound.
pub(crate) fn small(rng: &mut SeededRng, bound: u16) -> u16 {
    u16::try_from(rng.below(bound.into())).expect("it is below the bound")
}

fn faults(rng: &mut SeededRng) -> Faults {
    let mut some = |per_mille: u64| if rng.happens(500) { rng.below(per_mille) } else { 0 };
    Faults {
        failed_units: some(200),
        lost_before: some(100),
        lost_after: some(100),
        failed_reads: some(100),
        max_delay: Duration::from_micros(1 + some(3_000)),
    }
}

/// Watches for runtimes that wait for each other's leases.
struct Liveness {
    fault: Arc<Mutex<Option<String>>>,
    watcher: tokio::task::JoinHandle<()>,
    domains: Vec<DomainRuntime>,
}

impl Liveness {
    fn watch(domains: Vec<DomainRuntime>) -> Self {
        let fault = Arc::default();
        let watcher = tokio::spawn(watch(domains.clone(), Arc::clone(&fault)));
        Self { fault, watcher, domains }
    }

    /// Returns true if no runtime has waited for too long.
    fn held(self) -> Result<(), String> {
        self.watcher.abort();
        if let Some(fault) = self.fault.lock().expect("the watcher does not panic").take() {
            return Err(fault);
        }
        match self.domains.iter().map(DomainRuntime::lease_timeout_count).sum::<u64>() {
            0 => Ok(()),
            count => Err(format!("liveness: {count} leases were not granted in time")),
        }
    }
}

async fn watch(domains: Vec<DomainRuntime>, fault: Arc<Mutex<Option<String>>>) {
    let mut waits: BTreeMap<(usize, AggregateId), Duration> = BTreeMap::new();
    loop {
        tokio::time::sleep(LEASE_LOOK_TIME).await;
        let states: Vec<Vec<LeaseState>> =
            domains.iter().map(DomainRuntime::lease_states).collect();
        let asked = states.iter().enumerate().flat_map(|(runtime, states)| {
            let asked = states.iter().filter(|state| !state.is_held);
            asked.map(move |state| (runtime, state.aggregate_id.clone()))
        });
        waits = asked
            .map(|wait| {
                let before = waits.get(&wait).copied().unwrap_or_default();
                (wait, before + LEASE_LOOK_TIME)
            })
            .collect();
        let longest = waits.iter().find(|(_, waited)| **waited >= MAX_LEASE_WAIT);
        if let Some(((runtime, aggregate_id), waited)) = longest {
            let cycle = match lease_cycle(&states) {
                Some(cycle) => format!("a cycle: {cycle:?}"),
                None => format!("no cycle: {states:?}"),
            };
            let found = format!(
                "liveness: runtime {runtime} waits for {aggregate_id} for {waited:?}; {cycle}"
            );
            fault.lock().expect("the simulation does not panic").get_or_insert(found);
            return;
        }
    }
}

async fn simulate(seed: u64, options: &Options) -> Result<Summary, String> {
    let mut rng = SeededRng::new(seed);
    let content = MemoryStore::new();
    let ids = SequentialIds::from(1_000_000);
    let clock = FixedClock::at("2026-01-01T00:00:00Z".parse().expect("a time"));
    let mut stores = Vec::new();
    let mut domains: Vec<DomainRuntime> = Vec::new();
    for _ in 0..=rng.below(2) {
        let store = FaultyStore::new(content.clone(), rng.next_u64(), Faults::default());
        let mut builder = TransactionManagerDomain::builder(store.clone())
            .id_generator(ids.clone())
            .clock(clock.clone())
            .outcome_timeout(Duration::from_millis(1 + rng.below(50)))
            .max_batch_units(std::num::NonZeroUsize::MIN.saturating_add(small(&mut rng, 8).into()))
            .max_in_flight(std::num::NonZeroU16::MIN.saturating_add(small(&mut rng, 10)))
            .cache_capacity(usize::from(small(&mut rng, 8)) * 1024);
        // Half of the runs use leases often.
        if seed.is_multiple_of(2) {
            builder = builder.lease_from_conflict(1);
        }
        if let Some(mutant) = options.mutant {
            builder = builder.plant(mutant);
        }
        domains.push(builder.build().await.map_err(|error| error.to_string())?);
        stores.push(store);
    }

    for account in 1..=ACCOUNTS {
        let session = domains[0].session(DomainContext::create(SENDER));
        let open = OpenAccount {
            account_number: account.to_string(),
            owner_name: "Ada".to_owned(),
            initial_deposit: Decimal::from(OPENING),
        };
        session
            .send(Uuid::from_u128(account.into()), open)
            .await
            .map_err(|error| error.to_string())?;
    }
    for store in &stores {
        store.set_faults(faults(&mut rng));
    }

    let liveness = Liveness::watch(domains.clone());
    let sent: Arc<Mutex<Vec<SentCommands>>> = Arc::default();
    let mut clients = Vec::new();
    for _ in 0..2 + rng.below(6) {
        let domain = rng.pick(&domains).clone();
        let rng = SeededRng::new(rng.next_u64());
        clients.push(tokio::spawn(client::work(
            domain,
            content.clone(),
            ACCOUNTS,
            rng,
            sent.clone(),
        )));
    }
    for client in clients {
        client.await.map_err(|error| error.to_string())??;
    }
    liveness.held()?;

    // Without faults, everything open must be resolved.
    for store in &stores {
        store.set_faults(Faults::default());
    }
    let mut sent = std::mem::take(&mut *sent.lock().expect("no client is left"));
    bank::check_faults_left_nothing(&content, &sent).await?;
    let resolution = bank::resolve(&domains[0], &mut sent).await?;
    for domain in &domains {
        domain.shutdown().await;
    }
    let log = invariants::check(&content, bank::applied_commands(&sent)?).await?;
    let sizes = stores.iter().flat_map(FaultyStore::batch_sizes);
    let batches_of_many = sizes.filter(|size| *size > 1).count() as u64;
    let leases = stores.iter().map(FaultyStore::lease_count).sum();
    Ok(Summary { resolution, batches_of_many, leases, log })
}
