//! Scans: bounded parts of a query, which together have its result.

use std::collections::BTreeSet;

use super::pages::{orders, states};
use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure, same};
use crate::conformance::draft::json;
use crate::conformance::harness::Harness;
use crate::conformance::query_fixture::{Shelf, query};
use crate::rng::SeededRng;
use fluvius_store::query::{Field, Filter, MAX_CANDIDATES, StateScan};
use fluvius_store::{AggregateId, RealmFilter, StateQuery, StateRecord, Store};

/// Number of combinations of a filter, an order and limits that a case draws.
const COMBINATIONS: usize = 60;

/// Scans a query to the end, with the same limit for each scan. Fails if that takes more scans than
/// there are rows.
async fn scans(
    shelf: &Shelf,
    query: &StateQuery,
    scan_limit: usize,
) -> Result<Vec<StateScan>, CaseFailure> {
    let mut query = query.clone();
    let mut scans = Vec::new();
    loop {
        let scan = shelf.store.scan(&query, scan_limit).await?;
        // Round-trips the cursor through its text, like a client.
        let next = scan.next.as_ref().map(|next| next.to_string().parse()).transpose()?;
        scans.push(scan);
        match next {
            Some(next) => query.after = Some(next),
            None => return Ok(scans),
        }
        let count = shelf.aggregate_ids.len();
        ensure!(scans.len() <= count, "the scans of {count} rows do not end");
    }
}

fn rows(scans: Vec<StateScan>) -> Vec<StateRecord> {
    scans.into_iter().flat_map(|scan| scan.rows).collect()
}

pub(crate) async fn scans_add_up_to_the_whole(harness: &Harness) -> CaseResult {
    let shelf = Shelf::of(harness, &states()).await?;
    let context = harness.context();
    for aggregate_id in shelf.aggregate_ids.iter().step_by(9) {
        let closing = harness.draft(&context, aggregate_id).closes(aggregate_id, 1).done();
        harness.commit_all(&shelf.store, [closing]).await?;
    }
    let filters = [
        Filter::default(),
        Filter::Any(Vec::new()),
        Field::number("amount").ge(10),
        Field::number("amount").eq(9.5.to_string().parse::<fluvius_store::query::Number>()?),
        Field::text("owner").contains("da") & Field::number("amount").lt(50),
        !Field::text("owner").eq("ada") | Field::text("owner").is_null(),
    ];
    let orders = orders();
    let mut rng = SeededRng::new(1);
    for declared in [vec![], vec![Field::number("amount"), Field::text("owner")]] {
        shelf.store.declare_indexes("conformance", &declared).await?;
        for _ in 0..COMBINATIONS {
            let (filter, sort) = (rng.pick(&filters).clone(), rng.pick(&orders));
            let limit = *rng.pick(&[1, 2, 7, 60, usize::MAX]);
            let scan_limit = *rng.pick(&[1, 3, 10, 60, 61, usize::MAX]);
            let asked = query(filter, sort).with_closed(rng.happens(500)).limit(limit);
            let about = format!("{scan_limit} rows at once by {asked:?}");
            let whole = shelf.store.query(&asked.clone().limit(usize::MAX)).await?;
            let found = scans(&shelf, &asked, scan_limit).await?;
            for scan in &found {
                ensure!(scan.rows.len() <= limit, "a scan has too many rows: {about}");
                let is_bounded = scan.scanned <= scan_limit.max(MAX_CANDIDATES);
                ensure!(is_bounded, "a scan reads {} rows: {about}", scan.scanned);
            }
            same(&format!("the scans of {about}"), &whole, &rows(found))?;
        }
    }
    Ok(())
}

pub(crate) async fn a_scan_continues_after_the_last_scanned_row(harness: &Harness) -> CaseResult {
    let shelf = Shelf::of(harness, &states()).await?;
    let count = shelf.aggregate_ids.len();
    let mut ids = shelf.aggregate_ids.clone();
    ids.sort();
    for filter in [Field::number("amount").eq(77), Field::text("owner").eq("Grace")] {
        let asked = query(filter, &[]);
        let found = scans(&shelf, &asked, 8).await?;
        let scanned: Vec<usize> = found.iter().map(|scan| scan.scanned).collect();
        same("the scanned rows", &vec![8, 8, 8, 8, 8, 8, 8, 4], &scanned)?;
        let places: Vec<Option<AggregateId>> = found
            .iter()
            .map(|scan| scan.next.as_ref().map(|next| next.aggregate_id().clone()))
            .collect();
        let last = |part: usize| ids.get(8 * part + 7).cloned();
        let expected: Vec<Option<AggregateId>> = (0..8).map(last).collect();
        same("the ends of the scans", &expected, &places)?;
        let whole = shelf.store.query(&asked).await?;
        same("the rows of the scans", &whole, &rows(found))?;
    }
    // A full scan ends at its last row, and the end is known if no row is left.
    let all = query(Filter::default(), &[]);
    for (limit, scan_limit, scanned, is_end) in
        [(5, 8, 5, false), (count, count, count, true), (count - 1, count, count - 1, false)]
    {
        let scan = shelf.store.scan(&all.clone().limit(limit), scan_limit).await?;
        let found = (scan.rows.len(), scan.scanned, scan.next.is_none());
        same("a scan of any rows", &(limit.min(count), scanned, is_end), &found)?;
    }
    Ok(())
}

