//! The part of the log that replays one request: its events, and the states after them.
//!
//! A group may have a thousand commands on one aggregate. Their events are consecutive in the log,
//! so each page is read once for all of them, and each state is folded from the previous one.

use serde_json::Value;
use uuid::Uuid;

use super::services::Services;
use crate::collections::FastMap;
use crate::error::Error;
use crate::states::state_at;
use fluvius_store::{
    AggregateId, CommandRecord, EventRecord, Json, LogEntry, LogQuery, ResumeToken, Store,
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
    events: FastMap<Uuid, EventRecord>,
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
        Self { services, is_group, aggregate_ids: FastMap::default(), events: FastMap::default() }
    }

    /// Returns the event of a command, given the command's row; `None` if it is not in the log.
    ///
    /// # Errors
    /// Any error of the store.
    pub(super) async fn event_of(
        &mut self,
        row: &LogEntry<CommandRecord>,
    ) -> Result<Option<EventRecord>, Error> {
        if let Some(event) = self.events.remove(&row.record.id) {
            return Ok(Some(event));
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
                    found = Some(event.record);
                } else if self.is_group {
                    self.events.insert(event.record.command_id, event.record);
                }
            }
            if found.is_some() || is_last {
                return Ok(found);
            }
        }
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
