//! `verify` of ranges of positions, its progress, and its cancellation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fluvius_core::verify::{FaultKind, Progress, Verification, verify};
use fluvius_core::{EventRecord, LogQuery, MemoryStore, Store};
use fluvius_testing::{Faults, FaultyStore};

use super::verify::{ROW_FAULTS, VERSIONS, is_many, written};
use fluvius_tests::faulty_store::{AlteredRows, HookedStore, RowFault, StoreCall};
use fluvius_tests::fixture::id;
use fluvius_tests::probe::{Run, StartProbe, Step, probes};

/// Returns the newest position, and the positions of the events of the aggregate of many versions.
async fn places(store: &MemoryStore) -> (u64, Vec<u64>) {
    let page = store.read_log::<EventRecord>(&LogQuery::all()).await.unwrap();
    let own = page.rows.iter().filter(|row| is_many(&row.record.aggregate_id));
    (page.newest, own.map(|row| row.position).collect())
}

type Counts = BTreeMap<(FaultKind, Option<u64>), u64>;

fn counts(found: &Verification) -> Counts {
    let mut counts = Counts::new();
    for fault in &found.faults {
        *counts.entry((fault.kind, fault.position)).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn ranges_add_up_to_the_whole_store() {
    let store = written().await;
    let whole = verify(&store).await.unwrap();
    let (newest, _) = places(&store).await;
    for width in [1, 10, 77, newest - 1] {
        let mut sum = Verification::default();
        let mut first = 1;
        while first <= newest {
            let found = verify(&store).range(first..first + width).await.unwrap();
            assert!(found.is_sound(), "{first}, {width}: {found}");
            assert!(found.rows() <= width && found.aggregates <= found.events, "{found}");
            sum.commands += found.commands;
            sum.events += found.events;
            sum.messages += found.messages;
            sum.activities += found.activities;
            first += width;
        }
        sum.aggregates = whole.aggregates;
        assert_eq!(sum, whole, "{width}");
    }
    for all in [verify(&store).range(..), verify(&store).range(1..), verify(&store).range(0..)] {
        assert_eq!(all.await.unwrap(), whole);
    }
    let rows = verify(&store).range(..=newest).await.unwrap();
    assert_eq!((rows.rows(), rows.aggregates), (whole.rows(), whole.aggregates));
    let empty = [
        verify(&store).range(..0),
        verify(&store).range(5..5),
        verify(&store).range(newest + 1..),
        verify(&store).range(u64::MAX..),
    ];
    for none in empty {
        assert_eq!(none.await.unwrap(), Verification::default());
    }
}

/// The ranges of a store together report the faults that a check of the whole store reports.
#[tokio::test]
async fn ranges_find_the_faults_of_the_whole_store() {
    let store = written().await;
    let (newest, _) = places(&store).await;
    for (number, (_, fault)) in ROW_FAULTS.iter().enumerate() {
        let store = AlteredRows { inner: store.clone(), fault: *fault };
        let whole = verify(&store).await.unwrap();
        for width in [13, 60, newest - 1] {
            let mut sum = Counts::new();
            let mut first = 1;
            while first <= newest {
                let found = verify(&store).range(first..first + width).await.unwrap();
                for (place, count) in counts(&found) {
                    *sum.entry(place).or_default() += count;
                }
                first += width;
            }
            let mut expected = counts(&whole);
            if whole.fault_count >= 100 {
                // The whole store keeps only the first faults.
                expected.retain(|place, _| sum.contains_key(place));
                sum.retain(|place, _| expected.contains_key(place));
            }
            if expected.keys().any(|(kind, _)| *kind == FaultKind::LogUnordered) {
                // The other row at the wrong position may be in another range.
                sum.retain(|(kind, _), _| *kind != FaultKind::PositionDuplicate);
                expected.retain(|(kind, _), _| *kind != FaultKind::PositionDuplicate);
            }
            // Each range reports these faults once: an event beyond its aggregate's row, and a
            // version too far from its snapshot. The whole store reports a long hole in parts.
            for repeated in
                [FaultKind::EventSurplus, FaultKind::SnapshotOverdue, FaultKind::VersionMissing]
            {
                let has_it = |counts: &Counts| counts.keys().any(|(kind, _)| *kind == repeated);
                assert_eq!(has_it(&sum), has_it(&expected), "{number}: {repeated:?}");
                sum.retain(|(kind, _), _| *kind != repeated);
                expected.retain(|(kind, _), _| *kind != repeated);
            }
            assert_eq!(sum, expected, "{number}, {width}: {whole}");
        }
    }
}

#[tokio::test]
async fn a_fault_outside_of_the_range_is_not_reported() {
    let store = written().await;
    let (newest, own) = places(&store).await;
    let at = |version: usize| own[version - 1];
    let event_70 = RowFault::Event(|event| {
        if is_many(&event.record.aggregate_id) && event.record.version == 70 {
            event.record.occurred_at -= chrono::TimeDelta::days(1);
        }
        true
    });
    let row = RowFault::State(|state| {
        if is_many(&state.aggregate_id) {
            state.updated_by = Some(id(9));
        }
        true
    });
    let hole = RowFault::Event(|event| {
        !(is_many(&event.record.aggregate_id) && event.record.version == 70)
    });
    for (fault, range, kind) in [
        (event_70, at(70)..=at(70), Some(FaultKind::TimeDecreases)),
        (event_70, at(69)..=at(71), Some(FaultKind::TimeDecreases)),
        (event_70, 2..=at(70) - 1, None),
        (event_70, at(70) + 1..=newest, None),
        // The row belongs to the last event.
        (row, at(150)..=at(150), Some(FaultKind::RowDiffers)),
        (row, 2..=at(150) - 1, None),
        (row, at(150) + 1..=newest, None),
        // A missing version is reported with the next event.
        (hole, at(71)..=at(71), Some(FaultKind::VersionMissing)),
        (hole, 2..=at(71) - 1, None),
        (hole, at(72)..=newest, None),
    ] {
        let store = AlteredRows { inner: store.clone(), fault };
        let found = verify(&store).range(range.clone()).await.unwrap();
        let kinds: Vec<FaultKind> = found.faults.iter().map(|fault| fault.kind).collect();
        assert_eq!(kinds, Vec::from_iter(kind), "{range:?}: {found}");
    }
}

#[tokio::test]
async fn a_range_costs_what_it_contains() {
    let store = written().await;
    let (_, own) = places(&store).await;
    let read = Arc::new(AtomicUsize::new(0));
    let hooked = HookedStore::new(store, {
        let read = Arc::clone(&read);
        move |call| {
            let rows = if let StoreCall::Rows(rows) = call { rows } else { 1 };
            read.fetch_add(rows, Ordering::Relaxed);
        }
    });
    for version in [1, 64, 65, 100, usize::try_from(VERSIONS).unwrap()] {
        let position = own[version - 1];
        let found = verify(&hooked).range(position..=position).await.unwrap();
        assert_eq!((found.rows(), found.aggregates, found.fault_count), (1, 1, 0), "{found}");
        // The events since the snapshot and those read with the event, and the rows that it
        // refers to.
        let read = read.swap(0, Ordering::Relaxed);
        assert!(read <= 64 + 64 + 10, "{read} rows are read for version {version}");
    }
}

/// More aggregates than a check remembers, each with two events.
#[tokio::test]
async fn each_touched_aggregate_is_checked_once() {
    const COUNT: u128 = 4_200;
    let fixture = probes(0).await;
    let session = &fixture.session;
    for number in 1..=COUNT {
        session.send(id(number), StartProbe { value: 0 }).await.unwrap();
    }
    for number in 1..=COUNT {
        session.send(id(number), Run { steps: vec![Step::Add(1)] }).await.unwrap();
    }
    let found = verify(&fixture.store).range(..u64::MAX).await.unwrap();
    assert!(found.is_sound(), "{found}");
    assert_eq!((u128::from(found.aggregates), u128::from(found.events)), (COUNT, 2 * COUNT));
}

/// Each check begins where the previous one ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consecutive_ranges_cover_the_rows_of_writes() {
    let fixture = probes(3).await;
    let writing = tokio::spawn({
        let session = fixture.session.clone();
        async move {
            for step in 0..600 {
                let run = Run { steps: vec![Step::Add(1)] };
                session.send(id(1 + step % 3), run).await.unwrap();
            }
        }
    });
    let (mut events, mut reached, mut times) = (0, 1, 0);
    loop {
        let is_over = writing.is_finished();
        let check = verify(&fixture.store).range(reached + 1..);
        let found = check.on_progress(|step| reached = step.position).await.unwrap();
        assert!(found.is_sound(), "{found}");
        assert!(found.aggregates <= found.events.min(3), "{found}");
        events += found.events;
        times += 1;
        if is_over {
            break;
        }
    }
    writing.await.unwrap();
    assert_eq!((events, reached), (3 + 600, 2 * (3 + 600)));
    assert!(times > 2, "verified {times} times during the writes");
}

#[tokio::test]
async fn the_progress_rises_to_the_end() {
    let store = written().await;
    let (newest, _) = places(&store).await;
    for (first, last) in [(1, u64::MAX), (3, u64::MAX), (10, newest - 10), (1, newest)] {
        let mut steps: Vec<Progress> = Vec::new();
        let found =
            verify(&store).range(first..=last).on_progress(|step| steps.push(step)).await.unwrap();
        assert!(steps.len() >= 2, "{steps:?}");
        for pair in steps.windows(2) {
            let [one, next] = pair else { unreachable!() };
            assert!(one.aggregates <= next.aggregates && one.rows <= next.rows, "{steps:?}");
            assert!(one.position <= next.position && one.last == next.last, "{steps:?}");
            assert!(next.rows - one.rows <= 256, "{steps:?}");
        }
        let end = steps.last().unwrap();
        assert_eq!((end.rows, end.aggregates), (found.rows(), found.aggregates));
        assert_eq!((end.position, end.last), (newest.min(last), newest.min(last)));
    }
    let mut steps = Vec::new();
    verify(&MemoryStore::new()).on_progress(|step| steps.push(step)).await.unwrap();
    assert_eq!(steps.last(), Some(&Progress::default()));
}

#[tokio::test]
async fn a_dropped_check_reads_no_more() {
    let reads = Arc::new(AtomicUsize::new(0));
    let store = HookedStore::new(written().await, {
        let reads = Arc::clone(&reads);
        move |_| {
            reads.fetch_add(1, Ordering::Relaxed);
        }
    });
    // Calls wait, so that the check can be dropped between two of them.
    let faults = Faults { max_delay: Duration::from_micros(50), ..Faults::default() };
    let store = FaultyStore::new(store, 7, faults);
    verify(&store).await.unwrap();
    let all = reads.swap(0, Ordering::Relaxed);
    let reported = tokio::sync::Notify::new();
    let check = verify(&store).range(2..).on_progress(|_| reported.notify_one());
    tokio::select! {
        biased;
        () = reported.notified() => {}
        found = check => panic!("the check has ended: {found:?}"),
    }
    let before = reads.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(reads.load(Ordering::Relaxed), before);
    assert!(before > 0 && before < all, "{before} of {all} reads");
}
