//! The conformance suite on the memory store and on a naive one, and on stores that are broken on
//! purpose: each must be found by the claims that say so.
#![allow(missing_docs, reason = "a test binary has no readers of its documentation")]

mod mangle;
mod mutants;
mod mutation;
mod naive;

use std::sync::Arc;

use fluvius_core::MemoryStore;
use fluvius_core::testing::store_conformance;

use naive::{Naive, Place};

mod memory {
    use super::*;
    store_conformance!(async { MemoryStore::new() });
}

mod naive_reopened {
    use super::*;
    store_conformance! {
        fresh: async { Place::default() },
        open: |place: Arc<Place>| async move { Naive::open(&place, None) },
    }
}
