//! The work of one process in a run: its clients and their requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fluvius_core::{
    AggregateId, BuildError, Domain, DomainContext, DomainRuntime, Session, StateRecord,
};
use fluvius_testing::{Faults, FaultyStore, SeededRng};
use serde::{Deserialize, Serialize};

use crate::backend::Backend;
use crate::history::{Balance, Client, Entry, ObservedState, Outcome, Recorder, Request};
use crate::linked_account::LinkedBankDomain;
use crate::requests::RequestMix;
use fluvius_tests::faulty_store::{MutatedStore, StoreMutant};

/// Sender of all sessions. A command id identifies the same command in each process.
pub const SENDER: &str = "checker";

/// Pause of a client after an unreachable store.
const UNAVAILABLE_PAUSE: Duration = Duration::from_millis(5);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Workload {
    pub seed: u64,
    /// Number of the first client; the others follow.
    pub first: Client,
    pub clients: u64,
    /// Requests per client.
    pub requests: u64,
    pub mix: RequestMix,
    pub conditions: Conditions,
}

/// Faults of the store of a process.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Conditions {
    pub mutant: Option<StoreMutant>,
    /// Longest delay of a store call.
    pub max_delay_micros: u64,
    /// Rate per thousand of commits that lose the store before they are stored. The rate of those
    /// that lose it afterwards is the same.
    pub cuts: u64,
}

impl Conditions {
    /// Builds a runtime over one more store of the backend.
    pub async fn domain<B: Backend>(self, backend: &B, seed: u64) -> DomainRuntime {
        let faults = Faults {
            max_delay: Duration::from_micros(self.max_delay_micros),
            lost_before: self.cuts,
            lost_after: self.cuts,
            ..Faults::default()
        };
        loop {
            let store = FaultyStore::new(backend.open().await, seed, faults.clone());
            match LinkedBankDomain::runtime(MutatedStore::new(store, self.mutant)).await {
                Ok(domain) => return domain,
                // The server is down once more.
                Err(BuildError::Store { source, .. }) if source.is_retryable() => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

impl Workload {
    /// Runs all clients until they are stopped or have sent all their requests.
    pub async fn run<B: Backend>(self, backend: B, recorder: Recorder, stop: Arc<AtomicBool>) {
        let domain = self.conditions.domain(&backend, self.seed).await;
        let clients = (self.first..self.first + self.clients).map(|client| {
            let session = domain.session(DomainContext::create(SENDER));
            let mut rng = SeededRng::new(self.seed.wrapping_add(client.wrapping_mul(0x9E37_79B9)));
            let (recorder, stop) = (recorder.clone(), Arc::clone(&stop));
            let (requests, mix) = (self.requests, self.mix);
            tokio::spawn(async move {
                for _ in 0..requests {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    ask(&session, client, mix.next(&session, &mut rng), &recorder).await;
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.unwrap();
        }
        domain.shutdown().await;
    }
}

/// Sends a request and waits for the answer; records both in the history.
pub async fn ask(session: &Session, client: Client, request: Request, recorder: &Recorder) {
    recorder.add(Entry::Invoke(client, request.clone()));
    let outcome = match request {
        Request::Send(command) => Outcome::of(session.process_command(command).await),
        Request::Snapshot(aggregate_ids) => snapshot(session, &aggregate_ids).await,
    };
    let is_unavailable = outcome.is_unavailable();
    recorder.add(Entry::Return(client, outcome));
    if is_unavailable {
        tokio::time::sleep(UNAVAILABLE_PAUSE).await;
    }
}

async fn snapshot(session: &Session, aggregate_ids: &[AggregateId]) -> Outcome {
    match session.statemgr().snapshot(aggregate_ids).await {
        Ok(rows) => Outcome::Rows(rows.iter().map(|row| row.as_ref().map(observed)).collect()),
        Err(error) => Outcome::Failed { code: error.code().to_owned() },
    }
}

fn observed(row: &StateRecord) -> ObservedState {
    let state: Balance = row.data.decode().unwrap();
    ObservedState { version: row.version, balance: state.balance }
}
