//! One commit order for all logs, and readers that see only committed rows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{join, try_join_all};

use crate::conformance::case_failure::{CaseFailure, CaseResult, ensure, same};
use crate::conformance::draft::json;
use crate::conformance::handle::{Handle, all, behind};
use crate::conformance::harness::Harness;
use crate::conformance::outcomes::committed;
use fluvius_store::{
    AggregateId, CommandRecord, EventRecord, MessageRecord, ResumeToken, Store, UnitOfWork,
};

/// Concurrent writers, and units of each.
const WRITER_COUNT: usize = 4;
const UNITS_EACH: u64 = 60;

/// Page size of a reader. It is small, so that pages end within units.
const PAGE_ROW_COUNT: usize = 7;

pub(crate) async fn rows_of_a_unit_have_consecutive_positions(harness: &Harness) -> CaseResult {
    let store = harness.open().await;
    let context = harness.context();
    let mut last = 0;
    for version in 0..3 {
        let (aggregate_id, other) = (harness.aggregate_id(), harness.aggregate_id());
        let draft =
            harness.draft(&context, &aggregate_id).activity().message().writes(&aggregate_id, 0);
        let draft = draft.command(&other).activity().message().writes(&other, 0);
        let mut batch = vec![draft.done()];
        let draft = harness.draft(&context, &aggregate_id).after(0).writes(&aggregate_id, 1);
        batch.push(draft.writes(&aggregate_id, 2).message().done());
        let outcomes = harness.commit(&store, batch.clone()).await?;
        for (unit, outcome) in batch.iter().zip(&outcomes) {
            let first = committed("a unit", outcome)?;
            ensure!(first > last, "round {version}: position {first} follows on {last}");
            last = first + u64::try_from(unit.row_count())? - 1;
        }
    }
    // `holds` expects the rows of each unit at consecutive positions.
    harness.holds(&store).await?;
    let content = harness.content(&store).await?;
    let newest = content.events.iter().map(|row| row.position);
    let newest = newest.chain(content.messages.iter().map(|row| row.position)).max();
    same("the newest position", &Some(last), &newest)
}

pub(crate) async fn positions_rise_across_handles(harness: &Harness) -> CaseResult {
    let stores = [harness.open().await, harness.open().await];
    let context = harness.context();
    let mut last = 0;
    for round in 0..10 {
        let aggregate_id = harness.aggregate_id();
        let unit =
            harness.draft(&context, &aggregate_id).writes(&aggregate_id, 0).activity().done();
        let outcome = harness.commit_one(&stores[round % 2], unit).await?;
        let first = committed("a unit", &outcome)?;
        ensure!(first > last, "position {first} follows on {last}, given to another handle");
        last = first + 2;
    }
    harness.holds(&stores[0]).await?;
    harness.holds(&stores[1]).await
}

pub(crate) async fn commits_are_visible_to_every_handle(harness: &Harness) -> CaseResult {
    let stores = [harness.open().await, harness.open().await];
    let context = harness.context();
    let aggregate_id = harness.aggregate_id();
    for version in 0..20 {
        let (writer, reader) = match version % 2 {
            0 => (&stores[0], &stores[1]),
            _ => (&stores[1], &stores[0]),
        };
        let unit = harness.draft(&context, &aggregate_id).writes(&aggregate_id, version).done();
        let id = unit.commands[0].id;
        // Reads before the commit too, since the handle may cache the result.
        let found = reader.load(&aggregate_id).await?.map_or(0, |row| row.version);
        same("the version that another handle loads", &version, &found)?;
        harness.commit_all(writer, [unit]).await?;
        let row = reader.load(&aggregate_id).await?;
        let found = row.map_or(0, |row| row.version);
        same("the version that another handle loads", &(version + 1), &found)?;
        ensure!(reader.command(id).await?.is_some(), "another handle does not find the command");
        let history = reader.history(&aggregate_id, version + 1, version + 1).await?;
        ensure!(history.len() == 1, "another handle does not see the event");
    }
    harness.holds(&stores[0]).await?;
    harness.holds(&stores[1]).await
}

