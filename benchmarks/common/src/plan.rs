//! The amount of measurement, read from the environment: every program uses the same variables.

use std::time::Duration;

/// The cases, and the amount of measurement per case.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The measured repetitions of a case, after one to warm up.
    pub repetitions: usize,
    /// The commands in one round on one account.
    pub commands_n1: u64,
    /// The commands in one round on more than one account.
    pub commands_n1000: u64,
    /// The time after which a round ends early.
    pub round_time_max: Duration,
    /// The minimum measured time of a repetition. Rounds, each on a fresh store, repeat until it is
    /// reached.
    pub measured_time_min: Duration,
    /// The cases, each as the number of accounts and the number of clients.
    pub cases: Vec<(usize, usize)>,
}

impl Plan {
    /// Reads the plan from `BENCH_REPS`, `BENCH_CMDS_N1`, `BENCH_CMDS_N1000`, `BENCH_CAP_MS`,
    /// `BENCH_MIN_MS` and `BENCH_CASES`. An example of `BENCH_CASES` is `1x1,1000x64` (accounts x
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

    /// Returns the number of commands in a round on `accounts` accounts.
    pub fn commands(&self, accounts: usize) -> u64 {
        if accounts == 1 { self.commands_n1 } else { self.commands_n1000 }
    }
}

/// Returns true if `BENCH_ONLY` selects `name`: one of the comma-separated parts is contained in
/// it. If the variable is not set, all names are selected.
pub fn selected(name: &str) -> bool {
    std::env::var("BENCH_ONLY").map_or(true, |parts| parts.split(',').any(|p| name.contains(p)))
}

/// Returns true if `BENCH_STORES` contains this store. The default is `memory`.
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
