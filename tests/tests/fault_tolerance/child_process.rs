//! Child processes: this test binary, with one test that runs a workload or a server.

use std::io::{BufRead, BufReader, PipeWriter};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fluvius::server::Server;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::backend::{Backend, SqliteBackend};
use crate::history::Recorder;
use crate::postgres_backend::{DurablePostgres, FastPostgres};
use crate::processes;
use crate::subscribers::Subscriber;
use crate::workload::{Conditions, Workload};

/// Environment variables for the child: the store's address, and its task.
const ADDRESS: &str = "FLUVIUS_CHECKER_ADDRESS";
const TASK: &str = "FLUVIUS_CHECKER_TASK";

/// Prefix of the line with the address of a server.
const LISTENING: &str = "listening on ";

/// The task of a child.
#[derive(Debug, Serialize, Deserialize)]
enum Task {
    Work(Workload),
    Serve(Conditions),
    Subscribe(Subscriber),
}

/// The program of a child process; without the variables it does nothing.
#[test]
fn task_of_a_child_process() {
    let (Ok(address), Ok(task)) = (std::env::var(ADDRESS), std::env::var(TASK)) else { return };
    run(&address, serde_json::from_str(&task).unwrap());
}

/// Runs a task over the store at this address.
fn run(address: &str, task: Task) {
    match address.split_once(':').unwrap() {
        (SqliteBackend::SCHEME, path) => run_over(SqliteBackend::at(path), task),
        (DurablePostgres::SCHEME, schema) => run_over(DurablePostgres::at(schema), task),
        (FastPostgres::SCHEME, schema) => run_over(FastPostgres::at(schema), task),
        _ => panic!("`{address}` is not the address of a store"),
    }
}

fn run_over<B: Backend>(backend: B, task: Task) {
    let stop = Arc::new(AtomicBool::new(false));
    let stop_flag = Arc::clone(&stop);
    let (closed, on_close) = oneshot::channel();
    // The parent closes the input to stop the child; its own end closes it as well.
    std::thread::spawn(move || {
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
        stop_flag.store(true, Ordering::Relaxed);
        let _ = closed.send(());
    });
    processes::runtime().block_on(async {
        match task {
            Task::Work(workload) => workload.run(backend, Recorder::Output, stop).await,
            Task::Serve(conditions) => serve(backend, conditions, on_close).await,
            Task::Subscribe(subscriber) => subscriber.run(backend, on_close).await,
        }
    });
}

async fn serve<B: Backend>(backend: B, conditions: Conditions, on_close: oneshot::Receiver<()>) {
    let domain = conditions.domain(&backend, 0).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{LISTENING}{}", listener.local_addr().unwrap());
    let closed = async {
        let _ = on_close.await;
    };
    Server::new().mount(domain).serve_until(listener, closed).await.unwrap();
}

/// Starts a child that runs a workload, with the pipe as its output.
pub fn start(address: &str, workload: Workload, output: PipeWriter) -> (Child, ChildStdin) {
    spawn(address, &Task::Work(workload), output.into())
}

/// Starts a child that subscribes to the events.
pub fn start_subscriber(address: &str, subscriber: Subscriber) -> (Child, ChildStdin) {
    spawn(address, &Task::Subscribe(subscriber), Stdio::null())
}

/// Starts a child that serves the bank. Returns its address too.
pub fn start_server(address: &str, conditions: Conditions) -> (Child, ChildStdin, SocketAddr) {
    let (reader, writer) = std::io::pipe().unwrap();
    let (child, input) = spawn(address, &Task::Serve(conditions), writer.into());
    let mut lines = BufReader::new(reader).lines().map(Result::unwrap);
    let listening = lines.find_map(|line| line.split_once(LISTENING)?.1.parse().ok());
    // The harness of the child writes on, so the pipe stays open.
    std::thread::spawn(move || lines.for_each(drop));
    (child, input, listening.expect("the server listens"))
}

fn spawn(address: &str, task: &Task, output: Stdio) -> (Child, ChildStdin) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "child_process::task_of_a_child_process",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(ADDRESS, address)
        .env(TASK, serde_json::to_string(task).unwrap())
        .stdin(Stdio::piped())
        .stdout(output)
        .spawn()
        .unwrap();
    let input = child.stdin.take().unwrap();
    (child, input)
}
