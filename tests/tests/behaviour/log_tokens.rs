//! Log tokens: reads resume in the same store or in a copy, not in a restored store. Also the cost
//! of a quiet realm.

use std::time::Duration;

use fluvius_core::EventRecord;
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

/// Returns a domain over a backup that lacks the last commands, with the tokens of the end of the
/// backup and of the end of the original log.
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
async fn a_token_ahead_of_a_restored_store_is_rejected() {
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
        assert!(events.next().await.is_none(), "the stream has ended");
    }

    // The restored store has passed the position, with another row there.
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
async fn a_token_is_valid_in_a_copy() {
    let folder = TempDir::new().unwrap();
    let (domain, before, _) = restored(&folder).await;
    let kept = serde_json::to_string(&before).unwrap();
    let token: ResumeToken = serde_json::from_str(&kept).unwrap();
    let mut events = domain.log().after(token).follow_events();
    start(&domain.session(DomainContext::create("test")), 20..22).await;
    for number in [20, 21] {
        assert_eq!(events.next().await.unwrap().unwrap().record.aggregate_id, probe(number));
    }
}

/// Two sessions of one domain: one of a quiet realm, and one of a busy realm.
async fn two_realms(store: impl Store) -> (DomainRuntime, Session, Session) {
    let domain = ProbingDomain::runtime(store).await.unwrap();
    let of = |realm: &str| domain.session(DomainContext::create("test").with_realm(realm));
    let (quiet, busy) = (of("quiet"), of("busy"));
    (domain, quiet, busy)
}

#[tokio::test(start_paused = true)]
async fn a_follower_of_a_quiet_realm_scans_each_row_once() {
    let store = ScriptedStore::default();
    let (_domain, quiet, busy) = two_realms(store.clone()).await;
    quiet.send(id(1), StartProbe { value: 0 }).await.unwrap();
    busy.send(id(2), StartProbe { value: 0 }).await.unwrap();
    let mut events = quiet.log().follow_events();
    assert_eq!(events.next().await.unwrap().unwrap().record.aggregate_id, probe(1));
    let follower = tokio::spawn(async move {
        let event = events.next().await.unwrap().unwrap();
        (event.position, events.resume_token())
    });
    for _ in 0..200 {
        busy.send(id(2), Run { steps: vec![Step::Add(1)] }).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let newest = store.inner.read_log::<EventRecord>(&LogQuery::all()).await.unwrap().newest;
    let reads = store.event_reads();
    assert!(reads.len() > 150, "the follower reads while the other realm is busy: {}", reads.len());
    // Rows after the start of a read are scanned.
    let looked_at: u64 = reads.iter().map(|(after, newest)| newest - after).sum();
    assert!(looked_at <= 2 * newest, "{looked_at} positions scanned in a log of {newest}");

    quiet.send(id(1), Run { steps: vec![Step::Add(1)] }).await.unwrap();
    let (position, token) = follower.await.unwrap();
    assert_eq!((position, token.position()), (newest + 2, newest + 2));
}

#[tokio::test(start_paused = true)]
async fn the_token_of_a_stream_advances_without_rows() {
    let (domain, quiet, busy) = two_realms(ScriptedStore::default()).await;
    start(&busy, 1..4).await;
    let mut events = quiet.log().follow_events();
    assert_eq!(events.resume_token(), ResumeToken::START);
    let waiting = tokio::time::timeout(Duration::from_secs(5), events.next()).await;
    assert!(waiting.is_err(), "this realm has no row");
    let newest = domain.log().events().await.unwrap().scanned_to;
    assert_eq!((events.resume_token(), newest.position()), (newest, 6));

    // Rows that are read and not yet returned are after the token.
    start(&quiet, 10..13).await;
    let first = events.next().await.unwrap().unwrap();
    assert_eq!((first.position, events.resume_token()), (8, first.resume_token()));
    let mut again = quiet.log().after(events.resume_token()).follow_events();
    for number in [11, 12] {
        assert_eq!(again.next().await.unwrap().unwrap().record.aggregate_id, probe(number));
        assert_eq!(events.next().await.unwrap().unwrap().record.aggregate_id, probe(number));
    }
}

#[tokio::test]
async fn a_sparse_page_scans_a_bounded_part() {
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
async fn the_last_page_has_a_token_to_resume() {
    let Fixture { domain, session, .. } = probes(2).await;
    let page = domain.log().commands().await.unwrap();
    assert_eq!((page.next, page.scanned_to.position()), (None, 4));
    let end = domain.log().after(page.scanned_to).events().await.unwrap();
    assert_eq!((end.rows.len(), end.next, end.scanned_to), (0, None, page.scanned_to));
    session.send(id(1), Run { steps: vec![] }).await.unwrap();
    let next = domain.log().after(page.scanned_to).commands().await.unwrap();
    assert_eq!(next.rows.len(), 1);
}
