//! Typed commands and commands by key over the memory store.

use bench_common::{Plan, matrix, wants_store};
use fluvius_core::MemoryStore;

use crate::bank::{ByKey, Typed};

#[expect(clippy::expect_used, reason = "a new memory store takes every domain")]
pub(crate) async fn run(plan: &Plan) {
    if !wants_store("memory") {
        return;
    }
    matrix("fluvius", "memory", "-", plan, |_, _| async {
        Typed::over(MemoryStore::new()).await.expect("the domain is built")
    })
    .await;
    matrix("fluvius+by-key", "memory", "-", plan, |_, _| async {
        ByKey::over(MemoryStore::new()).await.expect("the domain is built")
    })
    .await;
}
