//! Measures the cost of `RuntimeBuilder::read_back` for states of three sizes.
//!
//! `cargo run --release -p fluvius --example read_back_cost` prints, for each size, the median time
//! of a command with and without it. Rounds with and without it alternate.
#![allow(missing_docs, reason = "a program has no readers of its documentation")]

use std::convert::Infallible;
use std::time::{Duration, Instant};

use fluvius::{Domain, DomainContext, MemoryStore, Session, aggregate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const ROUNDS: usize = 9;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ledger {
    pub total: i64,
    pub entries: Vec<u64>,
}

#[aggregate(resource = "ledger")]
impl Ledger {
    #[action(evt_key = "ledger-opened")]
    pub fn open_ledger(entries: u32) -> Result<Self, Infallible> {
        let entries = (0..u64::from(entries)).map(|entry| 1_000_000 + entry).collect();
        Ok(Self { total: 0, entries })
    }

    #[action(evt_key = "amount-added")]
    pub fn add_amount(&mut self, amount: i64) -> Result<(), Infallible> {
        self.total += amount;
        Ok(())
    }
}

#[derive(Debug, Domain)]
#[domain(aggregates(Ledger))]
pub struct LedgerDomain;

/// Creates a session of a domain with one ledger, which has this number of entries.
async fn session(read_back: bool, entries: u32) -> Result<Session, Box<dyn std::error::Error>> {
    let builder = LedgerDomain::builder(MemoryStore::new()).read_back(read_back);
    let session = builder.build().await?.session(DomainContext::create("measure"));
    session.send(Uuid::nil(), OpenLedger { entries }).await?;
    Ok(session)
}

async fn time_of(session: &Session, commands: u32) -> Result<Duration, fluvius::Error> {
    let begun = Instant::now();
    for _ in 0..commands {
        session.send(Uuid::nil(), AddAmount { amount: 1 }).await?;
    }
    Ok(begun.elapsed() / commands)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Each entry takes eight bytes of JSON.
    for (entries, commands) in [(12, 20_000), (1_250, 1_000), (125_000, 20)] {
        let sessions = [session(true, entries).await?, session(false, entries).await?];
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for (session, times) in sessions.iter().zip(&mut times) {
                times.push(time_of(session, commands).await?);
            }
        }
        times.iter_mut().for_each(|times| times.sort_unstable());
        let [with, without] = times.map(|times| times[ROUNDS / 2]);
        println!("state of about {} bytes: {with:?} a command, {without:?} without", entries * 8);
    }
    Ok(())
}
