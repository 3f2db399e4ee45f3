//! What the stages of a command cost, one by one, by criterion.
//!
//! Stages that are private to fluvius-core are measured through the narrowest public way: the
//! windows between what a listener, the store and the caller see of one command.
//!
//! | group | what | how |
//! |---|---|---|
//! | `decode`, `encode`, `delta` | JSON | public functions of `fluvius_core::json`, in a loop |
//! | `memory-commit` | the memory store | units of work of a real run, committed again to a fresh store |
//! | `stage` | decode, decide, admission, commit, answer | windows within a command, see `stages` |
//! | `command` | the whole | a spawned client, as in the harness |

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
