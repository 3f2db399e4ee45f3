//! distributed 4.12 on the bank workload, with its memory, SQLite and PostgreSQL repositories. Each
//! is measured plain, and as its README recommends for servers: queued (one lock per aggregate),
//! with a snapshot every 50 events.

mod account;
mod bank;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use account::Account;
use bank::DistributedBank;
use bench_common::{Plan, matrix, repeat, runtime, wants_store};
use distributed::{AggregateBuilder, InMemoryRepository, Queueable};

fn main() {
    runtime().block_on(async {
        let plan = Plan::from_env();
        memory(&plan).await;
        #[cfg(feature = "sqlite")]
        sqlite::run(&plan).await;
        #[cfg(feature = "postgres")]
        postgres::run(&plan).await;
    });
}

async fn memory(plan: &Plan) {
    if !wants_store("memory") {
        return;
    }
    matrix("distributed", "memory", "-", plan, |_, _| async {
        let repository = InMemoryRepository::new().aggregate::<Account>();
        DistributedBank { repository, is_queued: false, _folder: None }
    })
    .await;
    matrix("distributed+queued+snapshot50", "memory", "-", plan, |_, _| async {
        let repository = InMemoryRepository::new().queued().aggregate::<Account>();
        DistributedBank {
            repository: repository.with_snapshots(50),
            is_queued: true,
            _folder: None,
        }
    })
    .await;
    for count in [10_000_u32, 100_000] {
        let name = format!("distributed/memory/{count}");
        repeat("replay", &name, "events/s", bank::REPLAY, || {
            bank::replay(InMemoryRepository::new(), count)
        })
        .await;
    }
}
