//! The stages of one typed command, as windows between the points that are visible from outside:
//!
//! | window | from | to | contents |
//! |---|---|---|---|
//! | `decode` | the call of `send` | `CommandReady` | the stored payload, its hash, authorize |
//! | `decide` | `CommandReady` | `before_commit` | accept, locks, load, decide, encode, change |
//! | `admission` | `before_commit` | the store's call | new versions, release of locks, batch |
//! | `commit` | the store's call | the store's return | the memory store |
//! | `answer` | the store's return | the return of `send` | durable versions, events, response |
//!
//! Each window includes one or two clock readings of some 25 ns each.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use banking_domain::DepositMoney;
use criterion::Criterion;
use fluvius_core::{Observer, RuntimeEvent, Session, SimpleRejection, UnitOfWork};

use crate::bank::{self, account_id, amount};
use crate::probe_store::ProbeStore;

const WINDOWS: [&str; 5] = ["decode", "decide", "admission", "commit", "answer"];

/// The times at which the last command was ready and its unit of work was made.
#[derive(Clone, Default)]
struct Stamps(Arc<Mutex<(Option<Instant>, Option<Instant>)>>);

impl Stamps {
    fn with<T>(&self, see: impl FnOnce(&mut (Option<Instant>, Option<Instant>)) -> T) -> T {
        see(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Stamps {
    fn on_event(&self, signal: &RuntimeEvent<'_>) {
        if matches!(signal, RuntimeEvent::CommandReady { .. }) {
            self.with(|stamps| stamps.0 = Some(Instant::now()));
        }
    }

    fn before_commit(&self, _: &UnitOfWork) -> Result<(), SimpleRejection> {
        self.with(|stamps| stamps.1 = Some(Instant::now()));
        Ok(())
    }
}

#[expect(clippy::expect_used, reason = "the client does not panic")]
pub(crate) fn measure(criterion: &mut Criterion) {
    let runtime = bank::runtime();
    let mut group = criterion.benchmark_group("stage");
    for (window, name) in WINDOWS.iter().enumerate() {
        group.bench_function(*name, |b| {
            b.iter_custom(|count| {
                runtime.block_on(async {
                    let (store, stamps) = (ProbeStore::default(), Stamps::default());
                    let session = bank::open(store.clone(), Some(stamps.clone())).await;
                    let client = client(session, store, stamps, window, count);
                    tokio::spawn(client).await.expect("the client has ended")
                })
            });
        });
    }
    group.finish();
}

/// Sends `count` commands, and returns the time that they spent in one of the windows.
#[expect(clippy::expect_used, reason = "each command has passed all its stages")]
async fn client(
    session: Session,
    store: ProbeStore,
    stamps: Stamps,
    window: usize,
    count: u64,
) -> Duration {
    let mut time = Duration::ZERO;
    for index in 0..count {
        let sent = Instant::now();
        let deposit = DepositMoney { amount: amount() };
        session.send(account_id(index), deposit).await.expect("a deposit");
        let answered = Instant::now();
        let (ready, decided) = stamps.with(|stamps| *stamps);
        let (ready, decided) = ready.zip(decided).expect("the listener was told");
        let (begun, stored) = store.with(|seen| seen.commit).expect("the store was called");
        let marks = [sent, ready, decided, begun, stored, answered];
        time += marks[window + 1] - marks[window];
    }
    time
}
