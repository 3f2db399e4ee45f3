//! The status of subscriptions, for operators.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::operations::Subscriptions;
use super::rows::{self, TroubleKind};
use super::stored::Stored;
use crate::error::Error;
use fluvius_store::{AggregateId, EventRecord, LogQuery, ResumeToken, Store};

/// Maximum number of events that are counted.
const MAX_COUNTED: usize = 10_000;

/// A subscription at one moment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SubscriptionStatus {
    /// The name.
    pub name: String,
    /// The partitions, by number.
    pub partitions: Vec<PartitionStatus>,
    /// The parked deliveries, by partition and position.
    pub parked: Vec<ParkedDelivery>,
    /// The position of the newest row of all logs.
    pub newest: u64,
    /// Set if [`PartitionStatus::waiting`] was counted up to 10,000 events after the lowest
    /// checkpoint only.
    pub is_capped: bool,
}

/// A partition of a subscription at one moment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PartitionStatus {
    /// The number, from 0.
    pub number: u32,
    /// The live process that works on it.
    pub owner: Option<Uuid>,
    /// The place up to which it is done.
    pub checkpoint: ResumeToken,
    /// Number of positions between the checkpoint and the newest row.
    pub lag: u64,
    /// Number of events of the domain in this partition after the checkpoint. Some may not be
    /// selected.
    pub waiting: usize,
    /// The time of the oldest of them.
    pub waiting_since: Option<DateTime<Utc>>,
    /// The status of the work.
    pub status: WorkStatus,
    /// The obstacle, if there is one.
    pub trouble: Option<DeliveryTrouble>,
}

/// The status of the work on a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkStatus {
    /// A process works on it.
    Running,
    /// No process works on it.
    Unowned,
    /// A delivery has failed, and is repeated.
    Retrying,
    /// A delivery is unanswered for more than 60 s.
    Stuck,
    /// An event that cannot be decoded has stopped it.
    Stopped,
    /// An event needs a newer program.
    ProgramTooOld,
    /// The store was restored or copied:
    /// [`resume_here`](super::Subscriptions::resume_here) goes on.
    Paused,
}

/// The obstacle to the work on a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryTrouble {
    /// The position of the event.
    pub position: u64,
    /// The last error.
    pub error: String,
    /// Number of attempts.
    pub attempts: u32,
    /// The time at which it was first seen.
    pub since: DateTime<Utc>,
}

/// A parked delivery at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParkedDelivery {
    /// The position of the event.
    pub position: u64,
    /// The number of its partition.
    pub partition: u32,
    /// The aggregate, whose later events wait unless the subscription goes on.
    pub aggregate_id: AggregateId,
    /// The last error.
    pub error: String,
    /// Number of attempts.
    pub attempts: u32,
    /// The time of the last attempt.
    pub parked_at: DateTime<Utc>,
    /// Set if it is to be repeated.
    pub is_retried: bool,
}

/// The health of a domain's work on its logs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Health {
    /// Partitions that no process works on, by the name of the subscription and their number.
    pub unowned: Vec<(String, u32)>,
    /// Partitions that are stopped or paused, or need a newer program.
    pub stopped: Vec<(String, u32)>,
    /// Partitions with a delivery that is unanswered for more than 60 s.
    pub stuck: Vec<(String, u32)>,
    /// Number of parked deliveries.
    pub parked: usize,
}

impl Health {
    /// Returns true if every partition is worked on, none is stopped, and none is stuck.
    pub fn is_ready(&self) -> bool {
        self.unowned.is_empty() && self.stopped.is_empty() && self.stuck.is_empty()
    }
}

impl Subscriptions {
    /// Returns the subscriptions of the domain, by name, with their partitions and parked
    /// deliveries, at one moment.
    ///
    /// # Errors
    /// `store-unsupported`, `store-unavailable`, `store-error`.
    pub async fn list(&self) -> Result<Vec<SubscriptionStatus>, Error> {
        let services = &self.worker.processor.services;
        let mut list = Vec::new();
        for (name, stored) in Stored::read_each(services).await? {
            let mut status = status(name, &stored)?;
            let lowest = status.partitions.iter().map(|partition| partition.checkpoint);
            if let Some(lowest) = lowest.min_by_key(ResumeToken::position) {
                self.count(&mut status, &stored, lowest).await?;
            }
            list.push(status);
        }
        Ok(list)
    }

