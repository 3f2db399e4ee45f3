//! A closed loop of calls by several tasks: the rate, the latency, and the processor time per call.

use std::future::Future;
use std::time::{Duration, Instant};

use bench_common::{Plan, cpu_time, report, selected};
use tokio::task::JoinSet;

/// The time before the measurement starts.
const WARM_UP: Duration = Duration::from_millis(100);

/// The results of the tasks.
pub(crate) struct Done {
    pub(crate) rate: f64,
    /// The latencies in microseconds, sorted.
    pub(crate) times_us: Vec<f64>,
    /// The processor time of this program per call, in microseconds.
    pub(crate) cpu_us: f64,
}

impl Done {
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        self.times_us.get(self.times_us.len() * percent / 100).copied().unwrap_or(0.0)
    }
}

/// Spawns `count` tasks that repeat the calls made by `task`. After the warm-up it counts the calls
/// that begin and end within `time`.
pub(crate) async fn calls<T, F>(
    count: usize,
    time: Duration,
    mut task: impl FnMut(usize) -> T,
) -> Done
where
    T: FnMut(u64) -> F + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let start = Instant::now() + WARM_UP;
    let end = start + time;
    let mut tasks = JoinSet::new();
    for number in 0..count {
        let mut call = task(number);
        tasks.spawn(async move {
            let (mut times, mut turn) = (Vec::new(), 0);
            loop {
                let begun = Instant::now();
                if begun >= end {
                    return times;
                }
                call(turn).await;
                turn += 1;
                let answered = Instant::now();
                if begun >= start && answered < end {
                    times.push((answered - begun).as_secs_f64() * 1e6);
                }
            }
        });
    }
    tokio::time::sleep_until(start.into()).await;
    let cpu_start = cpu_time();
    tokio::time::sleep_until(end.into()).await;
    let cpu = cpu_start.zip(cpu_time()).map(|(start, end)| end.saturating_sub(start));
    let mut times_us: Vec<f64> = Vec::new();
    while let Some(times) = tasks.join_next().await {
        times_us.extend(times.unwrap());
    }
    times_us.sort_by(f64::total_cmp);
    let calls = times_us.len().max(1) as f64;
    Done {
        rate: times_us.len() as f64 / time.as_secs_f64(),
        cpu_us: cpu.map_or(0.0, |cpu| cpu.as_secs_f64() * 1e6 / calls),
        times_us,
    }
}

/// Measures a figure once per repetition of the plan, and reports its rate, latency and processor
/// time. `unit` is the name of one call.
pub(crate) async fn measure<F: Future<Output = Done>>(
    kind: &str,
    name: &str,
    unit: &str,
    note: &str,
    mut take: impl FnMut() -> F,
) {
    if !selected(&format!("{kind}/{name}")) {
        return;
    }
    let (mut rates, mut p50s, mut p99s, mut costs) = (vec![], vec![], vec![], vec![]);
    for _ in 0..Plan::from_env().repetitions {
        let done = take().await;
        rates.push(done.rate);
        p50s.push(done.percentile(50));
        p99s.push(done.percentile(99));
        costs.push(done.cpu_us);
    }
    report(kind, &format!("{name}/rate"), &format!("{unit}/s"), &rates, note);
    report(kind, &format!("{name}/p50"), "µs", &p50s, note);
    report(kind, &format!("{name}/p99"), "µs", &p99s, note);
    report(kind, &format!("{name}/client_cpu"), "µs/call", &costs, note);
}

/// Returns the measured time of one figure: twice `BENCH_MIN_MS`, at least 100 ms.
pub(crate) fn time() -> Duration {
    Plan::from_env().measured_time_min.max(Duration::from_millis(50)) * 2
}
