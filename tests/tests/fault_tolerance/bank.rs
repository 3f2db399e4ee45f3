//! T7, after the bank of Jepsen: several processes move money, look at all of it at one moment,
//! and are killed meanwhile.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fluvius_core::Store;
use fluvius_testing::SeededRng;

use crate::history::{self, Asked, Client, Entry, Outcome, Request, Strike};
use crate::hosts::{self, Host, Hosts, Kind};
use crate::oracle::{self, text};
use crate::places::Place;
use crate::requests::Mix;
use crate::work::Conditions;

const PROCESSES: usize = 2;
const CLIENTS_OF_ONE: u64 = 4;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub seed: u64,
    pub kind: Kind,
    pub time: Duration,
    pub conditions: Conditions,
}

/// What has come up.
#[derive(Debug, Default)]
pub struct Tally {
    pub kills: u64,
    pub struck: BTreeMap<Strike, u64>,
    pub applied: u64,
    pub refused: u64,
    /// Draws that were refused since the other purse had not enough either.
    pub not_covered: u64,
    pub open: u64,
    pub failed: u64,
    pub snapshots: u64,
}

pub fn run<P: Place>(options: &Options) -> Result<Tally, String> {
    let place = P::fresh();
    let history = at_work(options, &place);
    place.wait_until_quiet();
    hosts::runtime().block_on(check(&place, &history))
}

/// A process between its start and its end.
struct Life {
    host: Host,
    first: Client,
    /// How long the history was when it was started.
    since: usize,
}

impl Life {
    fn begin<P: Place>(hosts: &mut Hosts<P>, rng: &mut SeededRng) -> Self {
        let since = hosts.collected.look(<[Entry]>::len);
        Self { first: hosts.next_client, since, host: hosts.start(CLIENTS_OF_ONE, u64::MAX, rng) }
    }

    /// Whether it has had an answer.
    fn has_begun(&self, history: &[Entry]) -> bool {
        let own = self.first..self.first + CLIENTS_OF_ONE;
        let is_own =
            |entry: &Entry| matches!(entry, Entry::Return(client, _) if own.contains(client));
        history[self.since..].iter().any(is_own)
    }
}

fn at_work<P: Place>(options: &Options, place: &P) -> Vec<Entry> {
    let mut rng = SeededRng::new(options.seed);
    let mut hosts = Hosts::new(options.kind, place.clone(), Mix::Bank, options.conditions);
    hosts.open();
    let mut running: Vec<Life> =
        (0..PROCESSES).map(|_| Life::begin(&mut hosts, &mut rng)).collect();
    let end = Instant::now() + options.time;
    let mut answers = 0;
    while Instant::now() < end {
        let left = || end.saturating_duration_since(Instant::now());
        // Each life of a process does something: all have begun, and then there are so many more answers.
        hosts
            .collected
            .wait_until(|history| running.iter().all(|life| life.has_begun(history)), left());
        answers = hosts.collected.answers().max(answers) + 50;
        hosts.collected.wait_for_answers(answers, left());
        std::thread::sleep(Duration::from_micros(rng.below(300_000)));
        hosts.strike(&mut rng);
        let killed = usize::try_from(rng.below(PROCESSES as u64)).unwrap();
        hosts.kill(running.swap_remove(killed).host);
        running.push(Life::begin(&mut hosts, &mut rng));
    }
    running.into_iter().for_each(|life| life.host.end());
    hosts.end()
}

async fn check<P: Place>(place: &P, history: &[Entry]) -> Result<Tally, String> {
    let store = place.open().await;
    let asked = history::requests(history);
    let events = store.events(&oracle::whole_log()).await.map_err(text)?.rows;
    oracle::purses(&events)?;
    let snapshots = oracle::snapshots(&asked, &events)?;
    oracle::is_sound(&store).await?;
    oracle::logs(&store, asked.iter().filter_map(|one| one.outcome.as_ref())).await?;
    let commands = asked.iter().filter_map(|one| match &one.request {
        Request::Send(command) => Some(command.id),
        Request::Snapshot(_) => None,
    });
    oracle::nothing_else(&store, &commands.collect()).await?;
    let mut tally = tally(&asked);
    tally.snapshots = snapshots;
    tally.struck = history::struck(history);
    tally.kills = history.iter().filter(|entry| matches!(entry, Entry::Kill)).count() as u64;
    Ok(tally)
}

fn tally(asked: &[Asked]) -> Tally {
    let mut tally = Tally::default();
    for one in asked {
        match &one.outcome {
            Some(Outcome::Applied(_)) => tally.applied += 1,
            Some(Outcome::Refused { code, .. }) => {
                tally.refused += 1;
                tally.not_covered += u64::from(code == "not-covered");
            }
            Some(Outcome::Failed { .. }) => tally.failed += 1,
            Some(Outcome::Rows(_)) => {}
            Some(Outcome::Unknown) | None => tally.open += 1,
        }
    }
    tally
}
