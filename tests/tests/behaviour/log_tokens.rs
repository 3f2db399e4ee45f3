//! Resuming in a log: from a token, in the same store, in a copy, in one that was set back. Also
//! the cost of a quiet realm.

use std::time::Duration;

use fluvius_core::{
    Domain, DomainContext, DomainRuntime, Error, LogQuery, ResumeToken, Session, Store,
};
use fluvius_sqlite::SqliteStore;
use futures_util::StreamExt;
use tempfile::TempDir;

use fluvius_tests::faulty_store::ScriptedStore;
use fluvius_tests::fixture::{Fixture, id};
use fluvius_tests::probe::{ProbingDomain, Run, StartProbe, Step, probe, probes};

async fn start(session: &Session, numbers: std::ops::Range<u128>) {
    for number in numbers {
        session.send(id(number), StartProbe { value: 0 }).await.unwrap();
    }
}

/// A domain over a backup that was made before the last commands. With it, the token of the end of
/// that time, and that of the end of the log as it was then.
async fn restored(folder: &TempDir) -> (DomainRuntime, ResumeToken, ResumeToken) {
    let store = SqliteStore::open(folder.path().join("store.db")).await.unwrap();
    let domain = ProbingDomain::runtime(store.clone()).await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    start(&session, 1..6).await;
    let before = domain.log().events().await.unwrap().scanned_to;
    let backup = folder.path().join("backup.db");
    store.backup_to(&backup).await.unwrap();
    start(&session, 6..11).await;
    let ahead = domain.log().events().await.unwrap().rows[9].resume_token();
    let restored = SqliteStore::open(backup).await.unwrap();
    (ProbingDomain::runtime(restored).await.unwrap(), before, ahead)
}

#[track_caller]
fn check_invalid(error: &Error, at: ResumeToken) {
    assert_eq!(error.code(), "invalid-position");
    let Error::InvalidPosition { token, newest, .. } = error else { panic!("{error:?}") };
    assert_eq!(*token, at);
    let text = error.to_string();
    assert!(text.contains(&at.to_string()) && text.contains(&newest.to_string()), "{text}");
}

#[tokio::test]
async fn a_reader_ahead_of_a_restored_store_gets_an_error() {
    let folder = TempDir::new().unwrap();
    let (domain, _, ahead) = restored(&folder).await;
    let session = domain.session(DomainContext::create("test"));
    let log = domain.log().after(ahead);
    let bare = domain.log().after(ahead.position());
    check_invalid(&log.events().await.unwrap_err(), ahead);
    check_invalid(&bare.commands().await.unwrap_err(), ahead.position().into());
    let mut events = log.follow_events();
    check_invalid(&events.next().await.unwrap().unwrap_err(), ahead);
    for _ in 0..2 {
        assert!(events.next().await.is_none(), "it is over");
    }

    // The restored store has gone on beyond the position: its row is another one.
    start(&session, 20..40).await;
    for read in [
        log.commands().await.map(drop),
        log.events().await.map(drop),
        log.messages().await.map(drop),
        log.activities().await.map(drop),
        session.log().after(ahead).limit(1).events().await.map(drop),
    ] {
        let error = read.unwrap_err();
        check_invalid(&error, ahead);
        let Error::InvalidPosition { found, .. } = error else { panic!("{error:?}") };
        assert!(found.is_some_and(|found| Some(found) != ahead.row_id()));
    }
    let mut events = log.follow_events();
    check_invalid(&events.next().await.unwrap().unwrap_err(), ahead);
    bare.events().await.unwrap();
}

#[tokio::test]
async fn a_token_holds_in_a_copy() {
    let folder = TempDir::new().unwrap();
    let (domain, before, _) = restored(&folder).await;
    let kept = serde_json::to_string(&before).unwrap();
    let token: ResumeToken = serde_json::from_str(&kept).unwrap();
    let mut events = domain.log().after(token).follow_events();
    start(&domain.session(DomainContext::create("test")), 20..22).await;
    for number in [20, 21] {
        assert_eq!(events.next().await.unwrap().unwrap().aggregate_id, probe(number));
    }
}

