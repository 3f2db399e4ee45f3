//! The stages of one typed command, as windows between what can be seen of it from outside:
//!
//! | window | from | to | what lies in it |
//! |---|---|---|---|
//! | `decode` | the caller sends | `CommandReady` | the payload that is kept, its hash, authorize |
//! | `decide` | `CommandReady` | `committing` | acceptance, turn, load, the rule, encode, change, rows |
//! | `admission` | `committing` | the store is called | heads put in place, turn given back, the batch |
//! | `commit` | the store is called | it has answered | the memory store |
//! | `answer` | it has answered | the caller has it | heads stand, signals, the response |
//!
//! Each window has one to two readings of the clock in it, some 25 ns each.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use banking_domain::DepositMoney;
use criterion::Criterion;
use fluvius_core::{Observer, SimpleRejection, Session, RuntimeEvent, UnitOfWork};

use crate::bank::{self, account_id, amount};
use crate::probe_store::ProbeStore;

const WINDOWS: [&str; 5] = ["decode", "decide", "admission", "commit", "answer"];

/// When the last command was ready, and when its unit of work was made.
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

/// The time that `count` commands spent in one of the windows.
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
