//! Reading the logs: domains, keys, users, upper bounds and falling positions.

use super::log_checks::{
    DOMAINS, KEYS, REALMS, USERS, check, check_pages, check_rejected, fill, ids, only, read,
};
use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure, same};
use crate::conformance::harness::Harness;
use crate::rng::SeededRng;
use fluvius_store::{LogQuery, RealmFilter, ResumeToken};

/// Number of queries that one case generates.
const GENERATED: u64 = 150;

pub(crate) async fn a_log_is_read_by_domain(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    for domain in DOMAINS.into_iter().chain(["", "conformance ", "' OR true --"]) {
        check(&content, &store, &LogQuery::all().domain(domain.to_owned())).await?;
    }
    Ok(())
}

pub(crate) async fn a_log_is_read_by_key(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    for key in KEYS.into_iter().chain(["", "set-data ", "set%", "') OR true --", "[]"]) {
        check(&content, &store, &LogQuery::all().keys([key])).await?;
        check(&content, &store, &LogQuery::all().keys([key, KEYS[1], "none"])).await?;
    }
    check(&content, &store, &LogQuery::all().keys(KEYS)).await?;
    for index in 0..4 {
        let page = read(&store, index, &LogQuery::all().keys::<String>([])).await?;
        same("the rows without any key", &Vec::<u64>::new(), &page.positions)?;
    }
    Ok(())
}

pub(crate) async fn a_log_is_read_by_actor(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    for user in USERS.into_iter().flatten().chain([harness.id()]) {
        check(&content, &store, &LogQuery::all().actor(user)).await?;
    }
    Ok(())
}

pub(crate) async fn an_upper_bound_is_exclusive(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    for before in [0, 1, u64::MAX] {
        let query = LogQuery::all().before(before);
        check(&harness.content(&store).await?, &store, &query).await?;
        check(&harness.content(&store).await?, &store, &query.descending(true)).await?;
    }
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    let ids = ids(&content);
    let last = ids.last_key_value().map_or(0, |(position, _)| *position);
    let half = i64::MAX.unsigned_abs();
    let tokens = ids.iter().step_by(5).map(|(position, id)| ResumeToken::new(*position, *id));
    let bare = [0, 1, 2, last, last + 1, half - 1, half, half + 1, u64::MAX];
    let aggregate_id = harness.aggregate_ids().into_iter().next();
    for before in tokens.chain(bare.map(ResumeToken::from)) {
        for after in [0, 1, last / 2, last] {
            let query = LogQuery::all().after(after).before(before);
            for query in [query.clone(), query.aggregate_id(aggregate_id.clone())] {
                check(&content, &store, &query).await?;
                check(&content, &store, &query.descending(true)).await?;
            }
        }
    }
    Ok(())
}

pub(crate) async fn an_unknown_upper_bound_is_invalid(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let unknown = harness.id();
    check_rejected(&store, &LogQuery::all().before(ResumeToken::new(1, unknown))).await?;
    fill(harness, &store).await?;
    let ids = ids(&harness.content(&store).await?);
    let (first, last) = ids
        .first_key_value()
        .zip(ids.last_key_value())
        .ok_or(CaseFailure::new("there is no row"))?;
    for (position, id) in
        [(*first.0, last.1), (*last.0, first.1), (*last.0, &unknown), (last.0 + 1, last.1)]
    {
        for limit in [0, 1, usize::MAX] {
            let query = LogQuery::all().before(ResumeToken::new(position, *id)).limit(limit);
            check_rejected(&store, &query).await?;
            check_rejected(&store, &query.descending(true)).await?;
        }
    }
    Ok(())
}

pub(crate) async fn a_log_is_read_backwards(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let empty = harness.content(&store).await?;
    for limit in [0, 1, usize::MAX] {
        check(&empty, &store, &LogQuery::all().descending(true).limit(limit)).await?;
    }
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    let middle = content.events[content.events.len() / 2].position;
    let aggregate_id = harness.aggregate_ids().into_iter().next();
    let queries = [
        LogQuery::all(),
        LogQuery::all().after(middle),
        LogQuery::all().before(middle),
        LogQuery::all().realm(only("north")),
        LogQuery::all().realm(only("nowhere")),
        LogQuery::all().keys([KEYS[0]]),
        LogQuery::all().aggregate_id(aggregate_id.clone()),
        LogQuery::all().aggregate_id(aggregate_id).realm(only("north")).after(1),
        LogQuery::all().aggregate_id(Some(harness.aggregate_id())),
    ];
    for query in queries {
        let query = query.descending(true);
        check(&content, &store, &query.clone().limit(0)).await?;
        for (limit, scan_limit) in [(1, 1), (2, 3), (3, usize::MAX), (usize::MAX, 7)] {
            check_pages(&content, &store, &query.clone().limit(limit).scan_limit(scan_limit))
                .await?;
        }
    }
    Ok(())
}

pub(crate) async fn later_rows_are_above_descending_pages(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    let query = LogQuery::all().descending(true).limit(3);
    let mut pages = Vec::new();
    for index in 0..4 {
        pages.push(read(&store, index, &query).await?);
    }
    fill(harness, &store).await?;
    let later = harness.content(&store).await?;
    for (index, page) in pages.into_iter().enumerate() {
        let rest = query.clone().resume(page.scanned_to).limit(usize::MAX);
        let older = read(&store, index, &rest).await?.positions;
        let (log, rows) = &super::log_checks::logs(&content)[index];
        let mut seen = [page.positions, older].concat();
        seen.reverse();
        let expected: Vec<u64> = rows.iter().map(|row| row.position).collect();
        same(&format!("the descending pages of the {log} log"), &expected, &seen)?;
        // An ascending reader continues where the descending one began.
        let newer = LogQuery::all().after(page.newest);
        check(&later, &store, &newer).await?;
        let newer = read(&store, index, &newer).await?.positions;
        ensure!(!newer.is_empty(), "the {log} log has no later rows after {}", page.newest);
    }
    Ok(())
}

/// Each query has each condition with a certain probability.
pub(crate) async fn all_log_conditions_are_combined(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    let places: Vec<ResumeToken> =
        ids(&content).into_iter().map(|(position, id)| ResumeToken::new(position, id)).collect();
    let aggregate_ids: Vec<_> = harness.aggregate_ids().into_iter().collect();
    let mut rng = SeededRng::new(GENERATED);
    for _ in 0..GENERATED {
        let mut query = LogQuery::all().descending(rng.happens(500));
        query.limit = *rng.pick(&[1, 2, 5, usize::MAX]);
        query.scan_limit = *rng.pick(&[1, 7, 20, usize::MAX]);
        if rng.happens(250) {
            query = query.aggregate_id(rng.pick(&aggregate_ids).clone());
        }
        if rng.happens(250) {
            let realm = rng.pick(&REALMS).map(str::to_owned);
            query = query.realm(RealmFilter::Only(realm));
        }
        if rng.happens(250) {
            query = query.domain((*rng.pick(&DOMAINS)).to_owned());
        }
        if rng.happens(250) {
            query = query.keys([*rng.pick(&KEYS), *rng.pick(&KEYS)]);
        }
        if rng.happens(250) {
            query = query.actor(*rng.pick(&USERS));
        }
        if rng.happens(300) {
            query = query.after(*rng.pick(&places));
        }
        if rng.happens(300) {
            query = query.before(*rng.pick(&places));
        }
        check_pages(&content, &store, &query).await?;
    }
    Ok(())
}