    /// Returns the health of the domain's subscriptions.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub(crate) async fn health(&self) -> Result<Health, Error> {
        let services = &self.worker.processor.services;
        if !services.store.capabilities().subscriptions {
            return Ok(Health::default());
        }
        let mut health = Health::default();
        for (name, stored) in Stored::read_each(services).await? {
            let status = status(name, &stored)?;
            health.parked += status.parked.len();
            for partition in &status.partitions {
                let partitions = match partition.status {
                    WorkStatus::Running | WorkStatus::Retrying => continue,
                    WorkStatus::Unowned => &mut health.unowned,
                    WorkStatus::Stuck => &mut health.stuck,
                    WorkStatus::Stopped | WorkStatus::ProgramTooOld | WorkStatus::Paused => {
                        &mut health.stopped
                    }
                };
                partitions.push((status.name.clone(), partition.number));
            }
        }
        Ok(health)
    }

    /// Counts the events after the checkpoints.
    async fn count(
        &self,
        status: &mut SubscriptionStatus,
        stored: &Stored,
        lowest: ResumeToken,
    ) -> Result<(), Error> {
        let services = &self.worker.processor.services;
        let count = stored.count()?;
        let query = LogQuery::all()
            .domain(services.metadata.namespace.to_owned())
            // A checkpoint of another copy may not be valid.
            .after(lowest.position().min(stored.newest))
            .before(stored.newest.saturating_add(1))
            .scan_limit(MAX_COUNTED);
        let page = services.store.read_log::<EventRecord>(&query).await?;
        status.is_capped = !page.is_last();
        for row in page.rows {
            let number = row.record.aggregate_id.partition(count);
            let partition = status.partitions.iter_mut().find(|found| found.number == number);
            if let Some(partition) = partition
                && row.position > partition.checkpoint.position()
            {
                partition.waiting += 1;
                partition.waiting_since.get_or_insert(row.record.occurred_at);
            }
        }
        Ok(())
    }
}

fn status(name: String, stored: &Stored) -> Result<SubscriptionStatus, Error> {
    let is_paused = stored.is_paused()?;
    let partitions = stored.partitions()?.into_iter().map(|(_, number, data)| {
        let owner = data.owner.filter(|owner| stored.is_alive(*owner));
        let kind = data.trouble.as_ref().map(|trouble| trouble.kind);
        let status = match (is_paused, kind, owner) {
            (true, ..) => WorkStatus::Paused,
            (_, Some(TroubleKind::Stopped), _) => WorkStatus::Stopped,
            (_, Some(TroubleKind::ProgramTooOld), _) => WorkStatus::ProgramTooOld,
            (_, _, None) => WorkStatus::Unowned,
            (_, Some(TroubleKind::Stuck), _) => WorkStatus::Stuck,
            (_, Some(TroubleKind::Retrying), _) => WorkStatus::Retrying,
            (_, None, Some(_)) => WorkStatus::Running,
        };
        let trouble = data.trouble.map(|trouble| DeliveryTrouble {
            position: trouble.position,
            error: trouble.error,
            attempts: trouble.attempts,
            since: trouble.since,
        });
        PartitionStatus {
            number,
            owner,
            checkpoint: data.checkpoint,
            lag: stored.newest.saturating_sub(data.checkpoint.position()),
            waiting: 0,
            waiting_since: None,
            status,
            trouble,
        }
    });
    let partitions = partitions.collect();
    let parked = stored.parked().map(|(row, data)| ParkedDelivery {
        position: data.position,
        partition: rows::partition_of(&row.key).unwrap_or(0),
        aggregate_id: data.aggregate_id,
        error: data.error,
        attempts: data.attempts,
        parked_at: data.parked_at,
        is_retried: data.is_retried,
    });
    let (newest, parked) = (stored.newest, parked.collect());
    Ok(SubscriptionStatus { name, partitions, parked, newest, is_capped: false })
}
