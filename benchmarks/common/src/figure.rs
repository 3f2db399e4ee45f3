//! Figures other than the cases of the bank workload, for example a limit of the machine or a
//! replay.

use std::future::Future;
use std::time::Instant;

use serde_json::json;

use crate::cpu_time::cpu_time;
use crate::plan::{Plan, selected};
use crate::report::{emit, median, rounded};

/// Reports one figure with the values of its repetitions.
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

/// Measures a figure with `take` and reports it. Calls `take` once to warm up, and then
/// `BENCH_REPS` times. Does nothing if `BENCH_ONLY` does not select `kind/name`.
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

/// Returns the mean time of one call of `operation` in nanoseconds, over `count` calls. The time is
/// processor time if the operating system reports it, since other processes may use the machine.
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
