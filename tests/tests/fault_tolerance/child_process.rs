//! Child processes: this test binary, with one test that runs a workload.

use std::io::PipeWriter;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::backend::{Backend, SqliteBackend};
use crate::history::Recorder;
use crate::postgres_backend::{DurablePostgres, FastPostgres};
use crate::processes;
use crate::workload::Workload;

/// Environment variables for the child: the store's address, and the workload.
const ADDRESS: &str = "FLUVIUS_CHECKER_ADDRESS";
const WORK: &str = "FLUVIUS_CHECKER_WORK";

/// The program of a child process; without the variables it does nothing.
#[test]
fn workload_of_a_child_process() {
    let (Ok(address), Ok(workload)) = (std::env::var(ADDRESS), std::env::var(WORK)) else { return };
    run(&address, serde_json::from_str(&workload).unwrap());
}

/// Runs a workload over the store at this address.
fn run(address: &str, workload: Workload) {
    match address.split_once(':').unwrap() {
        (SqliteBackend::SCHEME, path) => run_over(SqliteBackend::at(path), workload),
        (DurablePostgres::SCHEME, schema) => run_over(DurablePostgres::at(schema), workload),
        (FastPostgres::SCHEME, schema) => run_over(FastPostgres::at(schema), workload),
        _ => panic!("`{address}` is not the address of a store"),
    }
}

fn run_over<B: Backend>(backend: B, workload: Workload) {
    let stop = Arc::new(AtomicBool::new(false));
    let stop_flag = Arc::clone(&stop);
    // The parent closes the input to stop the child; its own end closes it as well.
    std::thread::spawn(move || {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
        stop_flag.store(true, Ordering::Relaxed);
    });
    processes::runtime().block_on(workload.run(backend, Recorder::Output, stop));
}

/// Starts a child with the pipe as its output.
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
