//! The cases of one system, one JSON line each.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::bank::{Bank, Batches};
use crate::plan::{Plan, selected};
use crate::report::{emit, median, rounded};
use crate::round::{self, Setting};

/// The time after which a round counts as hung and its case as failed.
const HUNG_AFTER: Duration = Duration::from_secs(120);

/// The time limit of the warm-up round.
const MAX_WARM_UP_TIME: Duration = Duration::from_millis(500);

/// Runs the plan's cases on fresh banks. `make` creates a bank for a number of accounts and
/// clients.
///
/// # Output
/// One line per case. Rates and percentiles are medians over the repetitions. `rates` has the rate
/// of each repetition.
pub async fn matrix<B, F, Fut>(system: &str, store: &str, sync: &str, plan: &Plan, make: F)
where
    B: Bank,
    F: Fn(usize, usize) -> Fut,
    Fut: Future<Output = B>,
{
    if !selected(&format!("{system}/{store}/{sync}")) {
        return;
    }
    for &(n, clients) in &plan.cases {
        let mut line = json!({
            "system": system, "store": store, "sync": sync, "n": n, "clients": clients,
        });
        let measured = measure(plan, n, clients, &make).await;
        let fields = match measured {
            Ok(case) => case.fields(n),
            Err(error) => json!({ "failed": error }),
        };
        if let (Some(line), Some(fields)) = (line.as_object_mut(), fields.as_object()) {
            line.extend(fields.clone());
        }
        emit(&line);
    }
}

/// The results of the repetitions of one case.
#[derive(Default)]
struct Case {
    rates: Vec<f64>,
    p50s_us: Vec<f64>,
    p99s_us: Vec<f64>,
    cpu_us: Vec<f64>,
    opened_per_s: Vec<f64>,
    commands: usize,
    conflicts: u64,
    rejected: u64,
    rounds: usize,
    verified: Option<bool>,
    batches: Batches,
    is_capped: bool,
}

async fn measure<B, F, Fut>(
    plan: &Plan,
    accounts: usize,
    clients: usize,
    make: &F,
) -> Result<Case, String>
where
    B: Bank,
    F: Fn(usize, usize) -> Fut,
    Fut: Future<Output = B>,
{
    let mut case = Case::default();
    let commands = plan.commands(accounts);
    for repetition in 0..=plan.repetitions {
        let warms_up = repetition == 0;
        let time_max = match warms_up {
            true => plan.round_time_max.min(MAX_WARM_UP_TIME),
            false => plan.round_time_max,
        };
        let seed = repetition as u64 + 1;
        let setting = Setting { accounts, clients, commands, time_max, seed };
        let (mut time, mut cpu_time, mut latencies) =
            (Duration::ZERO, Some(Duration::ZERO), vec![]);
        loop {
            let bank = Arc::new(make(accounts, clients).await);
            let round = tokio::time::timeout(HUNG_AFTER, round::run(bank, setting)).await;
            let round = round.map_err(|_| format!("no end after {HUNG_AFTER:?}"))??;
            if warms_up {
                break;
            }
            time += round.time;
            cpu_time = cpu_time.zip(round.cpu_time).map(|(sum, of_round)| sum + of_round);
            case.is_capped |= (round.latencies_ns.len() as u64) < commands;
            case.commands += round.latencies_ns.len();
            case.conflicts += round.conflicts;
            case.rejected += round.rejected;
            case.rounds += 1;
            if let Some(of_round) = round.batches {
                case.batches.batches += of_round.batches;
                case.batches.units += of_round.units;
            }
            case.opened_per_s.push(round.opened_per_s);
            case.verified = match (case.verified, round.verified) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (_, verified) => verified,
            };
            latencies.extend(round.latencies_ns);
            if time >= plan.measured_time_min {
                break;
            }
        }
        if !warms_up {
            case.rates.push(latencies.len() as f64 / time.as_secs_f64());
            if let Some(cpu_time) = cpu_time {
                case.cpu_us.push(cpu_time.as_secs_f64() * 1e6 / latencies.len() as f64);
            }
            latencies.sort_unstable();
            case.p50s_us.push(percentile_us(&latencies, 50));
            case.p99s_us.push(percentile_us(&latencies, 99));
        }
    }
    Ok(case)
}

impl Case {
    fn fields(&self, accounts: usize) -> serde_json::Value {
        let rates: Vec<f64> = self.rates.iter().copied().map(rounded).collect();
        let least = self.rates.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.rates.iter().copied().fold(0.0, f64::max);
        let a_round = self.commands as f64 / self.rounds as f64;
        let mut fields = json!({
            "cmds_per_s": rounded(median(&self.rates)),
            "p50_us": rounded(median(&self.p50s_us)),
            "p99_us": rounded(median(&self.p99s_us)),
            "min_per_s": rounded(least),
            "max_per_s": rounded(most),
            "rates": rates,
            "reps": self.rates.len(),
            "rounds": self.rounds,
            "commands": self.commands,
            "events_per_account_at_end": rounded(a_round / accounts as f64 + 1.0),
            "capped": self.is_capped,
            "conflicts": self.conflicts,
            "rejected": self.rejected,
            "verified": self.verified,
        });
        if !self.cpu_us.is_empty() {
            fields["cpu_us_per_cmd"] = rounded(median(&self.cpu_us)).into();
        }
        if let Some(mean) = self.batches.mean() {
            fields["mean_batch"] = rounded(mean).into();
        }
        if accounts > 1 {
            fields["open_per_s_64"] = rounded(median(&self.opened_per_s)).into();
        }
        fields
    }
}

/// Returns a percentile of sorted latencies, in microseconds.
fn percentile_us(sorted_ns: &[u64], percent: usize) -> f64 {
    let index = (sorted_ns.len() * percent / 100).min(sorted_ns.len().saturating_sub(1));
    sorted_ns.get(index).map_or(0.0, |latency| *latency as f64 / 1000.0)
}
