//! A subscription that this process serves: its partitions here, and its reads.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use metrics::{Counter, Gauge, counter, gauge};

use super::delivery::{Answered, Ticket};
use super::feed::Feed;
use super::item::Answer;
use super::partition::{Due, Lost, MAX_RELEASE_TIME, Partition, PartitionSettings};
use super::rows::{Fitness, PartitionData};
use super::selection::Selection;
use crate::observability::Outage;
use crate::sync::{Instant, oneshot};
use crate::unwind;
use chrono::{DateTime, Utc};
use fluvius_store::{EventRecord, LogPage};

/// The consumer of a subscription's deliveries. It must not block.
pub(super) type Sink = Box<dyn Fn(Arc<Ticket>) + Send>;

/// A subscription that this process serves.
pub(super) struct Member {
    /// Tells this member from others of the same name, before and after it. Given by the worker,
    /// and changed with the number of partitions.
    pub(super) id: u64,
    /// The id that its handle has.
    pub(super) joined_id: u64,
    /// The name with that of the domain.
    pub(super) full_name: Arc<str>,
    pub(super) selection: Selection,
    pub(super) settings: PartitionSettings,
    /// Number of partitions.
    pub(super) count: NonZeroU32,
    pub(super) sink: Sink,
    /// The partitions that this process owns.
    pub(super) slots: BTreeMap<u32, Slot>,
    pub(super) feed: Feed,
    pub(super) fitness: Fitness,
    /// Set if the store is another copy than the one of the checkpoints.
    pub(super) is_paused: bool,
    /// Set if this process is to stop serving the subscription: the time until which it waits.
    pub(super) stop_by: Option<Instant>,
    /// Notified once it has stopped.
    pub(super) stopped: Vec<oneshot::Sender<()>>,
    /// Set while the log cannot be read.
    pub(super) outage: Option<Outage>,
    /// The time before which nothing is read.
    pub(super) read_after: Option<Instant>,
    pub(super) metrics: MemberMetrics,
}

/// A partition that this process owns.
pub(super) enum Slot {
    /// Its parked deliveries are being read.
    Loading { token: u64, data: PartitionData },
    /// It is worked on.
    Ready(Box<Partition>),
}

impl Slot {
    /// Returns the partition, if it is worked on.
    pub(super) fn ready(&self) -> Option<&Partition> {
        match self {
            Self::Ready(partition) => Some(partition),
            Self::Loading { .. } => None,
        }
    }

    /// Returns the partition for changes, if it is worked on.
    fn ready_mut(&mut self) -> Option<&mut Partition> {
        match self {
            Self::Ready(partition) => Some(partition),
            Self::Loading { .. } => None,
        }
    }
}

/// The metrics of a subscription in this process.
pub(super) struct MemberMetrics {
    acked: Counter,
    failed: Counter,
    parked: Counter,
    lag: Gauge,
}

impl MemberMetrics {
    pub(super) fn new(domain: &'static str, subscription: &str) -> Self {
        let deliveries = |outcome: &'static str| {
            let (name, subscription) = ("fluvius_deliveries_total", subscription.to_owned());
            counter!(name, "domain" => domain, "subscription" => subscription, "outcome" => outcome)
        };
        let name = subscription.to_owned();
        Self {
            acked: deliveries("done"),
            failed: deliveries("failed"),
            parked: deliveries("parked"),
            lag: gauge!("fluvius_subscription_lag", "domain" => domain, "subscription" => name),
        }
    }

    fn answered(&self, answer: &Answer) {
        let counter = match answer {
            Answer::Ack | Answer::AckThrough => &self.acked,
            Answer::Nack(_) | Answer::Failed(_) => &self.failed,
            Answer::Park(_) | Answer::Undecodable(_) => &self.parked,
        };
        unwind::catch(|| counter.increment(1));
    }

    /// Sets the number of positions between a checkpoint and the newest row.
    fn set_lag(&self, positions: u64) {
        let positions = u32::try_from(positions).unwrap_or(u32::MAX);
        unwind::catch(|| self.lag.set(positions));
    }
}

impl Member {
    /// Returns the partitions that are worked on.
    pub(super) fn partitions(&self) -> impl Iterator<Item = &Partition> {
        self.slots.values().filter_map(Slot::ready)
    }

    /// Returns the partitions that are worked on, by number.
    pub(super) fn partitions_mut(&mut self) -> impl Iterator<Item = (u32, &mut Partition)> {
        self.slots.iter_mut().filter_map(|(number, slot)| Some((*number, slot.ready_mut()?)))
    }

    pub(super) fn partition_mut(&mut self, number: u32) -> Option<&mut Partition> {
        self.slots.get_mut(&number)?.ready_mut()
    }

    /// Passes the rows of a page to the partitions. Returns the number of rows.
    pub(super) fn page(&mut self, page: LogPage<EventRecord>, now: DateTime<Utc>) -> usize {
        let count = self.count;
        let partition_of = |event: &EventRecord| event.aggregate_id.partition(count);
        let slots = self.slots.iter_mut();
        let mut partitions: BTreeMap<u32, &mut Partition> =
            slots.filter_map(|(number, slot)| Some((*number, slot.ready_mut()?))).collect();
        self.feed.end(page, &mut partitions, &self.selection, partition_of, now)
    }

    /// Processes the answer to a delivery, unless its partition was lost since.
    pub(super) fn answered(&mut self, answered: Answered, now: Instant, time: DateTime<Utc>) {
        let Answered { partition, lost, position, answer, .. } = answered;
        let metrics = &self.metrics;
        if let Some(Slot::Ready(partition)) = self.slots.get_mut(&partition)
            && Arc::ptr_eq(&partition.lost, &lost)
        {
            metrics.answered(&answer);
            partition.answer(position, answer, now, time);
        }
    }

    /// Returns the deliveries that can begin.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(u32, Lost, Due)> {
        if self.is_paused {
            return Vec::new();
        }
        let mut due = Vec::new();
        for (number, partition) in self.partitions_mut() {
            for next in partition.due(now) {
                due.push((number, Arc::clone(&partition.lost), next));
            }
        }
        due
    }

    /// Gives up a partition that this process has lost.
    pub(super) fn lose(&mut self, number: u32) {
        if let Some(Slot::Ready(partition)) = self.slots.remove(&number) {
            partition.lose();
        }
    }

    /// Begins to give up all partitions.
    pub(super) fn stop(&mut self, now: Instant, stopped: oneshot::Sender<()>) {
        let by = now + MAX_RELEASE_TIME;
        self.stop_by.get_or_insert(by);
        self.stopped.push(stopped);
        for (_, partition) in self.partitions_mut() {
            partition.release_by.get_or_insert(by);
        }
    }

    /// Reports the lag behind the newest row.
    pub(super) fn report_lag(&self, newest: u64) {
        let behind = self.partitions().map(|partition| partition.checkpoint.position()).min();
        if let Some(checkpoint) = behind {
            self.metrics.set_lag(newest.saturating_sub(checkpoint));
        }
    }
}
