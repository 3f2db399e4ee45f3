//! cqrs-es in memory: its MemStore, and the harness's memory store.

use std::collections::HashMap;
use std::time::Instant;

use bench_common::{Plan, account_id, matrix, repeat, wants_store};
use cqrs_es::mem_store::MemStore;
use cqrs_es::{AggregateContext, CqrsFramework, EventEnvelope, EventStore};
use rust_decimal::Decimal;

use crate::account::{Account, AccountEvent};
use crate::bank::CqrsBank;
use crate::quiet_memory::QuietMemory;

pub(crate) async fn run(plan: &Plan) {
    if !wants_store("memory") {
        return;
    }
    matrix("cqrs-es", "memory(MemStore)", "-", plan, |_, _| async {
        let store = MemStore::<Account>::default();
        let cqrs = CqrsFramework::new(store.clone(), vec![], ());
        CqrsBank { cqrs, reader: store, _folder: None }
    })
    .await;
    matrix("cqrs-es", "memory(our EventStore)", "-", plan, |_, _| async {
        let store = QuietMemory::default();
        let cqrs = CqrsFramework::new(store.clone(), vec![], ());
        CqrsBank { cqrs, reader: store, _folder: None }
    })
    .await;
    for count in [10_000_usize, 100_000] {
        let name = format!("cqrs-es/memory(our EventStore)/{count}");
        let note = "load_aggregate of one account with that many events";
        repeat("replay", &name, "events/s", note, || replay(count)).await;
    }
}

async fn replay(count: usize) -> f64 {
    let store = QuietMemory::default();
    let id = account_id(0).to_string();
    let amount = Decimal::new(105, 2);
    let events = (1..=count).map(|sequence| EventEnvelope {
        aggregate_id: id.clone(),
        sequence,
        metadata: HashMap::new(),
        payload: AccountEvent::Deposited { amount },
    });
    store.fill(&id, events.collect());
    let start = Instant::now();
    let mut loaded = store.load_aggregate(&id).await.unwrap();
    assert_eq!(loaded.sequence, count);
    assert_eq!(loaded.aggregate().balance, amount * Decimal::from(count));
    count as f64 / start.elapsed().as_secs_f64()
}