pub(crate) async fn a_scan_reads_one_realm(harness: &Harness) -> CaseResult {
    let shelf = Shelf::of(harness, &[""; 0]).await?;
    let realms = [Some("north"), None, Some("south")];
    let mut own: Vec<BTreeSet<AggregateId>> = vec![BTreeSet::new(); realms.len()];
    for number in 0..60 {
        // Most rows are of the first realm.
        let realm = if number % 10 == 9 { 2 } else { usize::from(number % 5 == 4) };
        let (aggregate_id, context) = (harness.aggregate_id(), harness.context_of(realms[realm]));
        let state = json(&format!(r#"{{"amount":{}}}"#, number % 3));
        let unit = harness.draft(&context, &aggregate_id).sets(&aggregate_id, 0, state).done();
        harness.commit_all(&shelf.store, [unit]).await?;
        own[realm].insert(aggregate_id);
    }
    for (realm, own) in realms.into_iter().zip(own) {
        for sort in [vec![], vec![Field::number("amount").descending()]] {
            let mut asked = query(Field::number("amount").gt(5), &sort);
            asked.realm = RealmFilter::Only(realm.map(str::to_owned));
            let mut scanned = 0;
            loop {
                let scan = shelf.store.scan(&asked, 2).await?;
                same("the rows that match", &0, &scan.rows.len())?;
                scanned += scan.scanned;
                ensure!(scanned <= own.len(), "a scan of {realm:?} reads rows of other realms");
                let Some(next) = scan.next else { break };
                let is_own = own.contains(next.aggregate_id());
                ensure!(is_own, "a scan of {realm:?} ends at a row of another realm");
                asked.after = Some(next);
            }
            same(&format!("the scanned rows of {realm:?}"), &own.len(), &scanned)?;
        }
    }
    Ok(())
}

pub(crate) async fn scans_are_stable_under_concurrent_writes(harness: &Harness) -> CaseResult {
    let shelf = Shelf::of(harness, &states()).await?;
    let context = harness.context();
    let filter = Field::text("owner").eq("Grace") | Field::text("owner").eq("Bo");
    for (round, sort) in [vec![], vec![Field::number("amount").descending()]].iter().enumerate() {
        let mut asked = query(filter.clone(), sort);
        // Each round closes other rows.
        let closed = |number: usize| number % 8 == 2 + 4 * round;
        let whole: Vec<AggregateId> = shelf
            .store
            .query(&asked)
            .await?
            .into_iter()
            .map(|row| row.aggregate_id)
            .filter(|aggregate_id| {
                let number = shelf.aggregate_ids.iter().position(|each| each == aggregate_id);
                number.is_some_and(|number| !closed(number))
            })
            .collect();
        let mut closing = (0..shelf.aggregate_ids.len()).filter(|number| closed(*number));
        let mut seen = Vec::new();
        for steps in 0.. {
            let scan = shelf.store.scan(&asked, 5).await?;
            seen.extend(scan.rows.into_iter().map(|row| row.aggregate_id));
            let Some(next) = scan.next else { break };
            asked.after = Some(next);
            ensure!(steps < 100, "the scans do not end");
            // The writes stop after some scans, so that even wrong scans end.
            if steps >= 12 {
                continue;
            }
            if let Some(number) = closing.next() {
                let aggregate_id = &shelf.aggregate_ids[number];
                let unit = harness.draft(&context, aggregate_id).closes(aggregate_id, 1).done();
                harness.commit_all(&shelf.store, [unit]).await?;
            }
            for amount in ["-50", "5000"] {
                let (fresh, state) =
                    (harness.aggregate_id(), format!(r#"{{"amount":{amount},"owner":"Bo"}}"#));
                let unit = harness.draft(&context, &fresh).sets(&fresh, 0, json(&state)).done();
                harness.commit_all(&shelf.store, [unit]).await?;
            }
        }
        seen.retain(|aggregate_id| whole.contains(aggregate_id));
        same("the untouched rows", &whole, &seen)?;
    }
    Ok(())
}
