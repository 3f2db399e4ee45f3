//! Reading the logs: pages, aggregates, realms.

use super::log_checks::{
    REALMS, check, check_pages, check_rejected, fill, history, ids, logs, only, read,
};
use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure, same};
use crate::conformance::harness::Harness;
use fluvius_store::{LogQuery, RealmFilter, ResumeToken, Store};

pub(crate) async fn a_log_is_read_in_pages(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    for (index, (log, rows)) in logs(&content).into_iter().enumerate() {
        let all: Vec<u64> = rows.iter().map(|row| row.position).collect();
        for limit in [1, 2, 3, all.len() - 1, all.len(), all.len() + 1] {
            let mut seen: Vec<u64> = Vec::new();
            loop {
                let after = seen.last().copied().unwrap_or(0);
                let query = LogQuery::all().after(after).limit(limit);
                let page = read(&store, index, &query).await?.positions;
                let left = all.len() - seen.len();
                same(&format!("a page of the {log} log"), &left.min(limit), &page.len())?;
                if page.is_empty() {
                    break;
                }
                seen.extend(page);
                ensure!(seen.len() <= all.len(), "the {log} log gives rows twice");
            }
            same(&format!("the {log} log, {limit} at a time"), &all, &seen)?;
        }
    }
    Ok(())
}

pub(crate) async fn a_log_is_read_by_aggregate(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    let unknown = harness.aggregate_id();
    for aggregate_id in harness.aggregate_ids().into_iter().chain([unknown]) {
        let query = LogQuery::all().aggregate_id(Some(aggregate_id));
        check(&content, &store, &query).await?;
    }
    Ok(())
}

pub(crate) async fn a_log_is_read_by_realm(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    for realm in REALMS.into_iter().chain([Some("nowhere")]) {
        let realm = RealmFilter::Only(realm.map(str::to_owned));
        let query = LogQuery::all().realm(realm);
        check(&content, &store, &query).await?;
    }
    Ok(())
}

pub(crate) async fn log_conditions_are_combined(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    let middle = content.events[content.events.len() / 2].position;
    for aggregate_id in harness.aggregate_ids() {
        for realm in [RealmFilter::All, RealmFilter::Only(None), only("north")] {
            for limit in [1, 2, usize::MAX] {
                for after in [0, middle] {
                    let (aggregate_id, realm, after) =
                        (Some(aggregate_id.clone()), realm.clone(), after);
                    let query = LogQuery::all()
                        .aggregate_id(aggregate_id)
                        .realm(realm)
                        .after(after)
                        .limit(limit);
                    check(&content, &store, &query).await?;
                }
            }
        }
    }
    Ok(())
}

pub(crate) async fn extreme_log_bounds_are_handled(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let whole = LogQuery::all();
    check(&harness.content(&store).await?, &store, &whole).await?;
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    let last = content.activities.last().map_or(0, |row| row.position);
    let half = i64::MAX.unsigned_abs();
    let limits = [0, 1, usize::MAX / 2, usize::MAX / 2 + 1, usize::MAX];
    for after in [0, 1, last - 1, last] {
        for limit in limits {
            for scan_limit in limits {
                let query = whole.clone().after(after).limit(limit).scan_limit(scan_limit);
                check(&content, &store, &query).await?;
            }
        }
    }
    for after in [last + 1, half - 1, half, half + 1, u64::MAX] {
        for limit in limits {
            let query = whole.clone().after(after).limit(limit);
            check_rejected(&store, &query).await?;
        }
    }
    for aggregate_id in harness.aggregate_ids().into_iter().take(3) {
        for first in [0, 1, 2, 3, half, half + 1, u64::MAX] {
            for last in [0, 1, 2, 3, half, half + 1, u64::MAX] {
                history(&content, &store, &aggregate_id, first, last).await?;
            }
        }
    }
    Ok(())
}

pub(crate) async fn a_page_reports_its_scanned_position(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    for query in [LogQuery::all(), LogQuery::all().limit(0)] {
        check(&harness.content(&store).await?, &store, &query).await?;
    }
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    let aggregate_id = harness
        .aggregate_ids()
        .into_iter()
        .next()
        .ok_or(CaseFailure::new("there is no aggregate"))?;
    let queries = [
        LogQuery::all(),
        LogQuery::all().realm(only("north")),
        LogQuery::all().realm(only("nowhere")),
        LogQuery::all().aggregate_id(Some(aggregate_id)),
        LogQuery::all().aggregate_id(Some(harness.aggregate_id())),
    ];
    for query in queries {
        for (limit, scan_limit) in [(1, 1), (2, 3), (3, usize::MAX), (usize::MAX, 7)] {
            let query = query.clone().limit(limit).scan_limit(scan_limit);
            check_pages(&content, &store, &query).await?;
        }
    }
    // Rows stored later are behind the scanned position.
    let nowhere = LogQuery::all().realm(only("nowhere"));
    let mut ends = Vec::new();
    for index in 0..4 {
        ends.push(read(&store, index, &nowhere).await?.scanned_to);
    }
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    for after in ends {
        check(&content, &store, &LogQuery::all().after(after)).await?;
    }
    Ok(())
}

pub(crate) async fn an_unknown_position_is_invalid(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let unknown = harness.id();
    for after in [1.into(), ResumeToken::new(0, unknown), ResumeToken::new(1, unknown)] {
        check_rejected(&store, &LogQuery::all().after(after)).await?;
    }
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    let ids = ids(&content);
    let (first, last) = ids
        .first_key_value()
        .zip(ids.last_key_value())
        .ok_or(CaseFailure::new("there is no row"))?;
    for (position, id) in [(first.0, last.1), (last.0, first.1), (last.0, &unknown)] {
        let after = ResumeToken::new(*position, *id);
        check_rejected(&store, &LogQuery::all().after(after)).await?;
    }
    let (beyond, nowhere) = (last.0 + 1, ResumeToken::new(u64::MAX, *last.1));
    for after in [beyond.into(), ResumeToken::new(beyond, *last.1), nowhere] {
        for limit in [0, 1, usize::MAX] {
            check_rejected(&store, &LogQuery::all().after(after).limit(limit)).await?;
        }
    }
    // A token of one log is valid in all logs, also for readers that cannot see the row.
    for (position, id) in &ids {
        let after = ResumeToken::new(*position, *id);
        let query = LogQuery::all().after(after).realm(only("north"));
        check(&content, &store, &query).await?;
        check(&content, &store, &query.after(*position)).await?;
    }
    Ok(())
}

pub(crate) async fn a_history_has_the_requested_versions(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let (aggregate_id, other) = (harness.aggregate_id(), harness.aggregate_id());
    for version in 0..12 {
        let draft = harness.draft(&context, &aggregate_id).writes(&aggregate_id, version);
        let unit = draft.command(&other).writes(&other, version).done();
        harness.commit_all(&store, [unit]).await?;
    }
    let content = harness.content(&store).await?;
    for first in 0..14 {
        for last in 0..14 {
            history(&content, &store, &aggregate_id, first, last).await?;
        }
    }
    let unknown = store.history(&harness.aggregate_id(), 1, u64::MAX).await?;
    same("the history of an aggregate that there is not", &0, &unknown.len())
}
