//! Work rows. A store without the capability `subscriptions` passes all of these cases.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::work_checks::{
    check_rows, json, key, keys, number, one, put, read, records, stale, stored, supporting, time,
    token_of, with_activity, write,
};
use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure, same};
use crate::conformance::handle::{Handle, all};
use crate::conformance::harness::Harness;
use fluvius_store::work::{WorkKey, WorkOutcome, WorkQuery, WorkRow, WorkUnit, WorkWrite};
use fluvius_store::{ActivityRecord, Store};

/// Number of polls for an eventual condition, each followed by a pause.
const POLL_COUNT: u32 = 200;

const PAUSE: Duration = Duration::from_millis(25);

pub(crate) async fn a_work_row_is_read_back(harness: &Harness) -> CaseResult {
    let Some(store) = supporting(harness).await else { return Ok(()) };
    let data = json(r#"{"text":"\u2028 '; DROP TABLE work; --","number":1e300,"list":[null,0.1]}"#);
    let first = stored(write(&store, [put(key("one"), None, &data)]).await?)?;
    let page = read(&store, WorkQuery::new(time(1), ["checkpoint"])).await?;
    same("the key", &vec![key("one")], &keys(&page))?;
    let row = &page.rows[0];
    same("the token", &first, &row.token)?;
    same("the data", &data.to_value(), &row.data.to_value())?;
    ensure!(row.written_at <= page.now, "{} is written after {}", row.written_at, page.now);
    let again = store.write_work([put(key("one"), Some(first), &data)].into(), time(2)).await;
    let second = stored(again)?;
    ensure!(second > first, "token {second} after {first}");
    let page = read(&store, WorkQuery::new(time(3), ["checkpoint"])).await?;
    ensure!(page.rows[0].written_at > row.written_at, "the time of a second write is the first's");
    ensure!(page.rows[0].written_at <= page.now, "a row is written after it is read");
    Ok(())
}

pub(crate) async fn a_work_row_needs_its_token(harness: &Harness) -> CaseResult {
    let Some(store) = supporting(harness).await else { return Ok(()) };
    let token = stored(write(&store, [put(key("one"), None, &number(1))]).await?)?;
    for expected in [None, Some(token + 1), Some(token - 1), Some(0), Some(u64::MAX)] {
        let outcome = write(&store, [put(key("one"), expected, &number(2))]).await?;
        let found = stale(&outcome, &key("one"))?;
        same("the row found", &Some(token), &found.map(|row| row.token))?;
        if let Some(expected) = expected {
            let delete = WorkUnit::new([WorkWrite::delete(key("one"), expected)]);
            stale(&write(&store, [delete]).await?, &key("one"))?;
        }
    }
    let outcome = write(&store, [put(key("two"), Some(token), &number(2))]).await?;
    same("the row of an absent key", &None, &stale(&outcome, &key("two"))?)?;
    check_rows(&store, &[("one", 1)]).await?;
    stored(write(&store, [WorkUnit::new([WorkWrite::delete(key("one"), token)])]).await?)?;
    check_rows(&store, &[]).await
}

pub(crate) async fn a_stale_work_unit_leaves_nothing(harness: &Harness) -> CaseResult {
    let Some(store) = supporting(harness).await else { return Ok(()) };
    let token = stored(write(&store, [put(key("b"), None, &number(1))]).await?)?;
    let unit = WorkUnit::new([
        WorkWrite::put(key("a"), None, number(2)),
        WorkWrite::put(key("b"), Some(token), number(2)),
        WorkWrite::keep(key("c"), Some(token)),
        WorkWrite::put(key("d"), None, number(2)),
    ]);
    let outcome = write(&store, [with_activity(harness, unit)]).await?;
    same("the row of the last key", &None, &stale(&outcome, &key("c"))?)?;
    check_rows(&store, &[("b", 1)]).await?;
    let activities = store.read_log::<ActivityRecord>(&all()).await?.rows;
    ensure!(activities.is_empty(), "a stale unit left {activities:?}");
    Ok(())
}

pub(crate) async fn work_units_of_a_call_are_independent(harness: &Harness) -> CaseResult {
    let Some(store) = supporting(harness).await else { return Ok(()) };
    let units = [
        put(key("a"), None, &number(1)),
        put(key("a"), None, &number(2)),
        put(key("b"), None, &number(3)),
        put(key("b"), Some(0), &number(4)),
        put(key("c"), None, &number(5)),
    ];
    let outcomes = write(&store, units).await?;
    let first = token_of(&outcomes[0])?;
    let found = stale(&outcomes[1..2], &key("a"))?;
    same("the row of an earlier unit", &Some(first), &found.map(|row| row.token))?;
    let third = token_of(&outcomes[2])?;
    stale(&outcomes[3..4], &key("b"))?;
    ensure!(first < third && third < token_of(&outcomes[4])?, "tokens of a call: {outcomes:?}");
    check_rows(&store, &[("a", 1), ("b", 3), ("c", 5)]).await?;
    let none = store.write_work([].into(), time(0)).await;
    ensure!(none.is_empty(), "no unit has outcomes: {none:?}");
    Ok(())
}

pub(crate) async fn a_token_is_never_given_twice(harness: &Harness) -> CaseResult {
    let Some(store) = supporting(harness).await else { return Ok(()) };
    let mut newest = 0;
    for round in 0..3 {
        let other = harness.open().await;
        for store in [&store, &other] {
            let token = stored(write(store, [put(key("one"), None, &number(round))]).await?)?;
            ensure!(token > newest, "token {token} after {newest}, for a row that is new again");
            let delete = WorkUnit::new([WorkWrite::delete(key("one"), token)]);
            newest = stored(write(store, [delete]).await?)?.max(token);
        }
    }
    Ok(())
}

pub(crate) async fn a_kept_work_row_is_only_checked(harness: &Harness) -> CaseResult {
    let Some(store) = supporting(harness).await else { return Ok(()) };
    let token = stored(write(&store, [put(key("one"), None, &number(1))]).await?)?;
    let query = || WorkQuery::new(time(9), ["checkpoint"]);
    let before = read(&store, query()).await?.rows;
    let unit = WorkUnit::new([
        WorkWrite::keep(key("one"), Some(token)),
        WorkWrite::keep(key("two"), None),
    ]);
    stored(store.write_work([unit].into(), time(5)).await)?;
    same("the rows", &before, &read(&store, query()).await?.rows)?;
    let unit = WorkUnit::new([WorkWrite::keep(key("one"), None)]);
    stale(&write(&store, [unit]).await?, &key("one"))?;
    Ok(())
}

pub(crate) async fn similar_work_keys_are_different(harness: &Harness) -> CaseResult {
    let Some(store) = supporting(harness).await else { return Ok(()) };
    let texts = ["", " ", "a", "A", "a ", "b", "é", "e\u{301}", "\u{ffff}", "\u{10000}", "%", "'"];
    let mut expected = Vec::new();
    for kind in ["checkpoint", "check", "point"] {
        for name in texts {
            for part in ["", "x", "xx"] {
                expected.push(WorkKey::new(kind, name, part));
            }
        }
    }
    // Two keys with one concatenation.
    expected.push(WorkKey::new("checkpoint", "ax", "x"));
    let units = expected.iter().map(|key| put(key.clone(), None, &number(1)));
    for outcome in write(&store, units.collect::<Vec<_>>()).await? {
        token_of(&outcome)?;
    }
    expected.sort();
    let kinds = ["point", "checkpoint", "check"];
    let page = read(&store, WorkQuery::new(time(0), kinds)).await?;
    same("all keys", &expected, &keys(&page))?;
    for name in texts {
        let page = read(&store, WorkQuery::new(time(0), ["check"]).name(name)).await?;
        let named = expected.iter().filter(|key| key.kind == "check" && key.name == name);
        same("the keys of a name", &named.cloned().collect::<Vec<_>>(), &keys(&page))?;
    }
    Ok(())
}

pub(crate) async fn work_rows_are_read_in_pages(harness: &Harness) -> CaseResult {
    let Some(store) = supporting(harness).await else { return Ok(()) };
    let mut expected = Vec::new();
    for kind in ["checkpoint", "process", "other"] {
        for name in ["mailer", "audit"] {
            expected.extend((0..4).map(|part| WorkKey::new(kind, name, part.to_string())));
        }
    }
    let units = expected.iter().map(|key| put(key.clone(), None, &number(1)));
    write(&store, units.collect::<Vec<_>>()).await?;
    expected.retain(|key| key.kind != "other");
    expected.sort();
    let query = WorkQuery::new(time(0), ["process", "checkpoint"]);
    for limit in [1, 3, 16, usize::MAX] {
        let mut found = Vec::new();
        let mut query = query.clone().limit(limit);
        loop {
            let page = read(&store, query.clone()).await?;
            ensure!(page.rows.len() <= limit, "{} rows of at most {limit}", page.rows.len());
            let Some(last) = page.rows.last() else { break };
            query = query.after(last.key.clone());
            found.extend(keys(&page));
        }
        same("the keys of all pages", &expected, &found)?;
    }
    let none = read(&store, query.clone().limit(0)).await?;
    ensure!(none.rows.is_empty(), "a page of no rows has {:?}", none.rows);
    let none = read(&store, WorkQuery::new(time(0), Vec::<String>::new())).await?;
    ensure!(none.rows.is_empty(), "a page of no kinds has {:?}", none.rows);
    Ok(())
}

pub(crate) async fn an_activity_of_a_work_unit_is_logged(harness: &Harness) -> CaseResult {
    let Some(store) = supporting(harness).await else { return Ok(()) };
    let target = harness.aggregate_id();
    let unit = harness.draft(&harness.context(), &target).writes(&target, 0).done();
    harness.commit_all(&store, [unit]).await?;
    let before = read(&store, WorkQuery::new(time(0), ["checkpoint"])).await?.newest;
    ensure!(before > 0, "the newest position is {before} after a commit");
    let unit = with_activity(harness, WorkUnit::new([WorkWrite::put(key("a"), None, number(1))]));
    let activity = Arc::clone(&unit.activities[0]);
    let context = unit.context.clone();
    stored(write(&store, [unit.clone()]).await?)?;
    let rows = store.read_log::<ActivityRecord>(&all()).await?.rows;
    same("the logged activities", &vec![(*activity).clone()], &records(&rows))?;
    ensure!(rows[0].position > before, "position {} is not above {before}", rows[0].position);
    let newest = read(&store, WorkQuery::new(time(0), ["checkpoint"])).await?.newest;
    same("the newest position", &rows[0].position, &newest)?;
    let found = store.context(activity.context_id).await?;
    same("the context", &context, &found)?;
    // The next commit goes on above it, and the context is stored once.
    let mut next = with_activity(harness, WorkUnit::new([]));
    next.context = context.clone();
    let activity = Arc::make_mut(&mut next.activities[0]);
    activity.context_id = context.map_or(Uuid::nil(), |context| context.id);
    stored(write(&store, [next]).await?)?;
    let rows = store.read_log::<ActivityRecord>(&all()).await?.rows;
    ensure!(rows.len() == 2 && rows[1].position > newest, "a second activity: {rows:?}");
    let unit = harness.draft(&harness.context(), &target).writes(&target, 1).done();
    harness.commit_all(&store, [unit]).await
}

pub(crate) async fn concurrent_work_units_lose_no_write(harness: &Harness) -> CaseResult {
    const ROUNDS: u64 = 12;
    let Some(store) = supporting(harness).await else { return Ok(()) };
    let stores = [store, harness.open().await, harness.open().await, harness.open().await];
    let tasks = stores.clone().map(|store| {
        tokio::spawn(async move {
            for _ in 0..ROUNDS {
                increase(&store).await?;
            }
            Ok::<(), CaseFailure>(())
        })
    });
    for task in tasks {
        task.await??;
    }
    let sum = ROUNDS * stores.len() as u64;
    check_rows(&stores[0], &[("a", sum), ("b", sum)]).await
}

/// Adds one to two rows in one unit, which may be absent. Repeats it until it is stored.
async fn increase(store: &Handle) -> CaseResult {
    let mut rows = [None, None];
    loop {
        let writes = ["a", "b"].into_iter().zip(&rows).map(|(part, row): (_, &Option<WorkRow>)| {
            let count = row.as_ref().map_or(Some(0), |row| row.data.to_value().as_u64());
            let next = number(count.unwrap_or(u64::MAX - 1) + 1);
            WorkWrite::put(key(part), row.as_ref().map(|row| row.token), next)
        });
        match one(write(store, [WorkUnit::new(writes)]).await?)? {
            WorkOutcome::Stored { .. } => return Ok(()),
            WorkOutcome::Stale { .. } => {
                let page = read(store, WorkQuery::new(time(0), ["checkpoint"])).await?;
                rows = ["a", "b"]
                    .map(|part| page.rows.iter().find(|row| row.key == key(part)).cloned());
            }
            outcome => return Err(CaseFailure::new(format!("a concurrent write: {outcome:?}"))),
        }
    }
}

pub(crate) async fn work_rows_survive_reopening(harness: &Harness) -> CaseResult {
    let Some(store) = supporting(harness).await else { return Ok(()) };
    let incarnation = store.incarnation().await?;
    let token = stored(write(&store, [put(key("one"), None, &number(1))]).await?)?;
    let beside = harness.open().await;
    same("the incarnation of another handle", &incarnation, &beside.incarnation().await?)?;
    drop((store, beside));
    let store = harness.open().await;
    same("the incarnation after reopening", &incarnation, &store.incarnation().await?)?;
    check_rows(&store, &[("one", 1)]).await?;
    let next = stored(write(&store, [put(key("two"), None, &number(2))]).await?)?;
    ensure!(next > token, "token {next} after {token} and a reopening");
    stored(write(&store, [put(key("one"), Some(token), &number(3))]).await?)?;
    check_rows(&store, &[("one", 3), ("two", 2)]).await
}

pub(crate) async fn an_announced_process_has_not_ended(harness: &Harness) -> CaseResult {
    let Some(store) = supporting(harness).await else { return Ok(()) };
    let other = harness.open().await;
    let (one, two, unknown) = (harness.id(), harness.id(), harness.id());
    let Some(announcement) = store.announce(one).await else { return Ok(()) };
    let Some(_second) = other.announce(two).await else {
        return Err(CaseFailure::new("one of two processes is announced"));
    };
    for store in [&store, &other] {
        same("the ended processes", &vec![unknown], &store.ended(&[one, unknown, two]).await?)?;
    }
    drop(announcement);
    for _ in 0..POLL_COUNT {
        if other.ended(&[one, two]).await? == [one] {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(CaseFailure::new("a process whose announcement was dropped has not ended"))
}

pub(crate) async fn a_malformed_work_unit_fails(harness: &Harness) -> CaseResult {
    let Some(store) = supporting(harness).await else { return Ok(()) };
    let mut twice = put(key("a"), None, &number(1));
    twice.writes.push(WorkWrite::put(key("a"), None, number(2)));
    let mut foreign = with_activity(harness, put(key("b"), None, &number(3)));
    foreign.context = Some(harness.context());
    let null = put(key("a\0"), None, &number(5));
    let long = put(key(&"é".repeat(WorkKey::MAX_BYTES / 2 + 1)), None, &number(6));
    let outcomes =
        write(&store, [twice, put(key("c"), None, &number(4)), foreign, null, long]).await?;
    for outcome in [&outcomes[0], &outcomes[2], &outcomes[3], &outcomes[4]] {
        let is_permanent = matches!(outcome, WorkOutcome::Failed(error) if !error.is_retryable());
        ensure!(is_permanent, "a malformed unit: {outcome:?}");
    }
    token_of(&outcomes[1])?;
    check_rows(&store, &[("c", 4)]).await?;
    // A key with the longest texts, each of which may have any character but one.
    let text = "\u{10ffff}".repeat(WorkKey::MAX_BYTES / 4);
    let longest = WorkKey::new(text.clone(), text.clone(), text.clone());
    token_of(&write(&store, [put(longest, None, &number(7))]).await?[0])?;
    let none = read(&store, WorkQuery::new(time(0), ["\0", "checkpoint"]).name("\0")).await?;
    ensure!(none.rows.is_empty(), "a name that no row can have has {:?}", none.rows);
    Ok(())
}
