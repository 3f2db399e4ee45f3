//! Reading the logs: pages, roots, realms.

use crate::root::AggregateRoot;
use crate::store::{LogQuery, RealmFilter, Store};
use crate::testing::conformance::broken::{Broken, Checked, ensure, same};
use crate::testing::conformance::content::Content;
use crate::testing::conformance::handle::Handle;
use crate::testing::conformance::harness::Harness;

/// The realms of the content, in turn.
const REALMS: [Option<&str>; 4] = [None, Some("north"), Some("south"), Some("")];

/// A log as the claims see it: its name, and of each row the position, the root and the realm.
type Log = (&'static str, Vec<(u64, AggregateRoot, Option<String>)>);

pub(crate) async fn a_log_is_read_in_pages(harness: &Harness) -> Checked {
    let store = harness.open().await;
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    for (index, (log, rows)) in logs(&content).into_iter().enumerate() {
        let all: Vec<u64> = rows.iter().map(|(position, ..)| *position).collect();
        for limit in [1, 2, 3, all.len() - 1, all.len(), all.len() + 1] {
            let mut seen: Vec<u64> = Vec::new();
            loop {
                let after = seen.last().copied().unwrap_or(0);
                let query = LogQuery { root: None, realm: RealmFilter::All, after, limit };
                let page = read(&store, index, &query).await?;
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

pub(crate) async fn a_log_is_read_by_root(harness: &Harness) -> Checked {
    let store = harness.open().await;
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    let unknown = harness.root();
    for root in harness.roots().into_iter().chain([unknown]) {
        let query =
            LogQuery { root: Some(root), realm: RealmFilter::All, after: 0, limit: usize::MAX };
        check(&content, &store, &query).await?;
    }
    Ok(())
}

pub(crate) async fn a_log_is_read_by_realm(harness: &Harness) -> Checked {
    let store = harness.open().await;
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    for realm in REALMS.into_iter().chain([Some("nowhere")]) {
        let realm = RealmFilter::Only(realm.map(str::to_owned));
        let query = LogQuery { root: None, realm, after: 0, limit: usize::MAX };
        check(&content, &store, &query).await?;
    }
    Ok(())
}

pub(crate) async fn conditions_hold_together(harness: &Harness) -> Checked {
    let store = harness.open().await;
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    let middle = content.events[content.events.len() / 2].position;
    for root in harness.roots() {
        for realm in [RealmFilter::All, RealmFilter::Only(None), only("north")] {
            for limit in [1, 2, usize::MAX] {
                for after in [0, middle] {
                    let root = Some(root.clone());
                    check(&content, &store, &LogQuery { root, realm: realm.clone(), after, limit })
                        .await?;
                }
            }
        }
    }
    Ok(())
}

fn only(realm: &str) -> RealmFilter {
    RealmFilter::Only(Some(realm.to_owned()))
}

pub(crate) async fn bounds_may_be_anything(harness: &Harness) -> Checked {
    let store = harness.open().await;
    let whole = LogQuery { root: None, realm: RealmFilter::All, after: 0, limit: usize::MAX };
    check(&harness.content(&store).await?, &store, &whole).await?;
    fill(harness, &store).await?;
    let content = harness.content(&store).await?;
    let last = content.activities.last().map_or(0, |row| row.position);
    let half = i64::MAX.unsigned_abs();
    for after in [0, 1, last - 1, last, last + 1, half - 1, half, half + 1, u64::MAX] {
        for limit in [0, 1, usize::MAX / 2, usize::MAX / 2 + 1, usize::MAX] {
            check(&content, &store, &LogQuery { after, limit, ..whole.clone() }).await?;
        }
    }
    for root in harness.roots().into_iter().take(3) {
        for first in [0, 1, 2, 3, half, half + 1, u64::MAX] {
            for last in [0, 1, 2, 3, half, half + 1, u64::MAX] {
                history(&content, &store, &root, first, last).await?;
            }
        }
    }
    Ok(())
}

pub(crate) async fn a_history_has_the_versions_asked_for(harness: &Harness) -> Checked {
    let store = harness.open().await;
    let context = harness.context();
    let (root, other) = (harness.root(), harness.root());
    for version in 0..12 {
        let draft = harness.draft(&context, &root).writes(&root, version);
        let unit = draft.command(&other).writes(&other, version).done();
        harness.commit_all(&store, [unit]).await?;
    }
    let content = harness.content(&store).await?;
    for first in 0..14 {
        for last in 0..14 {
            history(&content, &store, &root, first, last).await?;
        }
    }
    let unknown = store.history(&harness.root(), 1, u64::MAX).await?;
    same("the history of a root that there is not", &0, &unknown.len())
}

/// Roots of all realms, with rows in all four logs, and rows of refusals and of activities alone.
async fn fill(harness: &Harness, store: &Handle) -> Checked {
    for other_realm in REALMS.into_iter().take(3) {
        for realm in REALMS {
            let context = harness.context_of(realm);
            let (root, other) = (harness.root(), harness.root());
            let draft = harness.draft(&context, &root).writes(&root, 0).message().activity();
            let draft = draft.command(&other).writes(&other, 0).message().message().activity();
            let refusal = harness.draft(&context, &other).refused().reads(&other, 1).activity();
            harness.commit_all(store, [draft.done(), refusal.done()]).await?;
            // A root of one realm, and a command that came from another.
            let foreign = harness.context_of(other_realm);
            let draft = harness.draft(&foreign, &root).writes(&root, 1).message().activity();
            let mut denied = harness.draft(&foreign, &other).activity().done();
            denied.commands.clear();
            harness.commit_all(store, [draft.done(), denied]).await?;
        }
    }
    harness.holds(store).await
}

fn logs(content: &Content) -> [Log; 4] {
    let realm_of_command = |id| {
        let row = content.by_id.get(&id);
        row.and_then(|(_, context)| context.realm.clone())
    };
    let realm_of_context = |id| content.contexts.get(&id).and_then(|row| row.realm.clone());
    let commands = content.commands.iter();
    let events = content.events.iter();
    let messages = content.messages.iter();
    let activities = content.activities.iter();
    [
        (
            "command",
            commands
                .map(|row| (row.position, row.root.clone(), realm_of_context(row.context_id)))
                .collect(),
        ),
        (
            "event",
            events
                .map(|row| (row.position, row.root.clone(), realm_of_command(row.src_cmd)))
                .collect(),
        ),
        (
            "message",
            messages
                .map(|row| (row.position, row.root.clone(), realm_of_command(row.src_cmd)))
                .collect(),
        ),
        (
            "activity",
            activities
                .map(|row| (row.position, row.root.clone(), realm_of_context(row.context_id)))
                .collect(),
        ),
    ]
}

/// The positions that a log gives for a query.
async fn read(store: &Handle, log: usize, query: &LogQuery) -> Result<Vec<u64>, Broken> {
    Ok(match log {
        0 => store.commands(query).await?.iter().map(|row| row.position).collect(),
        1 => store.events(query).await?.iter().map(|row| row.position).collect(),
        2 => store.messages(query).await?.iter().map(|row| row.position).collect(),
        _ => store.activities(query).await?.iter().map(|row| row.position).collect(),
    })
}

/// Each log gives what the whole content says that it must.
async fn check(content: &Content, store: &Handle, query: &LogQuery) -> Checked {
    for (index, (log, rows)) in logs(content).into_iter().enumerate() {
        let expected: Vec<u64> = rows
            .into_iter()
            .filter(|(position, root, realm)| {
                *position > query.after
                    && query.root.as_ref().is_none_or(|wanted| wanted == root)
                    && query.realm.admits(realm.as_deref())
            })
            .map(|(position, ..)| position)
            .take(query.limit)
            .collect();
        let found = read(store, index, query).await?;
        same(&format!("the {log} log for {query:?}"), &expected, &found)?;
    }
    Ok(())
}

async fn history(
    content: &Content,
    store: &Handle,
    root: &AggregateRoot,
    first: u64,
    last: u64,
) -> Checked {
    let whole = content.histories.get(root).map_or(&[][..], Vec::as_slice);
    let expected: Vec<u64> = whole
        .iter()
        .map(|event| event.version)
        .filter(|version| (first..=last).contains(version))
        .collect();
    let found = store.history(root, first, last).await?;
    let found: Vec<u64> = found.iter().map(|event| event.version).collect();
    same(&format!("the history from {first} to {last}"), &expected, &found)
}
