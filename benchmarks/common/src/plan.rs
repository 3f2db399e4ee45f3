//! How much is measured: read from the environment, so that every program takes the same words.

use std::time::Duration;

/// How much is measured of each case.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Measured repetitions of a case, after one to warm up.
    pub repetitions: usize,
    /// Commands in one round on one account.
    pub commands_n1: u64,
    /// Commands in one round on more accounts.
    pub commands_n1000: u64,
    /// When a round ends early.
    pub round_time_max: Duration,
    /// Rounds, each on a fresh store, are repeated until this much has been measured.
    pub measured_time_min: Duration,
    /// The cases: how many accounts, and how many clients.
    pub cases: Vec<(usize, usize)>,
}

impl Plan {
    /// The plan of the environment: `BENCH_REPS`, `BENCH_CMDS_N1`, `BENCH_CMDS_N1000`,
    /// `BENCH_CAP_MS`, `BENCH_MIN_MS`, and `BENCH_CASES` as in `1x1,1000x64` (accounts x
    /// clients).
    pub fn from_env() -> Self {
        Self {
            repetitions: usize::try_from(number("BENCH_REPS", 3)).unwrap_or(3),
            commands_n1: number("BENCH_CMDS_N1", 2_000),
            commands_n1000: number("BENCH_CMDS_N1000", 20_000),
            round_time_max: Duration::from_millis(number("BENCH_CAP_MS", 4_000)),
            measured_time_min: Duration::from_millis(number("BENCH_MIN_MS", 500)),
            cases: match std::env::var("BENCH_CASES") {
                Ok(text) => text.split(',').filter_map(case).collect(),
                Err(_) => vec![(1, 1), (1, 64), (1000, 1), (1000, 64)],
            },
        }
    }

    /// How many commands a round on `accounts` has.
    pub fn commands(&self, accounts: usize) -> u64 {
        if accounts == 1 { self.commands_n1 } else { self.commands_n1000 }
    }
}

/// Whether `BENCH_ONLY` lets this name through: one of its comma-separated parts is in it.
pub fn selected(name: &str) -> bool {
    std::env::var("BENCH_ONLY").map_or(true, |parts| parts.split(',').any(|p| name.contains(p)))
}

/// Whether `BENCH_STORES` names this store: `memory` where it is not set.
pub fn wants_store(store: &str) -> bool {
    let stores = std::env::var("BENCH_STORES").unwrap_or_else(|_| "memory".into());
    stores.split(',').any(|wanted| wanted == store)
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn case(text: &str) -> Option<(usize, usize)> {
    let (accounts, clients) = text.split_once('x')?;
    Some((accounts.parse().ok()?, clients.parse().ok()?))
}
