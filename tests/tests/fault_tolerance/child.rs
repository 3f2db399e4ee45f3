//! Another process: this test binary again, with one test that is a program.

use std::io::PipeWriter;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::history::Recorder;
use crate::hosts;
use crate::places::{InFile, Place};
use crate::server::{OnHastyServer, OnServer};
use crate::work::Work;

/// What the program is told, by the environment: an address, and what is to be done.
const ADDRESS: &str = "FLUVIUS_CHECKER_ADDRESS";
const WORK: &str = "FLUVIUS_CHECKER_WORK";

/// The other process; alone it does nothing.
#[test]
fn the_other_process() {
    let (Ok(address), Ok(work)) = (std::env::var(ADDRESS), std::env::var(WORK)) else { return };
    run(&address, serde_json::from_str(&work).unwrap());
}

/// The program, over the store that the address names.
fn run(address: &str, work: Work) {
    match address.split_once(':').unwrap() {
        (InFile::SCHEME, path) => run_over(InFile::at(path), work),
        (OnServer::SCHEME, schema) => run_over(OnServer::at(schema), work),
        (OnHastyServer::SCHEME, schema) => run_over(OnHastyServer::at(schema), work),
        _ => panic!("`{address}` is no store"),
    }
}

fn run_over<P: Place>(place: P, work: Work) {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    // The first process closes the input when it wants an end, and when it has ended itself.
    std::thread::spawn(move || {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
        told.store(true, Ordering::Relaxed);
    });
    hosts::runtime().block_on(work.run(place, Recorder::Output, stop));
}

/// Starts the program, with the pipe as its output.
pub fn start(address: &str, work: &Work, output: PipeWriter) -> (Child, ChildStdin) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child::the_other_process", "--nocapture", "--test-threads=1"])
        .env(ADDRESS, address)
        .env(WORK, serde_json::to_string(work).unwrap())
        .stdin(Stdio::piped())
        .stdout(output)
        .spawn()
        .unwrap();
    let input = child.stdin.take().unwrap();
    (child, input)
}
