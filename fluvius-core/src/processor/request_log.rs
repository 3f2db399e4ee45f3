//! The part of the log that replays one request: its events, the states after them, and the last
//! row.
//!
//! A group may have a thousand commands on one aggregate. Their events are consecutive in the log,
//! so each page is read once for all of them, and each state is folded from the previous one.

use serde_json::Value;
use uuid::Uuid;

use super::rejection_record;
use super::services::Services;
use crate::collections::FastMap;
use crate::error::Error;
use crate::states::state_at;
use fluvius_store::{
    ActivityRecord, AggregateId, CommandRecord, EventRecord, Json, LogEntry, LogQuery, LogRecord,
    MessageRecord, ResumeToken, Store,
};

/// Size of the first page of a search. The event of a single command is the first one after its
/// row.
const PAGE_MIN: usize = 16;

/// Maximum size of a page.
const MAX_PAGE_ROWS: usize = 512;

pub(super) struct RequestLog<'a> {
    services: &'a Services,
    /// Set if the request has several commands.
    is_group: bool,
    aggregate_ids: FastMap<AggregateId, Scan>,
    /// Events that were read while searching for another command's event.
    events: FastMap<Uuid, LogEntry<EventRecord>>,
    /// The commands whose rows were found, in the order of the request.
    commands: Vec<Found>,
}

/// A command of the request that the log has.
#[derive(Debug, Clone, Copy)]
struct Found {
    /// The position of its row.
    position: u64,
    /// The position of its event.
    event: Option<u64>,
}

/// The part of an aggregate's log that was read.
struct Scan {
    /// The position after which the log was read.
    start: u64,
    /// The position up to which the log was read.
    end: ResumeToken,
    page: usize,
    /// The state after an event, and its version.
    folded: Option<(u64, Value)>,
}

impl<'a> RequestLog<'a> {
    pub(super) fn new(services: &'a Services, command_count: usize) -> Self {
        let is_group = command_count > 1;
        Self {
            services,
            is_group,
            aggregate_ids: FastMap::default(),
            events: FastMap::default(),
            commands: Vec::new(),
        }
    }

    /// Adds the row of the request's next command.
    pub(super) fn found(&mut self, row: &LogEntry<CommandRecord>) {
        self.commands.push(Found { position: row.position, event: None });
    }

    /// Returns for each command that was found the position of the last row of its unit of work.
    ///
    /// The rows of a unit are consecutive: commands, events, messages, activities. Only a command
    /// without a parent and the activity of a denial or an operation start a unit. So all rows
    /// between a command and its event belong to one unit. Consecutive commands count as one unit
    /// if none of them has an event, since they were sent as a group here.
    ///
    /// # Errors
    /// Any error of the store.
    pub(super) async fn last_rows(&self) -> Result<Vec<u64>, Error> {
        let found = &self.commands;
        let mut last_rows = vec![0; found.len()];
        let mut in_order: Vec<usize> = (0..found.len()).collect();
        in_order.sort_unstable_by_key(|index| found[*index].position);
        let mut unit = Vec::new();
        let mut last_event = None;
        for (at, index) in in_order.iter().enumerate() {
            let Found { position, event } = found[*index];
            unit.push(*index);
            last_event = last_event.max(event);
            let next = in_order.get(at + 1).map(|index| found[*index].position);
            let goes_on = match (next, last_event) {
                (None, _) => false,
                (Some(next), Some(event)) => next < event,
                (Some(next), None) => {
                    next == position + 1 || next == self.last_command(position).await? + 1
                }
            };
            if goes_on {
                continue;
            }
            let last = match last_event.take() {
                Some(event) => event,
                None => self.last_command(position).await?,
            };
            let last = self.extend::<EventRecord>(last, |_| true).await?;
            let last = self.extend::<MessageRecord>(last, |_| true).await?;
            let is_of_unit = |row: &ActivityRecord| !rejection_record::is_own_unit(row);
            let last = self.extend::<ActivityRecord>(last, is_of_unit).await?;
            for index in unit.drain(..) {
                last_rows[index] = last;
            }
        }
        Ok(last_rows)
    }

