//! One case: a system on a store, with a number of accounts and of clients.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bench_common::{TempDir, cpu_time, emit, runtime, selected, wants_store};
use serde_json::{Value, json};

use crate::server_process::Started;
use crate::system::{self, Fault, Place, System};
use crate::{in_process, issuer, load};

/// The longest time of a case beyond its load.
const HUNG_AFTER: Duration = Duration::from_secs(120);

/// A store and its setting.
struct Store {
    name: &'static str,
    sync: &'static str,
    /// The accounts of its cases.
    accounts: &'static [usize],
}

const STORES: [Store; 3] = [
    Store { name: "memory", sync: "-", accounts: &[1_000] },
    Store { name: "sqlite", sync: "FULL", accounts: &[1_000] },
    Store { name: "postgres", sync: "on", accounts: &[1_000, 1] },
];

const CLIENT_COUNT: usize = 64;

/// Runs the cases that the environment selects.
pub(crate) fn run_all() {
    for store in &STORES {
        if !wants_store(store.name) {
            continue;
        }
        for system in System::ALL {
            let medium = if system.is_served() { "(http)" } else { "" };
            let (Store { name, sync, .. }, system_name) = (store, system.name());
            if !selected(&format!("{system_name}/{name}{medium}/{sync}")) {
                continue;
            }
            for (accounts, clients) in cases(store) {
                let mut line = json!({
                    "system": system_name, "store": format!("{name}{medium}"), "sync": sync,
                    "n": accounts, "clients": clients,
                });
                match measure(store.name, system, accounts, clients) {
                    Ok(Some(measured)) => add(&mut line, measured),
                    Ok(None) => continue,
                    Err(error) => line["failed"] = error.to_string().into(),
                }
                emit(&line);
            }
        }
    }
}

/// Returns the accounts and clients of each case, from `BENCH_CASES` if it is set.
fn cases(store: &Store) -> Vec<(usize, usize)> {
    match std::env::var("BENCH_CASES") {
        Ok(_) => bench_common::Plan::from_env().cases,
        Err(_) => store.accounts.iter().map(|accounts| (*accounts, CLIENT_COUNT)).collect(),
    }
}

fn add(line: &mut Value, measured: Value) {
    if let (Some(line), Value::Object(measured)) = (line.as_object_mut(), measured) {
        line.extend(measured);
    }
}

/// A duration from the environment, in seconds.
fn seconds(name: &str, usual: f64) -> Duration {
    let found = std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    Duration::try_from_secs_f64(found).unwrap_or_default()
}

/// Measures a case; `None` if its store is not built in, or has no server.
fn measure(
    store: &str,
    system: System,
    accounts: usize,
    clients: usize,
) -> Result<Option<Value>, Fault> {
    let Some(fresh) = Fresh::new(store)? else { return Ok(None) };
    let (warm_up, time) = (seconds("BENCH_HTTP_WARM_UP_S", 5.0), seconds("BENCH_HTTP_S", 30.0));
    // This store grows with each command.
    let most = |duration: Duration, seconds| match store {
        "memory" => duration.min(Duration::from_secs(seconds)),
        _ => duration,
    };
    let (warm_up, time) = (most(warm_up, 1), most(time, 5));
    let has_sessions = system == System::InProcessSessions;
    let measured = match system.is_served() {
        true => {
            let has_if_match = system == System::FluviusIfMatch;
            let issued = system.algorithm().map(|algorithm| issuer::issue(algorithm, clients));
            let (key_set, tokens) = issued.map(|each| (each.key_set, each.tokens)).unzip();
            let started = Started::start(system, &fresh.place, key_set.as_deref())?;
            let (port, tokens) = (started.port, Arc::new(tokens.unwrap_or_default()));
            let load = load::Load { port, accounts, clients, warm_up, time, has_if_match, tokens };
            // One thread: the generator takes at most one core, and no time for handing over.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let hung = warm_up + time + HUNG_AFTER;
            runtime.block_on(async { tokio::time::timeout(hung, over_http(load, &started)).await })
        }
        false => {
            let load = in_process::Load { accounts, clients, warm_up, time, has_sessions };
            Ok(runtime().block_on(without_http(load, &fresh.place)))
        }
    };
    drop(fresh);
    Ok(Some(measured??))
}

/// The figures at the begin and at the end of the measured time.
struct Edges(Vec<(Instant, Option<Duration>, Option<Duration>)>);

impl Edges {
    /// Adds the processor times of the measured process, and of the load generator.
    fn add(&mut self, cpu: Option<Duration>, of_load: Option<Duration>) {
        self.0.push((Instant::now(), cpu, of_load));
    }

