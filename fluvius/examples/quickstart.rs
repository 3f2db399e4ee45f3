//! A counter over the memory store: the actions, the domain, typed commands, and the event log.
//!
//! ```sh
//! cargo run -p fluvius --example quickstart
//! ```

use fluvius::{Domain, DomainContext, MemoryStore, SimpleRejection, Versioned, aggregate};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A counter that never decreases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Counter {
    /// The current count.
    pub count: u64,
}

#[aggregate(resource = "counter")]
impl Counter {
    /// Start a counter.
    #[action(evt_key = "counter-started")]
    pub fn start_counter() -> Result<Self, SimpleRejection> {
        Ok(Self { count: 0 })
    }

    /// Add to the count.
    #[action(evt_key = "count-increased")]
    pub fn increase_count(&mut self, by: u64) -> Result<(), SimpleRejection> {
        const OVERFLOW: SimpleRejection =
            SimpleRejection::new("count-overflow", "the count would be too large");
        self.count = self.count.checked_add(by).ok_or(OVERFLOW)?;
        Ok(())
    }
}

/// Domain for counting.
#[derive(Debug, Domain)]
#[domain(aggregates(Counter))]
pub struct CountingDomain;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let domain = CountingDomain::runtime(MemoryStore::new()).await?;
    let session = domain.session(DomainContext::create("quickstart"));
    let id = Uuid::new_v4();

    session.send(id, StartCounter {}).await?;
    let response = session.send(id, IncreaseCount { by: 3 }).await?;
    println!("count {} at version {}", response.data.count, response.version);

    // A rejected command changes nothing.
    match session.send(id, IncreaseCount { by: u64::MAX }).await {
        Ok(response) => println!("count {}", response.data.count),
        Err(error) => println!("{}: {error}", error.code()),
    }
    let counter = session.statemgr().fetch::<Counter>(id).await?;
    assert_eq!((counter.count, Versioned::version(&counter)), (3, 2));

    for event in domain.log().events().await?.rows {
        println!("event {} {}", event.record.key(), event.record.args);
    }
    domain.shutdown().await;
    Ok(())
}