    /// Returns the position of the last command that one at a position has invoked, directly or
    /// indirectly, or the position itself.
    async fn last_command(&self, position: u64) -> Result<u64, Error> {
        self.extend::<CommandRecord>(position, |row| row.parent.is_some()).await
    }

    /// Returns the position of the last of the consecutive rows of a log that follow a position and
    /// belong to the unit of its row.
    async fn extend<T: LogRecord>(
        &self,
        mut last: u64,
        is_of_unit: impl Fn(&T) -> bool,
    ) -> Result<u64, Error> {
        let mut limit = PAGE_MIN;
        loop {
            let query = LogQuery::all().after(last).limit(limit);
            let rows = self.services.store.read_log::<T>(&query).await?.rows;
            let count = rows.len();
            for row in rows {
                if row.position != last + 1 || !is_of_unit(&row.record) {
                    return Ok(last);
                }
                last = row.position;
            }
            if count < limit {
                return Ok(last);
            }
            limit = (limit * 2).min(MAX_PAGE_ROWS);
        }
    }

    /// Returns the event of the command that was found last, given its row; `None` if it is not in
    /// the log.
    ///
    /// # Errors
    /// Any error of the store.
    pub(super) async fn event_of(
        &mut self,
        row: &LogEntry<CommandRecord>,
    ) -> Result<Option<EventRecord>, Error> {
        if let Some(event) = self.events.remove(&row.record.id) {
            return Ok(Some(self.with_event(event)));
        }
        let from_row =
            || Scan { start: row.position, end: row.position.into(), page: PAGE_MIN, folded: None };
        let scan =
            self.aggregate_ids.entry(row.record.aggregate_id.clone()).or_insert_with(from_row);
        if row.position < scan.start {
            // The commands of the request were not stored together.
            *scan = from_row();
        }
        loop {
            let query = LogQuery::all()
                .aggregate_id(Some(row.record.aggregate_id.clone()))
                .after(scan.end)
                .limit(scan.page)
                .scan_limit(LogQuery::SCAN_LIMIT);
            let page = self.services.store.read_log::<EventRecord>(&query).await?;
            scan.end = page.scanned_to;
            scan.page = (scan.page * 2).min(MAX_PAGE_ROWS);
            let is_last = page.is_last();
            let mut found = None;
            for event in page.rows {
                if event.record.command_id == row.record.id {
                    found = Some(event);
                } else if self.is_group {
                    self.events.insert(event.record.command_id, event);
                }
            }
            if found.is_some() || is_last {
                return Ok(found.map(|event| self.with_event(event)));
            }
        }
    }

    /// Keeps the position of the event of the command that was found last.
    fn with_event(&mut self, event: LogEntry<EventRecord>) -> EventRecord {
        if let Some(command) = self.commands.last_mut() {
            command.event = Some(event.position);
        }
        event.record
    }

    /// Returns the state after an event, and the revision of its shape.
    ///
    /// # Errors
    /// Any error of the store, or that of a log that does not fold.
    pub(super) async fn state_after(&mut self, event: &EventRecord) -> Result<(u32, Json), Error> {
        let scan = self.aggregate_ids.get_mut(&event.aggregate_id).filter(|_| self.is_group);
        let Some(scan) = scan else {
            return state_at(&self.services.store, &event.aggregate_id, event.version).await;
        };
        let before = scan.folded.take().filter(|(version, _)| version + 1 == event.version);
        if before.is_some() || event.delta.is_snapshot() {
            let applied = event.delta.apply(before.map(|(_, state)| state));
            if let Some((state, json)) = applied.ok().and_then(|state| {
                let json = Json::from_value(&state).ok()?;
                Some((state, json))
            }) {
                scan.folded = Some((event.version, state));
                return Ok((event.revision, json));
            }
        }
        // The event is the first of its aggregate. Otherwise the log is broken, which this reports.
        let store = &self.services.store;
        let (revision, json) = state_at(store, &event.aggregate_id, event.version).await?;
        scan.folded = Some((event.version, json.to_value()));
        Ok((revision, json))
    }
}