pub(crate) async fn nothing_appears_behind_a_reader(harness: &Harness) -> CaseResult {
    let is_over = AtomicBool::new(false);
    let stores = open_some(harness, 3).await;
    let reader = async {
        let mut seen = Seen::default();
        loop {
            // Read before the page, so that the last page is complete.
            let was_over = is_over.load(Ordering::SeqCst);
            let more = seen.read_on(&stores[2]).await?;
            if was_over && !more {
                return Ok::<Seen, CaseFailure>(seen);
            }
            tokio::task::yield_now().await;
        }
    };
    let writers = async {
        let written = write_transfers(harness, &stores[..2]).await;
        is_over.store(true, Ordering::SeqCst);
        written
    };
    let (seen, written) = join(reader, writers).await;
    written?;
    let seen = seen?;
    let content = harness.content(&stores[2]).await?;
    let events: Vec<u64> = content.events.iter().map(|row| row.position).collect();
    let commands: Vec<u64> = content.commands.iter().map(|row| row.position).collect();
    let messages: Vec<u64> = content.messages.iter().map(|row| row.position).collect();
    same("the events that a reader has seen", &events, &seen.events)?;
    same("the commands that a reader has seen", &commands, &seen.commands)?;
    same("the messages that a reader has seen", &messages, &seen.messages)?;
    for (newest, count) in &seen.counts {
        let expected = commands.iter().filter(|position| *position < newest).count();
        same(
            &format!("the commands before position {newest}, when it was seen"),
            &expected,
            count,
        )?;
    }
    harness.holds(&stores[0]).await
}

/// The positions that a reader has seen. Events are paged by the last position, the other logs by
/// resume token.
#[derive(Debug, Default)]
struct Seen {
    events: Vec<u64>,
    commands: Vec<u64>,
    messages: Vec<u64>,
    commands_to: ResumeToken,
    messages_to: ResumeToken,
    /// For the position of an event: the number of commands before it, when it was seen.
    counts: BTreeMap<u64, usize>,
}

impl Seen {
    async fn read_on(&mut self, store: &Handle) -> Result<bool, CaseFailure> {
        let next = |after| all().after(after).limit(PAGE_ROW_COUNT);
        let last_event = self.events.last().copied().unwrap_or(0);
        let before = self.events.len() + self.commands.len() + self.messages.len();
        let events = store.read_log::<EventRecord>(&next(last_event.into())).await?.rows;
        self.events.extend(events.iter().map(|row| row.position));
        if let Some(newest) = events.last().map(|row| row.position) {
            let commands = store.read_log::<CommandRecord>(&all()).await?.rows;
            let count = commands.iter().filter(|row| row.position < newest).count();
            self.counts.insert(newest, count);
        }
        let commands = store.read_log::<CommandRecord>(&next(self.commands_to)).await?;
        self.commands.extend(commands.rows.iter().map(|row| row.position));
        self.commands_to = commands.scanned_to;
        let messages = store.read_log::<MessageRecord>(&next(self.messages_to)).await?;
        self.messages.extend(messages.rows.iter().map(|row| row.position));
        self.messages_to = messages.scanned_to;
        for positions in [&self.events, &self.commands, &self.messages] {
            ensure!(positions.is_sorted_by(|one, next| one < next), "a page is not in order");
        }
        Ok(self.events.len() + self.commands.len() + self.messages.len() > before)
    }
}

pub(crate) async fn a_reader_sees_no_partial_unit(harness: &Harness) -> CaseResult {
    let is_over = AtomicBool::new(false);
    let stores = open_some(harness, 3).await;
    let reader = async {
        let mut balances: BTreeMap<AggregateId, i64> = BTreeMap::new();
        let (mut last, mut last_command) = (0, 0);
        loop {
            let was_over = is_over.load(Ordering::SeqCst);
            let page = stores[2].read_log::<EventRecord>(&behind(last, PAGE_ROW_COUNT)).await?.rows;
            for row in &page {
                last = row.position;
                let balance = row.record.args.to_value()["balance"].as_i64();
                balances.insert(
                    row.record.aggregate_id.clone(),
                    balance.ok_or(CaseFailure::new("no balance"))?,
                );
            }
            let newest =
                stores[2].read_log::<CommandRecord>(&behind(last_command, usize::MAX)).await?.rows;
            if let Some(newest) = newest.last() {
                last_command = newest.position;
                let behind_it = stores[2]
                    .read_log::<EventRecord>(&behind(last_command, PAGE_ROW_COUNT))
                    .await?
                    .rows;
                let has_event =
                    behind_it.iter().any(|event| event.record.command_id == newest.record.id);
                ensure!(has_event, "command {} is seen without its event", newest.record.id);
            }
            // A page may end within a unit, but the log may not.
            if page.len() < PAGE_ROW_COUNT {
                same("the sum of the balances", &0, &balances.values().sum::<i64>())?;
                if was_over {
                    return Ok::<(), CaseFailure>(());
                }
            }
            tokio::task::yield_now().await;
        }
    };
    let writers = async {
        let written = write_transfers(harness, &stores[..2]).await;
        is_over.store(true, Ordering::SeqCst);
        written
    };
    let (read, written) = join(reader, writers).await;
    written?;
    read?;
    harness.holds(&stores[2]).await
}