/// Two sessions of one domain: of a realm in which little happens, and of one that is busy.
async fn two_realms(store: impl Store) -> (DomainRuntime, Session, Session) {
    let domain = ProbingDomain::runtime(store).await.unwrap();
    let of = |realm: &str| domain.session(DomainContext::create("test").with_realm(realm));
    let (quiet, busy) = (of("quiet"), of("busy"));
    (domain, quiet, busy)
}

#[tokio::test(start_paused = true)]
async fn a_follower_of_a_quiet_realm_looks_at_each_row_once() {
    let store = ScriptedStore::default();
    let (_domain, quiet, busy) = two_realms(store.clone()).await;
    quiet.send(id(1), StartProbe { value: 0 }).await.unwrap();
    busy.send(id(2), StartProbe { value: 0 }).await.unwrap();
    let mut events = quiet.log().follow_events();
    assert_eq!(events.next().await.unwrap().unwrap().aggregate_id, probe(1));
    let follower = tokio::spawn(async move {
        let event = events.next().await.unwrap().unwrap();
        (event.position, events.resume_token())
    });
    for _ in 0..200 {
        busy.send(id(2), Run { steps: vec![Step::Add(1)] }).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let newest = store.inner.events(&LogQuery::all()).await.unwrap().newest;
    let reads = store.event_reads();
    assert!(reads.len() > 150, "it reads on while the other realm is busy: {}", reads.len());
    // Rows behind the place of a read are looked at.
    let looked_at: u64 = reads.iter().map(|(after, newest)| newest - after).sum();
    assert!(looked_at <= 2 * newest, "{looked_at} positions for a log of {newest}");

    quiet.send(id(1), Run { steps: vec![Step::Add(1)] }).await.unwrap();
    let (position, token) = follower.await.unwrap();
    assert_eq!((position, token.position()), (newest + 2, newest + 2));
}

#[tokio::test(start_paused = true)]
async fn the_token_of_a_stream_moves_on_without_a_row() {
    let (domain, quiet, busy) = two_realms(ScriptedStore::default()).await;
    start(&busy, 1..4).await;
    let mut events = quiet.log().follow_events();
    assert_eq!(events.resume_token(), ResumeToken::START);
    let waiting = tokio::time::timeout(Duration::from_secs(5), events.next()).await;
    assert!(waiting.is_err(), "there is no row in this realm");
    let newest = domain.log().events().await.unwrap().scanned_to;
    assert_eq!((events.resume_token(), newest.position()), (newest, 6));

    // Rows that are read and not given yet are behind the token.
    start(&quiet, 10..13).await;
    let first = events.next().await.unwrap().unwrap();
    assert_eq!((first.position, events.resume_token()), (8, first.resume_token()));
    let mut again = quiet.log().after(events.resume_token()).follow_events();
    for number in [11, 12] {
        assert_eq!(again.next().await.unwrap().unwrap().aggregate_id, probe(number));
        assert_eq!(events.next().await.unwrap().unwrap().aggregate_id, probe(number));
    }
}

#[tokio::test]
async fn a_page_of_few_rows_looks_at_a_bounded_part() {
    let (_domain, quiet, busy) = two_realms(ScriptedStore::default()).await;
    start(&busy, 1..31).await;
    start(&quiet, 31..32).await;
    start(&busy, 32..41).await;
    let mut log = quiet.log().limit(1).scan_limit(7);
    let mut sizes = Vec::new();
    loop {
        let page = log.events().await.unwrap();
        sizes.push(page.rows.len());
        match page.next {
            Some(next) => log = log.after(next),
            None => break,
        }
    }
    assert_eq!(sizes, [0, 0, 0, 0, 1, 0], "40 events, 7 at a time");
}

#[tokio::test]
async fn a_page_says_where_to_go_on_at_the_end() {
    let Fixture { domain, session, .. } = probes(2).await;
    let page = domain.log().commands().await.unwrap();
    assert_eq!((page.next, page.scanned_to.position()), (None, 4));
    let end = domain.log().after(page.scanned_to).events().await.unwrap();
    assert_eq!((end.rows.len(), end.next, end.scanned_to), (0, None, page.scanned_to));
    session.send(id(1), Run { steps: vec![] }).await.unwrap();
    let next = domain.log().after(page.scanned_to).commands().await.unwrap();
    assert_eq!(next.rows.len(), 1);
}
