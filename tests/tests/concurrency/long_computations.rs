//! Actions that compute for long, and the latency of other senders.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fluvius_core::{Domain, DomainContext, DomainRuntime, MemoryStore, aggregate};
use fluvius_sqlite::SqliteStore;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The events so far, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Decided(u64),
    Answered(u64),
}

static SEEN: Mutex<Vec<Seen>> = Mutex::new(Vec::new());

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Vault {
    word: u64,
}

#[aggregate(resource = "vault")]
impl Vault {
    #[action(evt_key = "vault-made")]
    fn make_vault() -> Result<Self, Infallible> {
        Ok(Self { word: 0 })
    }

    /// Block the thread, like a password hash.
    #[action(evt_key = "vault-locked")]
    fn lock_vault(&mut self, word: u64) -> Result<(), Infallible> {
        std::thread::sleep(Duration::from_millis(30));
        self.word = word;
        SEEN.lock().unwrap().push(Seen::Decided(word));
        Ok(())
    }
}

#[derive(Domain)]
#[domain(aggregates(Vault))]
struct VaultDomain;

const SENDERS: u64 = 10;

/// Sends commands on one aggregate concurrently.
async fn check(name: &str, domain: DomainRuntime) {
    SEEN.lock().unwrap().clear();
    let session = domain.session(DomainContext::create("test"));
    let id = Uuid::from_u128(1);
    session.send(id, MakeVault {}).await.unwrap();
    let senders: Vec<_> = (0..SENDERS)
        .map(|word| {
            let session = session.clone();
            tokio::spawn(async move {
                session.send(id, LockVault { word }).await.unwrap();
                SEEN.lock().unwrap().push(Seen::Answered(word));
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    let seen = SEEN.lock().unwrap().clone();
    let at = |wanted: Seen| seen.iter().position(|seen| *seen == wanted).unwrap();
    let order: Vec<u64> = seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Decided(word) => Some(*word),
            Seen::Answered(_) => None,
        })
        .collect();
    assert_eq!(order.len(), usize::try_from(SENDERS).unwrap());
    for three in order.windows(3) {
        let [first, _, third] = three else { unreachable!() };
        assert!(
            at(Seen::Answered(*first)) < at(Seen::Decided(*third)),
            "{name}: an answer waits for more than one other action: {seen:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_response_waits_for_at_most_one_other_action() {
    check("memory", VaultDomain::runtime(MemoryStore::new()).await.unwrap()).await;
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("vault.db")).await.unwrap();
    let store: Arc<SqliteStore> = Arc::new(store);
    check("sqlite", VaultDomain::runtime(SqliteStore::clone(&store)).await.unwrap()).await;
}
