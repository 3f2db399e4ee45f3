//! Log readers with conditions on rows, upper bounds and falling positions.

use fluvius_core::{
    Authorization, Domain, DomainContext, EventRecord, LogEntry, LogReader, LogRecord, LogStream,
    MemoryStore, Page, Policy, PolicyRequest, ResumeToken,
};
use futures_util::StreamExt;

use fluvius_tests::fixture::{Fixture, check_error, id};
use fluvius_tests::probe::{EndProbe, ProbingDomain, Run, StartProbe, Step, probe, probes};

/// A fixture with 4 created probes, 8 commands of two users on them, and one end.
async fn busy() -> Fixture {
    let fixture = probes(4).await;
    for number in 0..8 {
        let user = id(90 + number % 2);
        let session = fixture.domain.session(DomainContext::create("test").with_user(user));
        let message = Step::Message(format!("note-{}", number % 3), number.to_string());
        session.send(id(1 + number % 4), Run { steps: vec![message] }).await.unwrap();
    }
    fixture.session.send(id(4), EndProbe {}).await.unwrap();
    fixture
}

fn positions<T>(rows: &[LogEntry<T>]) -> Vec<u64> {
    rows.iter().map(|row| row.position).collect()
}

/// Reads all pages of the event log.
async fn pages(log: LogReader, is_descending: bool) -> (Vec<usize>, Vec<u64>) {
    let (mut next, mut sizes, mut found) = (None::<ResumeToken>, Vec::new(), Vec::new());
    loop {
        let log = log.clone();
        let log = match next {
            Some(next) if is_descending => log.before(next),
            Some(next) => log.after(next),
            None => log,
        };
        let page = log.events().await.unwrap();
        sizes.push(page.rows.len());
        found.extend(positions(&page.rows));
        match page.next {
            Some(place) => next = Some(place),
            None => return (sizes, found),
        }
    }
}

#[tokio::test]
async fn a_log_is_read_backwards_page_by_page() {
    let fixture = busy().await;
    let log = fixture.domain.log();
    let (_, mut all) = pages(log.clone(), false).await;
    assert_eq!(all.len(), 13);
    all.reverse();
    for (limit, sizes) in
        [(1, vec![1; 13]), (5, vec![5, 5, 3]), (12, vec![12, 1]), (13, vec![13]), (14, vec![13])]
    {
        let found = pages(log.clone().descending().limit(limit), true).await;
        assert_eq!(found, (sizes, all.clone()), "limit {limit}");
    }
    let (_, own) = pages(log.clone().for_aggregate(probe(4)), false).await;
    assert_eq!(own.len(), 4);
    let of_probe = log.clone().for_aggregate(probe(4)).descending();
    let (sizes, mut found) = pages(of_probe.limit(3), true).await;
    found.reverse();
    assert_eq!((sizes, found), (vec![3, 1], own));
    // Between two bounds, both exclusive.
    let range = log.clone().after(all[9]).before(all[2]);
    assert_eq!(pages(range.clone().limit(4), false).await.0, [4, 2]);
    let (_, found) = pages(range.descending().limit(4), true).await;
    assert_eq!(found, all[3..9]);
    assert_eq!(pages(log.before(all[12]).descending(), true).await, (vec![0], vec![]));
}

#[tokio::test]
async fn a_scan_limit_bounds_a_descending_page() {
    let fixture = busy().await;
    let log = fixture.domain.log().keys(["probe-started"]).descending().limit(2).scan_limit(4);
    let first = log.events().await.unwrap();
    let rest = log.clone().scan_limit(usize::MAX).limit(100);
    let next = first.next.unwrap();
    assert_eq!((first.rows.len(), first.scanned_to), (0, next));
    let scanned = fixture.domain.log().after(next).events().await.unwrap();
    assert_eq!(scanned.rows.len(), 3, "the page has scanned four rows down to {next}");
    let page = rest.before(next).events().await.unwrap();
    assert_eq!((page.rows.len(), page.next, page.scanned_to), (4, None, ResumeToken::START));
}

#[tokio::test]
async fn later_rows_are_not_on_descending_pages() {
    let fixture = busy().await;
    let log = fixture.domain.log().descending().limit(5);
    let first = log.events().await.unwrap();
    fixture.session.send(id(9), StartProbe { value: 0 }).await.unwrap();
    let rest = log.clone().limit(100).before(first.next.unwrap()).events().await.unwrap();
    assert_eq!((first.rows.len(), rest.rows.len()), (5, 8));
    let later = fixture.domain.log().after(&first.rows[0]).events().await.unwrap();
    assert_eq!(later.rows.len(), 1);
    assert_eq!(later.rows[0].record.aggregate_id, probe(9));
}

