//! The reads of the worker: pages of the log, and the wait for its growth.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::select;
use tokio::sync::mpsc::UnboundedSender;

use super::member::{Member, Slot};
use super::rows::{self, Trouble, TroubleKind};
use super::selection::Selected;
use super::serving::guarded;
use super::worker::{Done, HeldRead, Input, MIN_PAUSE, Work};
use crate::error::Error;
use crate::observability::Outage;
use crate::sync::{self, Instant, Notify};
use crate::unwind;
use fluvius_store::{DynStore, EventRecord, LogPage, LogQuery, ResumeToken, Store, StoreError};

/// Maximum time between two reads without a notification.
const MAX_PAUSE: Duration = Duration::from_secs(1);
/// Maximum number of rows that are read at once for a parked aggregate.
const HELD_PAGE_ROWS: usize = 100;

impl Work {
    /// Begins the reads of the log that are due.
    pub(super) fn read(&mut self) {
        let now = Instant::now();
        for member in self.members.values_mut() {
            if member.is_paused || member.read_after.is_some_and(|after| after > now) {
                continue;
            }
            let query = member.selection.query(self.domain).scan_limit(LogQuery::SCAN_LIMIT);
            if let Some((after, limit)) =
                member.feed.begin(member.slots.values().filter_map(Slot::ready))
            {
                let (store, name) = (self.store.clone(), Arc::clone(&member.full_name));
                let query = query.clone().after(after).limit(limit);
                let id = member.id;
                let read = async move {
                    let page = guarded(store.read_log(&query)).await;
                    Done::Page { name, id, page }
                };
                self.pending.push(read.boxed());
            }
            let name = Arc::clone(&member.full_name);
            for (partition, work) in member.partitions_mut() {
                if work.unknown.is_some() {
                    continue;
                }
                let checkpoint = work.checkpoint.position();
                for (&key, hold) in &mut work.holds {
                    let Some((after, before)) = hold.next_read(checkpoint) else { continue };
                    let aggregate_id = hold.data.aggregate_id.clone();
                    let query = query.clone().aggregate_id(aggregate_id).after(after);
                    let query = query.before(before).limit(HELD_PAGE_ROWS);
                    let (store, name) = (self.store.clone(), Arc::clone(&name));
                    let lost = Arc::clone(&work.lost);
                    let hold = HeldRead { partition, lost, key, before };
                    let read = async move {
                        let page = guarded(store.read_log(&query)).await;
                        Done::Held { name, hold, page }
                    };
                    self.pending.push(read.boxed());
                }
            }
        }
    }

    pub(super) fn page(
        &mut self,
        name: &str,
        id: u64,
        page: Result<LogPage<EventRecord>, StoreError>,
    ) {
        let time = self.time();
        let member = self.members.get_mut(name).filter(|member| member.id == id);
        let Some(member) = member else { return };
        match page {
            Ok(page) => {
                if let Some(outage) = member.outage.take() {
                    unwind::catch(|| outage.end());
                }
                if member.page(page, time) > 0 {
                    self.has_found_rows.store(true, Ordering::Relaxed);
                }
            }
            Err(error) => {
                let after = member.feed.failed();
                match error.is_retryable() {
                    true => self.read_failed(name, error),
                    false => stop_at(member, after, &error, time),
                }
            }
        }
    }

    pub(super) fn held(
        &mut self,
        name: &str,
        read: HeldRead,
        page: Result<LogPage<EventRecord>, StoreError>,
    ) {
        let time = self.time();
        let Some(member) = self.members.get_mut(name) else { return };
        let selection = member.selection.clone();
        let partition = member.partition_mut(read.partition);
        let partition = partition.filter(|partition| Arc::ptr_eq(&partition.lost, &read.lost));
        let Some(partition) = partition else { return };
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                if let Some(hold) = partition.holds.get_mut(&read.key) {
                    hold.is_reading = false;
                    if !error.is_retryable() {
                        hold.park_again(rows::storable(&error.to_string()), time);
                    }
                }
                return self.read_failed(name, error);
            }
        };
        let end = read.before.saturating_sub(1);
        let mut read_to = if page.is_last() { end } else { page.scanned_to.position() };
        let mut rows = Vec::new();
        for row in page.rows {
            match selection.select(&row.record) {
                _ if partition.skipped.contains_key(&row.position) => {}
                Selected::No => {}
                Selected::Yes => rows.push(row),
                Selected::Unknown(shape) => {
                    read_to = row.position.saturating_sub(1);
                    partition.meets_unknown(row.position, shape, time);
                    break;
                }
            }
        }
        partition.add_held(read.key, rows, read_to);
    }

    /// Pauses the reads of a subscription after a failed one.
    fn read_failed(&mut self, name: &str, error: StoreError) {
        let Some(member) = self.members.get_mut(name) else { return };
        let outages = &self.processor.services.outages;
        let error = Error::from(error);
        // The generator of ids and the recorder of metrics are the program's code.
        if member.outage.is_none() {
            member.outage = unwind::catch(|| Outage::begin(outages, &error));
        }
        let pause = member.outage.as_mut().and_then(|outage| unwind::catch(|| outage.next_pause()));
        member.read_after = Some(Instant::now() + pause.unwrap_or(MAX_PAUSE));
        member.feed.may_have_grown();
    }
}

/// Stops the partitions that are at a place which the log does not have.
fn stop_at(
    member: &mut Member,
    after: Option<ResumeToken>,
    error: &StoreError,
    time: DateTime<Utc>,
) {
    let Some(after) = after else { return };
    for (_, partition) in member.partitions_mut() {
        if partition.read_to == after {
            partition.stop(Trouble {
                kind: TroubleKind::Stopped,
                position: after.position(),
                error: rows::storable(&error.to_string()),
                attempts: 0,
                since: time,
                unknown: None,
            });
        }
    }
}

/// Reports, again and again, that the log may have grown: after a commit of this runtime, after a
/// notification of the store, and else after a pause that grows up to a second.
pub(super) async fn watch(
    store: DynStore,
    committed: Arc<Notify>,
    inbox: UnboundedSender<Input>,
    has_found_rows: Arc<AtomicBool>,
) -> Done {
    let mut pause = MIN_PAUSE;
    loop {
        // Created before the report, so that they tell of every row that the next read may miss.
        let committed = pin!(committed.notified());
        let changed = pin!(store.changed());
        if inbox.send(Input::Grown).is_err() {
            return Done::Watched;
        }
        let timer = pin!(sync::sleep(pause));
        select(select(committed, changed), timer).await;
        sync::sleep(MIN_PAUSE).await;
        pause = match has_found_rows.swap(false, Ordering::Relaxed) {
            true => MIN_PAUSE,
            false => (pause * 2).min(MAX_PAUSE),
        };
    }
}
