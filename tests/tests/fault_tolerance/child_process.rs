//! Another process: this test binary again, with one test that is a program.

use std::io::PipeWriter;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::backend::{Backend, SqliteBackend};
use crate::history::Recorder;
use crate::postgres_backend::{DurablePostgres, FastPostgres};
use crate::processes;
use crate::workload::Workload;

/// What the program is told, by the environment: an address, and what is to be done.
const ADDRESS: &str = "FLUVIUS_CHECKER_ADDRESS";
const WORK: &str = "FLUVIUS_CHECKER_WORK";

/// The other process; alone it does nothing.
#[test]
fn workload_of_a_child_process() {
    let (Ok(address), Ok(workload)) = (std::env::var(ADDRESS), std::env::var(WORK)) else { return };
    run(&address, serde_json::from_str(&workload).unwrap());
}

/// The program, over the store that the address names.
fn run(address: &str, workload: Workload) {
    match address.split_once(':').unwrap() {
        (SqliteBackend::SCHEME, path) => run_over(SqliteBackend::at(path), workload),
        (DurablePostgres::SCHEME, schema) => run_over(DurablePostgres::at(schema), workload),
        (FastPostgres::SCHEME, schema) => run_over(FastPostgres::at(schema), workload),
        _ => panic!("`{address}` is no store"),
    }
}

fn run_over<B: Backend>(backend: B, workload: Workload) {
    let stop = Arc::new(AtomicBool::new(false));
    let stop_flag = Arc::clone(&stop);
    // The first process closes the input when it wants an end, and when it has ended itself.
    std::thread::spawn(move || {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
        stop_flag.store(true, Ordering::Relaxed);
    });
    processes::runtime().block_on(workload.run(backend, Recorder::Output, stop));
}

/// Starts the program, with the pipe as its output.
pub fn start(address: &str, workload: &Workload, output: PipeWriter) -> (Child, ChildStdin) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "child_process::workload_of_a_child_process",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(ADDRESS, address)
        .env(WORK, serde_json::to_string(workload).unwrap())
        .stdin(Stdio::piped())
        .stdout(output)
        .spawn()
        .unwrap();
    let input = child.stdin.take().unwrap();
    (child, input)
}