#[tokio::test]
async fn rows_are_found_by_domain_key_and_actor() {
    let fixture = busy().await;
    let log = || fixture.domain.log();
    let namespace = fixture.domain.log().events().await.unwrap().rows[0].record.domain.clone();
    let keys = |page: Page<EventRecord>| -> Vec<String> {
        page.rows.iter().map(|row| row.record.key().to_owned()).collect()
    };
    assert_eq!(log().domain(namespace.clone()).events().await.unwrap().rows.len(), 13);
    assert_eq!(log().domain(namespace.clone()).messages().await.unwrap().rows.len(), 8);
    assert_eq!(log().domain("another").commands().await.unwrap().rows.len(), 0);
    let page = log().keys(["probe-ended", "probe-started"]).events().await.unwrap();
    assert_eq!(keys(page)[3..], ["probe-started", "probe-ended"]);
    assert_eq!(log().keys(["run"]).commands().await.unwrap().rows.len(), 8);
    assert_eq!(log().keys(["run"]).events().await.unwrap().rows.len(), 0);
    assert_eq!(log().keys(["note-1"]).messages().await.unwrap().rows.len(), 3);
    assert_eq!(log().keys::<&str>([]).commands().await.unwrap().rows.len(), 0);
    let of_user = log().actor(id(91));
    assert_eq!(of_user.commands().await.unwrap().rows.len(), 4);
    assert_eq!(of_user.events().await.unwrap().rows.len(), 4);
    assert_eq!(of_user.clone().keys(["note-0"]).messages().await.unwrap().rows.len(), 1);
    assert_eq!(log().actor(id(7)).events().await.unwrap().rows.len(), 0);
    // No store can hold U+0000, so no row has these names.
    let page = of_user.clone().keys(["ran", "r\0n"]).events().await.unwrap();
    assert_eq!(page.rows.len(), 4);
    assert_eq!(of_user.domain("prob\0ing").events().await.unwrap().rows.len(), 0);
}

struct Closed;

impl Policy for Closed {
    async fn authorize(&self, _: &PolicyRequest<'_>) -> Authorization {
        Authorization::deny("the bank is closed")
    }
}

#[tokio::test]
async fn an_activity_is_found_by_its_code() {
    let store = MemoryStore::new();
    let domain = ProbingDomain::builder(store).policy(Closed).build().await.unwrap();
    let session = domain.session(DomainContext::create("test").with_user(id(5)));
    session.send(id(1), StartProbe { value: 0 }).await.unwrap_err();
    let log = domain.log().actor(id(5)).keys(["permission-denied"]);
    let rows = log.activities().await.unwrap().rows;
    assert_eq!(rows.len(), 1);
    let namespace = log.context(rows[0].record.context_id).await.unwrap().unwrap().domain.clone();
    assert_eq!(log.clone().domain(namespace).activities().await.unwrap().rows.len(), 1);
    assert_eq!(log.keys(["user-action"]).activities().await.unwrap().rows.len(), 0);
}

#[tokio::test]
async fn an_invalid_upper_bound_is_rejected() {
    let fixture = busy().await;
    let end = fixture.domain.log().events().await.unwrap().scanned_to;
    let elsewhere = ResumeToken::new(end.position() - 1, end.row_id().unwrap());
    for log in [fixture.domain.log(), fixture.domain.log().descending()] {
        let error = log.clone().before(elsewhere).events().await.unwrap_err();
        assert_eq!(error.code(), "invalid-position");
        assert_eq!(log.clone().before(end).events().await.unwrap().rows.len(), 12);
        assert_eq!(log.before(u64::MAX).events().await.unwrap().rows.len(), 13);
    }
}

#[tokio::test]
async fn a_reader_with_an_end_cannot_be_followed() {
    async fn check<T: LogRecord>(mut stream: LogStream<T>) {
        let error = stream.next().await.unwrap().map(drop).unwrap_err();
        let text = "the query is not valid: a log is followed in rising order and without an \
            upper bound: leave out `descending` and `before`, or read pages";
        check_error(&error, "invalid-query", text);
        assert!(stream.next().await.is_none(), "the stream has ended");
    }
    let fixture = busy().await;
    for log in [fixture.domain.log().descending(), fixture.domain.log().before(5)] {
        check(log.follow_commands()).await;
        check(log.follow_events()).await;
        check(log.follow_messages()).await;
        check(log.follow_activities()).await;
    }
    // The conditions on rows apply to a stream as well.
    let log = fixture.domain.log().keys(["ran"]).actor(id(91));
    let events: Vec<_> = log.follow_events().take(4).collect().await;
    assert!(events.iter().all(|event| event.as_ref().unwrap().record.key() == "ran"));
}