pub(crate) async fn state_and_log_are_visible_together(harness: &Harness) -> CaseResult {
    let is_over = AtomicBool::new(false);
    let stores = open_some(harness, 3).await;
    let context = harness.context();
    let (first, second) = (harness.aggregate_id(), harness.aggregate_id());
    let reader = async {
        let store = &stores[2];
        while !is_over.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
            // All units write both aggregates, so the second one and the log are at least as new as
            // the first one.
            let Some(one) = store.load(&first).await? else { continue };
            let other = store.load(&second).await?.map_or(0, |row| row.version);
            ensure!(
                other >= one.version,
                "one aggregate is at {}, the other at {other}",
                one.version
            );
            let history = store.history(&first, one.version, one.version).await?;
            let Some(event) = history.first() else {
                return Err(CaseFailure::new(format!("a state at {} has no event", one.version)));
            };
            let Some((command, context)) = store.command(event.record.command_id).await? else {
                return Err(CaseFailure::new("an event has no command"));
            };
            ensure!(
                command.position < event.position,
                "a command is at a later position than its event"
            );
            let found = store.context(command.record.context_id).await?;
            same("the context of a command", &Some(context), &found)?;
            let newest = store.history(&second, 1, u64::MAX).await?;
            let newest = newest.last().map_or(0, |event| event.record.version);
            let row = store.load(&second).await?.map_or(0, |row| row.version);
            ensure!(row >= newest, "the log shows version {newest}, the row {row}");
        }
        Ok::<(), CaseFailure>(())
    };
    let writer = async {
        let mut written = Ok(());
        for version in 0..200 {
            let draft = harness.draft(&context, &first).writes(&first, version);
            let unit = draft.command(&second).writes(&second, version).done();
            written = harness.commit_all(&stores[usize::from(version % 2 == 0)], [unit]).await;
            if written.is_err() {
                break;
            }
        }
        is_over.store(true, Ordering::SeqCst);
        written
    };
    let (read, written) = join(reader, writer).await;
    written?;
    read?;
    harness.holds(&stores[2]).await
}

async fn open_some(harness: &Harness, count: usize) -> Vec<Handle> {
    let mut stores = Vec::with_capacity(count);
    for _ in 0..count {
        stores.push(harness.open().await);
    }
    stores
}

/// Runs concurrent writers. Each unit of a writer moves an amount between its two aggregates, so
/// all balances add up to 0. One writer commits large, slow batches, and the others commit small
/// ones that overtake them.
async fn write_transfers(harness: &Harness, stores: &[Handle]) -> CaseResult {
    let writers = (0..WRITER_COUNT).map(|writer| {
        let unit_count_max = if writer == 0 { 20 } else { 3 };
        write_some(harness, &stores[writer % stores.len()], unit_count_max)
    });
    try_join_all(writers).await.map(drop)
}

async fn write_some(harness: &Harness, store: &Handle, unit_count_max: u64) -> CaseResult {
    let context = harness.context();
    let aggregate_ids = [harness.aggregate_id(), harness.aggregate_id()];
    let mut balance = 0;
    let mut version = 0;
    while version < UNITS_EACH {
        let mut batch: Vec<UnitOfWork> = Vec::new();
        for _ in 0..1 + version % unit_count_max {
            balance += 1 + i64::from(batch.is_empty());
            let sets = |sign: i64| json(&format!(r#"{{"balance":{}}}"#, sign * balance));
            let draft = harness.draft(&context, &aggregate_ids[0]).sets(
                &aggregate_ids[0],
                version,
                sets(-1),
            );
            let draft = draft
                .command(&aggregate_ids[1])
                .sets(&aggregate_ids[1], version, sets(1))
                .message();
            batch.push(match batch.len() {
                0 => draft.done(),
                next => draft.after(next - 1).done(),
            });
            version += 1;
        }
        for outcome in harness.commit(store, batch).await? {
            committed("a unit of a writer", &outcome)?;
        }
    }
    Ok(())
}