    /// Returns the fields of the line.
    fn fields(&self, latencies_ns: &[u64]) -> Value {
        let [(begin, cpu, load), (end, cpu_end, load_end)] = self.0[..] else { return json!({}) };
        let count = latencies_ns.len().max(1) as f64;
        let rate = latencies_ns.len() as f64 / end.duration_since(begin).as_secs_f64();
        let percentile = |percent: usize| {
            let index = (latencies_ns.len() * percent / 100).min(latencies_ns.len().max(1) - 1);
            latencies_ns.get(index).map_or(0.0, |ns| (*ns as f64 / 100.0).round() / 10.0)
        };
        let rounded = |value: f64| (value * 10.0).round() / 10.0;
        let mut fields = json!({
            "cmds_per_s": rounded(rate), "min_per_s": rounded(rate), "max_per_s": rounded(rate),
            "commands": latencies_ns.len(),
            "p50_us": percentile(50), "p99_us": percentile(99),
        });
        let per_command = |begin: Option<Duration>, end: Option<Duration>| {
            let time = end?.saturating_sub(begin?);
            Some(rounded(time.as_secs_f64() * 1e6 / count))
        };
        if let Some(cpu) = per_command(cpu, cpu_end) {
            fields["cpu_us_per_cmd"] = cpu.into();
        }
        if let Some(cpu) = per_command(load, load_end) {
            fields["load_cpu_us_per_cmd"] = cpu.into();
        }
        fields
    }
}

async fn over_http(load: load::Load, server: &Started) -> Result<Value, Fault> {
    load.open_accounts().await?;
    let mut edges = Edges(Vec::new());
    let sent = load.run(|| edges.add(server.cpu_time(), cpu_time())).await?;
    let mut fields = edges.fields(&sent.latencies_ns);
    let verified = sent.ledger.verify(&load.read_accounts().await?);
    fields["verified"] = verified.is_ok().into();
    fields["acknowledged"] = sent.ledger.count().into();
    let mut faults: Vec<String> = verified.err().into_iter().collect();
    if !sent.refused.is_empty() {
        faults.push(format!("answers other than 200, by status: {:?}", sent.refused));
    }
    if sent.replays_differing > 0 {
        faults.push(format!("{} repeated requests got another answer", sent.replays_differing));
    }
    if !faults.is_empty() {
        fields["failed"] = faults.join("; ").into();
    }
    Ok(fields)
}

async fn without_http(load: in_process::Load, place: &Place) -> Result<Value, Fault> {
    let domain = system::bank(place).await?;
    load.open_accounts(&domain).await?;
    let mut edges = Edges(Vec::new());
    let (latencies, ledger) = load.run(&domain, || edges.add(cpu_time(), None)).await?;
    let mut fields = edges.fields(&latencies);
    let verified = ledger.verify(&load.read_accounts(&domain).await?);
    fields["verified"] = verified.is_ok().into();
    fields["acknowledged"] = ledger.count().into();
    if let Err(fault) = verified {
        fields["failed"] = fault.into();
    }
    domain.shutdown().await;
    Ok(fields)
}

/// A fresh place, removed on drop.
struct Fresh {
    place: Place,
    _folder: Option<TempDir>,
}

impl Fresh {
    /// Makes a place; `None` if the store is not built in, or has no server.
    fn new(store: &str) -> Result<Option<Self>, Fault> {
        match store {
            "memory" => Ok(Some(Self { place: Place::Memory, _folder: None })),
            #[cfg(feature = "sqlite")]
            "sqlite" => {
                let folder = TempDir::new("http");
                let place = Place::File(folder.0.join("b.db"));
                Ok(Some(Self { place, _folder: Some(folder) }))
            }
            #[cfg(feature = "postgres")]
            "postgres" => Ok(bench_common::pg_url().map(|url| {
                let name = format!("bench_http_{}", uuid::Uuid::new_v4().simple());
                Self { place: Place::Schema { url, name }, _folder: None }
            })),
            _ => Ok(None),
        }
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        #[cfg(feature = "postgres")]
        if let Place::Schema { url, name } = &self.place
            && let Err(error) = drop_schema(url, name)
        {
            eprintln!("a schema is left over: {error}");
        }
    }
}

#[cfg(feature = "postgres")]
fn drop_schema(url: &str, name: &str) -> Result<(), Fault> {
    let sql = format!("SET lock_timeout = '10s'; DROP SCHEMA IF EXISTS \"{name}\" CASCADE");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
        let connection = tokio::spawn(connection);
        client.batch_execute(&sql).await?;
        drop(client);
        let _ = connection.await;
        Ok(())
    })
}
