//! Queries with a bound: pages that end before they are full, and what they read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fluvius_core::query::{Field, Filter, SortKey, StateScan};
use fluvius_core::{
    Domain, DomainContext, DomainRuntime, MemoryStore, SimpleRejection, StateManager, StateQuery,
    StateQueryBuilder, StateRecord, Store, StoreError, aggregate, delegate_store,
};
use serde::{Deserialize, Serialize};

use fluvius_tests::fixture::id;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stone {
    weight: u32,
    colour: String,
}

#[aggregate(resource = "stone", index(weight: number))]
impl Stone {
    #[action(evt_key = "stone-found")]
    fn find_stone(weight: u32, colour: String) -> Result<Self, SimpleRejection> {
        Ok(Self { weight, colour })
    }

    #[action(evt_key = "stone-lost")]
    fn lose_stone(self) -> Result<(), SimpleRejection> {
        Ok(())
    }
}

#[derive(Domain)]
#[domain(aggregates(Stone))]
struct QuarryDomain;

/// A store that counts the scanned rows, and takes 40 ms for each scan.
#[derive(Clone, Default)]
struct CountingStore {
    inner: MemoryStore,
    scans: Arc<AtomicUsize>,
    scanned: Arc<AtomicUsize>,
}

impl Store for CountingStore {
    async fn scan(&self, query: &StateQuery, scan_limit: usize) -> Result<StateScan, StoreError> {
        tokio::time::sleep(Duration::from_millis(40)).await;
        let scan = self.inner.scan(query, scan_limit).await?;
        self.scans.fetch_add(1, Ordering::Relaxed);
        self.scanned.fetch_add(scan.scanned, Ordering::Relaxed);
        Ok(scan)
    }

    delegate_store! { self => self.inner; except scan }
}

impl CountingStore {
    /// Returns the numbers of scans and of scanned rows since the last call.
    fn counts(&self) -> (usize, usize) {
        (self.scans.swap(0, Ordering::Relaxed), self.scanned.swap(0, Ordering::Relaxed))
    }
}

/// A quarry with 200 stones of weights 0 to 9. One in fifty is red; one in ten of the others is
/// lost.
async fn quarry() -> (CountingStore, DomainRuntime) {
    let store = CountingStore::default();
    let domain = QuarryDomain::runtime(store.clone()).await.unwrap();
    let session = domain.session(DomainContext::create("miner"));
    for number in 0..200_u32 {
        let colour = if number % 50 == 49 { "red" } else { "grey" }.to_owned();
        let stone = id(u128::from(number) + 1);
        session.send(stone, FindStone { weight: number % 10, colour }).await.unwrap();
        if number % 10 == 3 {
            session.send(stone, LoseStone {}).await.unwrap();
        }
    }
    (store, domain)
}

fn red() -> Filter {
    Field::text("colour").eq("red")
}

fn stones(statemgr: &StateManager, sort: &[SortKey]) -> StateQueryBuilder<StateRecord> {
    let query = statemgr.query_rows("stone").filter(red());
    sort.iter().fold(query, |query, key| query.sort(key.clone()))
}

