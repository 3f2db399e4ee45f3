//! Gates that hold a running action for a test, and reports of actions to a test.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use tokio::sync::Semaphore;

/// A point in an action that holds it until the test opens the gate.
#[derive(Debug)]
pub struct Gate {
    arrivals: Semaphore,
    permits: Semaphore,
}

impl Gate {
    /// Reports the arrival, and waits for a permit of the test.
    pub async fn pass(&self) {
        self.arrivals.add_permits(1);
        self.permits.acquire().await.unwrap().forget();
    }

    /// Waits for the next arrival of an action.
    pub async fn arrival(&self) {
        self.arrivals.acquire().await.unwrap().forget();
    }

    /// Lets `count` actions pass.
    pub fn open(&self, count: usize) {
        self.permits.add_permits(count);
    }
}

static GATES: LazyLock<Mutex<HashMap<String, Arc<Gate>>>> = LazyLock::new(Mutex::default);

/// Returns the gate of this name, which an action and its test share.
pub fn gate(name: &str) -> Arc<Gate> {
    let mut gates = GATES.lock().unwrap();
    let new = || Arc::new(Gate { arrivals: Semaphore::new(0), permits: Semaphore::new(0) });
    Arc::clone(gates.entry(name.to_owned()).or_insert_with(new))
}

/// Makes a gate without arrivals and permits. Replaces an earlier one of this name.
pub fn new_gate(name: &str) -> Arc<Gate> {
    GATES.lock().unwrap().remove(name);
    gate(name)
}

/// Returns the gate of this name if the test has made one.
pub fn find_gate(name: &str) -> Option<Arc<Gate>> {
    GATES.lock().unwrap().get(name).cloned()
}

static REPORTS: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

/// Keeps a report of an action. Attempts that are later discarded report too.
pub fn report(name: &str, text: String) {
    REPORTS.lock().unwrap().entry(name.to_owned()).or_default().push(text);
}

/// Takes the reports under this name.
pub fn reports(name: &str) -> Vec<String> {
    REPORTS.lock().unwrap().remove(name).unwrap_or_default()
}
