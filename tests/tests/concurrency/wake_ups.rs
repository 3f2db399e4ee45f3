//! Wake-ups of the runtime's workers.

use fluvius_core::{Domain, DomainContext, MemoryStore};
use tokio::runtime::Handle;

use fluvius_tests::purse::{PurseDomain, PutIn, make};

/// Number of batches, of which one must wake few workers. On a busy machine, most wake some.
const MAX_BATCHES: usize = 5_000;
const COMMANDS: u64 = 100;

/// A command that is decided, stored and answered within its caller's poll has nothing that
/// another worker could do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_caller_on_the_memory_store_wakes_no_worker() {
    let domain = PurseDomain::builder(MemoryStore::new()).build().await.unwrap();
    let (_, ids) = make(&domain, 1).await;
    let session = domain.session(DomainContext::create("test"));
    let parks = || {
        let metrics = Handle::current().metrics();
        (0..metrics.num_workers()).map(|worker| metrics.worker_park_count(worker)).sum::<u64>()
    };
    let id = ids[0];
    let least = tokio::spawn(async move {
        let mut least = u64::MAX;
        for _ in 0..MAX_BATCHES {
            if least < COMMANDS / 5 {
                break;
            }
            let before = parks();
            for _ in 0..COMMANDS {
                session.send(id, PutIn { coins: 1 }).await.unwrap();
            }
            least = least.min(parks() - before);
        }
        least
    });
    let least = least.await.unwrap();
    // A command that is slow by chance hands its work over, so the best batch counts.
    assert!(least < COMMANDS / 5, "at least {least} parks for {COMMANDS} commands");
}
