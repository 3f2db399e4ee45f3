//! The costs of the individual stages of a command, measured by criterion.
//!
//! Some stages are private to fluvius-core. They are measured through the narrowest public
//! interface: as time windows between points that the observer, the store and the caller can see.
//!
//! | group | subject | method |
//! |---|---|---|
//! | `decode`, `encode`, `change` | JSON | public functions of `fluvius_core::json`, in a loop |
//! | `memory-commit` | the memory store | units of a real run, committed again to a fresh store |
//! | `stage` | decode, decide, admission, commit, answer | windows within a command, see `stages` |
//! | `command` | the whole command | a spawned client, as in the harness |

mod bank;
mod commit;
mod json;
mod probe_store;
mod stages;
mod whole;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    json::measure(&mut criterion);
    commit::measure(&mut criterion);
    stages::measure(&mut criterion);
    whole::measure(&mut criterion);
    criterion.final_summary();
}
