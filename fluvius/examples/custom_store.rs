//! A custom store: a wrapper around another store that counts and times its commits.
//!
//! The wrapper implements the method that it changes. `delegate_store!` delegates all others,
//! including those with a default.
//!
//! ```sh
//! cargo run -p fluvius --example custom_store
//! ```

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fluvius::{
    CommitOutcome, Domain, DomainContext, MemoryStore, Store, UnitOfWork, aggregate, delegate_store,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The number and the times of the commits of a store.
#[derive(Debug, Default)]
struct CommitFigures {
    batches: AtomicUsize,
    units: AtomicUsize,
    longest: Mutex<Duration>,
}

/// A store that measures the commits of an inner one.
struct Measured<S> {
    inner: S,
    figures: Arc<CommitFigures>,
}

impl<S: Store> Store for Measured<S> {
    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        let units = batch.len();
        let begin = Instant::now();
        let outcomes = self.inner.commit(batch).await;
        self.figures.batches.fetch_add(1, Ordering::Relaxed);
        self.figures.units.fetch_add(units, Ordering::Relaxed);
        let mut longest = self.figures.longest.lock().unwrap_or_else(PoisonError::into_inner);
        *longest = begin.elapsed().max(*longest);
        outcomes
    }

    delegate_store! { self => self.inner; except commit }
}

/// A meter that is read from time to time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Meter {
    /// The last reading.
    pub reading: u64,
}

#[aggregate(resource = "meter")]
impl Meter {
    /// Install a meter.
    #[action(evt_key = "meter-installed")]
    pub fn install_meter() -> Result<Self, Infallible> {
        Ok(Self { reading: 0 })
    }

    /// Record a reading.
    #[action(evt_key = "reading-recorded")]
    pub fn record_reading(&mut self, reading: u64) -> Result<(), Infallible> {
        self.reading = reading;
        Ok(())
    }
}

/// Domain for meters.
#[derive(Debug, Domain)]
#[domain(aggregates(Meter))]
pub struct MeterDomain;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let figures = Arc::new(CommitFigures::default());
    let store = Measured { inner: MemoryStore::new(), figures: figures.clone() };
    let domain = MeterDomain::runtime(store).await?;
    let session = domain.session(DomainContext::create("technician"));

    let id = Uuid::new_v4();
    session.send(id, InstallMeter {}).await?;
    for reading in [118, 240, 371] {
        session.send(id, RecordReading { reading }).await?;
    }
    domain.shutdown().await;

    let units = figures.units.load(Ordering::Relaxed);
    let longest = figures.longest.lock().unwrap_or_else(PoisonError::into_inner);
    println!("{units} units of work in {} batches", figures.batches.load(Ordering::Relaxed));
    println!("longest commit: {longest:?}");
    assert_eq!(units, 4);
    Ok(())
}
