//! Figures that are no case of the bank workload: a limit of the machine, a replay.

use std::future::Future;
use std::time::Instant;

use serde_json::json;

use crate::cpu_time::cpu_time;
use crate::plan::{Plan, selected};
use crate::report::{emit, median, rounded};

/// Reports one figure by its repetitions.
pub fn report(kind: &str, name: &str, unit: &str, values: &[f64], note: &str) {
    emit(&json!({
        "kind": kind,
        "name": name,
        "unit": unit,
        "median": rounded(median(values)),
        "min": rounded(values.iter().copied().fold(f64::INFINITY, f64::min)),
        "max": rounded(values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        "values": values.iter().copied().map(rounded).collect::<Vec<f64>>(),
        "reps": values.len(),
        "note": note,
    }));
}

/// Takes a figure with `take`, once to warm up and then `BENCH_REPS` times, and reports it, if
/// `BENCH_ONLY` lets `kind/name` through.
pub async fn repeat<F, Fut>(kind: &str, name: &str, unit: &str, note: &str, mut take: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = f64>,
{
    if !selected(&format!("{kind}/{name}")) {
        return;
    }
    take().await;
    let mut values = Vec::new();
    for _ in 0..Plan::from_env().repetitions {
        values.push(take().await);
    }
    report(kind, name, unit, &values, note);
}

/// How many nanoseconds one call of `operation` takes, over `count` calls: of processor time, where
/// the system tells it, since others may use the machine meanwhile.
pub fn ns_per_op(count: u32, mut operation: impl FnMut(u32)) -> f64 {
    let (start, cpu_start) = (Instant::now(), cpu_time());
    for index in 0..count {
        operation(index);
    }
    let time = start.elapsed();
    let cpu_times = cpu_start.zip(cpu_time());
    let time = cpu_times.map_or(time, |(start, end)| end.saturating_sub(start));
    time.as_nanos() as f64 / f64::from(count)
}
