//! Builds a domain in a program whose crates switch on features that fluvius cannot work with, and
//! prints the error.

use std::convert::Infallible;

use fluvius::{Domain, MemoryStore, aggregate};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Scale {
    grams: f64,
}

#[aggregate(resource = "scale")]
impl Scale {
    #[action(evt_key = "scale-set-up")]
    fn set_up_scale(grams: f64) -> Result<Self, Infallible> {
        Ok(Self { grams })
    }
}

#[derive(Domain)]
#[domain(aggregates(Scale))]
struct ScaleDomain;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime is built");
    match runtime.block_on(ScaleDomain::runtime(MemoryStore::new())) {
        Ok(_) => println!("built"),
        Err(error) => println!("{error}"),
    }
}