/// Reads all pages. Returns their numbers of rows, and the rows.
async fn pages(
    mut query: StateQueryBuilder<StateRecord>,
) -> Result<(Vec<usize>, Vec<StateRecord>), fluvius_core::Error> {
    let (mut counts, mut rows) = (Vec::new(), Vec::new());
    loop {
        let page = query.page().await?;
        counts.push(page.rows.len());
        rows.extend(page.rows);
        assert!(counts.len() <= 200, "the pages do not end");
        match page.next {
            Some(next) => query = query.after(next),
            None => return Ok((counts, rows)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn page_ends_at_its_scan_limit() {
    let (store, domain) = quarry().await;
    let statemgr = domain.statemgr();
    let whole = stones(&statemgr, &[]).all().await.unwrap();
    assert_eq!((whole.len(), store.counts()), (4, (0, 0)));
    let query = stones(&statemgr, &[]).limit(10).scan_limit(30);
    let (counts, rows) = pages(query.clone()).await.unwrap();
    assert_eq!((counts, rows), (vec![0, 1, 0, 1, 1, 0, 1], whole));
    // Each page has scanned 30 rows, the last one 20: in parts of 11 and of 19 or 9.
    assert_eq!(store.counts(), (14, 200));
    let first = query.page().await.unwrap();
    assert!(first.rows.is_empty() && first.next.is_some());
}

#[tokio::test(start_paused = true)]
async fn page_ends_when_its_time_has_elapsed() {
    let (store, domain) = quarry().await;
    let query = stones(&domain.statemgr(), &[]).limit(1).scan_time(Duration::from_millis(100));
    let page = query.page().await.unwrap();
    // Three scans of 40 ms: of 2, 4 and 8 rows.
    assert_eq!((page.rows.len(), store.counts()), (0, (3, 14)));
    let page = query.after(page.next.unwrap()).scan_time(Duration::MAX).page().await.unwrap();
    assert_eq!(page.rows[0].aggregate_id.id, id(50));
}

#[tokio::test(start_paused = true)]
async fn full_page_reads_no_further() {
    let (store, domain) = quarry().await;
    let query = domain.statemgr().query::<Stone>().scan_limit(1_000).limit(3);
    let page = query.page().await.unwrap();
    let weights: Vec<u32> = page.rows.iter().map(|stone| stone.weight).collect();
    // The fourth stone is lost.
    assert_eq!((weights, store.counts()), (vec![0, 1, 2], (2, 5)));
    let page = query.after(page.next.unwrap()).page().await.unwrap();
    assert_eq!(page.rows[0].weight, 4);
}

#[tokio::test(start_paused = true)]
async fn declared_order_is_scanned_in_parts() {
    let (store, domain) = quarry().await;
    let statemgr = domain.statemgr();
    for sort in [
        vec![Field::number("weight").descending()],
        vec![Field::number("weight").ascending(), Field::text("colour").descending()],
    ] {
        let whole = stones(&statemgr, &sort).all().await.unwrap();
        let (counts, rows) = pages(stones(&statemgr, &sort).limit(2).scan_limit(60)).await.unwrap();
        assert_eq!(rows, whole, "{sort:?}");
        assert!(counts.contains(&0), "{counts:?}");
        assert!(store.counts().1 <= 60 * counts.len());
    }
}

#[tokio::test(start_paused = true)]
async fn undeclared_order_is_sorted_within_the_limit() {
    let (store, domain) = quarry().await;
    let statemgr = domain.statemgr();
    let sort = [Field::text("colour").ascending(), Field::number("weight").descending()];
    let grey = || {
        let query = statemgr.query_rows("stone").filter(Field::text("colour").eq("grey"));
        sort.iter().fold(query, |query, key| query.sort(key.clone())).limit(50)
    };
    let whole = grey().all().await.unwrap();
    let (counts, rows) = pages(grey().scan_limit(200)).await.unwrap();
    assert_eq!((counts, rows), (vec![50, 50, 50, 26], whole));
    assert_eq!(store.counts(), (4, 800));

    let error = grey().scan_limit(199).page().await.unwrap_err();
    assert_eq!(error.framework_code(), "invalid-query");
    assert_eq!(
        error.to_string(),
        "the query is not valid: sorting by text `colour`, which has no index, would read more \
         than 199 aggregates: sort by a field with a declared index, or add a condition on one"
    );
    assert_eq!(store.counts(), (1, 199));
}

#[tokio::test(start_paused = true)]
async fn page_of_a_log_ends_when_its_time_has_elapsed() {
    let domain = QuarryDomain::runtime(SlowLog(MemoryStore::new())).await.unwrap();
    let session = domain.session(DomainContext::create("miner"));
    let find = |weight| FindStone { weight, colour: "grey".to_owned() };
    for number in 0..4_500_u32 {
        session.send(id(u128::from(number) + 1), find(number)).await.unwrap();
    }
    let log = domain.log().keys(["stone-lost"]).scan_limit(100_000);
    let page = log.clone().scan_time(Duration::from_millis(60)).events().await.unwrap();
    let next = page.next.unwrap();
    assert_eq!((page.rows.len(), page.scanned_to), (0, next));
    // Two parts of 2,000 events, each with its command before it.
    assert_eq!(next.position(), 8_000);
    let page = log.after(next).scan_time(Duration::from_millis(60)).events().await.unwrap();
    assert_eq!((page.next, page.scanned_to.position()), (None, 9_000));
    let found = domain.log().keys(["stone-found"]).descending().limit(2_500);
    let page = found.scan_time(Duration::MAX).events().await.unwrap();
    assert_eq!((page.rows.len(), page.next.unwrap().position()), (2_500, 4_002));
}

/// A store that takes 40 ms for each read of a log.
struct SlowLog(MemoryStore);

impl Store for SlowLog {
    async fn log(
        &self,
        kind: fluvius_core::LogKind,
        query: &fluvius_core::LogQuery,
    ) -> Result<fluvius_core::LogPage<fluvius_core::AnyRecord>, StoreError> {
        tokio::time::sleep(Duration::from_millis(40)).await;
        self.0.log(kind, query).await
    }

    delegate_store! { self => self.0; except log }
}
