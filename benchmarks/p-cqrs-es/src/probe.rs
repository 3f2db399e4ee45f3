//! The reason for which `verified` is false in some cases: counts events and reads balances,
//! without timing.

use std::sync::Arc;

use bench_common::{BankCommand, OPENING, account_id, emit};
use cqrs_es::mem_store::MemStore;
use cqrs_es::{CqrsFramework, EventStore};
use rust_decimal::Decimal;
use serde_json::json;
use tokio::task::JoinSet;

use crate::account::{Account, AccountCommand};

pub(crate) async fn run() {
    #[cfg(feature = "sqlite")]
    double_apply().await;
    lost_in_mem_store().await;
}

fn open() -> AccountCommand {
    AccountCommand(BankCommand::Open(Decimal::from(OPENING)))
}

fn deposit(amount: i64) -> AccountCommand {
    AccountCommand(BankCommand::Deposit(Decimal::from(amount)))
}

/// Opens one account with 1,000,000 and deposits 10 three times, with one client. The correct
/// balance is 1,000,030.
#[cfg(feature = "sqlite")]
async fn double_apply() {
    use cqrs_es::{Aggregate, AggregateContext};

    use crate::sqlite::{self, Mode};

    for (mode, name) in [
        (Mode::Events, "event store"),
        (Mode::Aggregates, "aggregate store"),
        (Mode::SnapshotEvery2, "snapshot store (every 2)"),
    ] {
        let (pool, _folder) = sqlite::pool(sqlx::sqlite::SqliteSynchronous::Normal).await;
        let cqrs = CqrsFramework::new(sqlite::store(&pool, mode), vec![], ());
        let id = account_id(0).to_string();
        cqrs.execute(&id, open()).await.unwrap();
        for _ in 0..3 {
            cqrs.execute(&id, deposit(10)).await.unwrap();
        }
        let store = sqlite::store(&pool, mode);
        let events = store.load_events(&id).await.unwrap();
        let mut replayed = Account::default();
        events.iter().for_each(|event| replayed.apply(event.payload.clone()));
        let loaded = store.load_aggregate(&id).await.unwrap().aggregate().balance;
        emit(&json!({
            "probe": "cqrs-es double apply", "mode": name, "events": events.len(),
            "replayed_balance": replayed.balance, "loaded_balance": loaded,
            "expected": "1000030",
        }));
    }
}

/// Runs 64 tasks with 100 deposits each on one account. The correct number of events is 6,401.
async fn lost_in_mem_store() {
    let store = MemStore::<Account>::default();
    let cqrs = Arc::new(CqrsFramework::new(store.clone(), vec![], ()));
    let id = account_id(0).to_string();
    cqrs.execute(&id, open()).await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..64 {
        let (cqrs, id) = (Arc::clone(&cqrs), id.clone());
        tasks.spawn(async move {
            let mut acknowledged = 0_usize;
            for _ in 0..100 {
                acknowledged += usize::from(cqrs.execute(&id, deposit(1)).await.is_ok());
            }
            acknowledged
        });
    }
    let acknowledged: usize = tasks.join_all().await.into_iter().sum::<usize>() + 1;
    let stored = store.load_events(&id).await.unwrap().len();
    emit(&json!({
        "probe": "cqrs-es MemStore, 64 tasks x 100 deposits",
        "acknowledged": acknowledged, "events_stored": stored,
    }));
}
