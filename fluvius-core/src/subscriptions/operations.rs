//! The acts of operators on subscriptions. Each is one unit of work rows with its activity.

use std::num::NonZeroU32;
use std::sync::Arc;

use uuid::Uuid;

use super::creation::MAX_PARTITION_COUNT;
use super::rows::{self, ParkedData, PartitionData, SkippedData, SubscriptionData};
use super::stored::Stored;
use super::subscribe::Start;
use super::worker::Worker;
use crate::error::Error;
use crate::model::DomainContext;
use crate::processor::Sender;
use fluvius_store::work::{WorkOutcome, WorkUnit, WorkWrite};
use fluvius_store::{ActivityRecord, AggregateId, EventRecord, Json, LogQuery, ResumeToken, Store};

/// Maximum number of attempts of an act, which each fail if an owner writes at the same time.
const MAX_ATTEMPTS: u32 = 50;

/// The code of the activities of acts.
const CODE: &str = "subscription";

/// The subscriptions of a domain, for operators.
///
/// Created by [`DomainRuntime::subscriptions`](crate::DomainRuntime::subscriptions). It sees and
/// changes the subscriptions of all processes. Each act commits with a row of the activity log: its
/// code is `subscription`, its aggregate the domain's namespace with the nil id, and its data name
/// the act and the subscription. The process that works on a changed partition notices it within a
/// second, and its deliveries in flight there come again.
///
/// # Examples
/// Skips the event that stops a partition:
///
/// ```
/// # use fluvius_core::{DomainContext, DomainRuntime, Error};
/// # async fn run(domain: DomainRuntime) -> Result<(), Error> {
/// let operator = DomainContext::create("operator 7");
/// let subscriptions = domain.subscriptions();
/// for subscription in subscriptions.list().await? {
///     for stopped in subscription.partitions.iter().filter_map(|found| found.trouble.as_ref()) {
///         println!("{}: {}", subscription.name, stopped.error);
///     }
/// }
/// subscriptions.skip(&operator, "mailer", 17, "the address was never valid").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Subscriptions {
    pub(super) worker: Arc<Worker>,
}

/// An act with its record.
struct Act {
    writes: Vec<WorkWrite>,
    /// The name of the act.
    name: &'static str,
    message: String,
}

impl Subscriptions {
    pub(crate) fn new(worker: Arc<Worker>) -> Self {
        Self { worker }
    }

    /// Moves all partitions of a subscription to a place, and forgets its parked deliveries.
    ///
    /// # Errors
    /// `invalid-subscription` if there is none of this name; `invalid-position`,
    /// `invalid-payload` (at `context`), `store-unavailable`, `store-error`.
    ///
    /// # Cancellation
    /// If the future is dropped, the act is stored completely or not at all.
    pub async fn reset(
        &self,
        context: &DomainContext,
        name: &str,
        start: Start,
    ) -> Result<(), Error> {
        if let Start::After(token) = start {
            self.worker.check(token).await?;
        }
        self.act(context, name, |stored| {
            let checkpoint = match start {
                Start::Beginning => ResumeToken::START,
                Start::Now => stored.newest.into(),
                Start::After(token) => token,
            };
            let reset = |data: &PartitionData| PartitionData {
                checkpoint,
                owner: data.owner,
                trouble: None,
            };
            let mut writes = stored.put_partitions(reset)?;
            let deliveries = stored.of_kinds([rows::PARKED, rows::SKIPPED]);
            writes.extend(deliveries.map(|row| WorkWrite::delete(row.key.clone(), row.token)));
            let message = format!("reset `{name}` to position {}", checkpoint.position());
            Ok(Act { writes, name: "reset", message })
        })
        .await
    }

    /// Skips an event: it counts as done for the subscription. The reason is recorded.
    ///
    /// # Errors
    /// `invalid-subscription` if there is no subscription of this name, no event at this position,
    /// or if the event is done already; else as [`reset`](Self::reset).
    ///
    /// # Cancellation
    /// As [`reset`](Self::reset).
    pub async fn skip(
        &self,
        context: &DomainContext,
        name: &str,
        position: u64,
        reason: &str,
    ) -> Result<(), Error> {
        let event = self.event_at(name, position).await?;
        let delivery = SkippedData { aggregate_id: event.aggregate_id.clone() };
        self.act(context, name, |stored| {
            let number = event.aggregate_id.partition(stored.count()?);
            let (row, data) = stored.partition(number)?;
            if data.checkpoint.position() >= position {
                return Err(invalid(name, format!("position {position} is done already")));
            }
            let trouble = data.trouble.filter(|trouble| trouble.position != position);
            let data = rows::encode(&PartitionData { trouble, ..data });
            let key = rows::delivery_key(rows::SKIPPED, &stored.full_name, number, position);
            let skipped = stored.find(&key).map(|row| row.token);
            let writes = vec![
                WorkWrite::put(row.key.clone(), Some(row.token), data),
                WorkWrite::put(key, skipped, rows::encode(&delivery)),
            ];
            let message = format!("skipped position {position} of `{name}`: {reason}");
            Ok(Act { writes, name: "skip", message })
        })
        .await
    }

    /// Repeats a parked delivery, and then those that wait for it; or starts a partition again that
    /// is stopped at this position. The number of attempts begins anew.
    ///
    /// # Errors
    /// `invalid-subscription` if there is no subscription of this name, or nothing is parked or
    /// stopped at this position; else as [`reset`](Self::reset).
    ///
    /// # Cancellation
    /// As [`reset`](Self::reset).
    pub async fn retry(
        &self,
        context: &DomainContext,
        name: &str,
        position: u64,
    ) -> Result<(), Error> {
        self.act(context, name, |stored| {
            let message = format!("retried position {position} of `{name}`");
            if let Some((row, number, data)) = stored.parked_at(position) {
                let data = ParkedData { is_retried: true, ..data };
                let mut writes = stored.touch(number)?;
                writes.push(WorkWrite::put(row.key.clone(), Some(row.token), rows::encode(&data)));
                return Ok(Act { writes, name: "retry", message });
            }
            let is_here = |data: &PartitionData| {
                data.trouble.as_ref().is_some_and(|trouble| trouble.position == position)
            };
            let found = stored.partitions()?.into_iter().find(|(_, _, data)| is_here(data));
            let Some((row, _, data)) = found else {
                let problem = format!("nothing is parked or stopped at position {position}");
                return Err(invalid(name, problem));
            };
            let data = rows::encode(&PartitionData { trouble: None, ..data });
            let writes = vec![WorkWrite::put(row.key.clone(), Some(row.token), data)];
            Ok(Act { writes, name: "retry", message })
        })
        .await
    }

    /// Discards a parked delivery. Those that wait for it are delivered. The reason is recorded.
    ///
    /// # Errors
    /// `invalid-subscription` if there is no subscription of this name, or nothing is parked at
    /// this position; else as [`reset`](Self::reset).
    ///
    /// # Cancellation
    /// As [`reset`](Self::reset).
    pub async fn discard(
        &self,
        context: &DomainContext,
        name: &str,
        position: u64,
        reason: &str,
    ) -> Result<(), Error> {
        self.act(context, name, |stored| {
            let Some((row, number, data)) = stored.parked_at(position) else {
                return Err(invalid(name, format!("nothing is parked at position {position}")));
            };
            let mut writes = stored.touch(number)?;
            let data = ParkedData { done: position, is_retried: true, ..data };
            writes.push(WorkWrite::put(row.key.clone(), Some(row.token), rows::encode(&data)));
            let message = format!("discarded position {position} of `{name}`: {reason}");
            Ok(Act { writes, name: "discard", message })
        })
        .await
    }

    /// Changes the number of partitions, from 1 to 1,024. All partitions go on at the lowest
    /// checkpoint, so events are delivered again.
    ///
    /// # Errors
    /// `invalid-subscription` if there is no subscription of this name, if the number is out of
    /// range, or while a process works on it; else as [`reset`](Self::reset).
    ///
    /// # Cancellation
    /// As [`reset`](Self::reset).
    pub async fn repartition(
        &self,
        context: &DomainContext,
        name: &str,
        partitions: u32,
    ) -> Result<(), Error> {
        let count = NonZeroU32::new(partitions).filter(|count| count.get() <= MAX_PARTITION_COUNT);
        let out_of_range = || invalid(name, "the number of partitions must be from 1 to 1024");
        let count = count.ok_or_else(out_of_range)?;
        self.act(context, name, |stored| {
            stored.check_unowned(name)?;
            let found = stored.partitions()?;
            let lowest = found.iter().map(|(_, _, data)| data.checkpoint);
            let checkpoint = lowest.min_by_key(ResumeToken::position).unwrap_or_default();
            let data = rows::encode(&PartitionData { checkpoint, owner: None, trouble: None });
            let full_name = &stored.full_name;
            let mut puts = std::collections::BTreeMap::new();
            for number in 0..count.get() {
                puts.insert(rows::partition_key(full_name, number), data.clone());
            }
            for (row, parked) in stored.parked() {
                let number = parked.aggregate_id.partition(count);
                let position = rows::position_of(&row.key).unwrap_or(parked.position);
                let key = rows::delivery_key(rows::PARKED, full_name, number, position);
                puts.insert(key, row.data.clone());
            }
            for row in stored.of_kinds([rows::SKIPPED]) {
                let SkippedData { aggregate_id } = rows::decode(row)?;
                let position = rows::position_of(&row.key).unwrap_or(0);
                let number = aggregate_id.partition(count);
                let key = rows::delivery_key(rows::SKIPPED, full_name, number, position);
                puts.insert(key, row.data.clone());
            }
            let subscription = stored.subscription()?;
            let data = SubscriptionData { partitions, ..subscription };
            puts.insert(rows::subscription_key(full_name), rows::encode(&data));
            let kept = |key: &_| puts.contains_key(key);
            let rows = stored.rows().filter(|row| !kept(&row.key));
            let mut writes: Vec<WorkWrite> =
                rows.map(|row| WorkWrite::delete(row.key.clone(), row.token)).collect();
            writes.extend(puts.into_iter().map(|(key, data)| {
                let token = stored.find(&key).map(|row| row.token);
                WorkWrite::put(key, token, data)
            }));
            let message = format!("divided `{name}` into {partitions} partitions");
            Ok(Act { writes, name: "repartition", message })
        })
        .await
    }

    /// Removes a subscription with its checkpoints and parked deliveries.
    ///
    /// # Errors
    /// `invalid-subscription` if there is no subscription of this name, or while a process works on
    /// it; else as [`reset`](Self::reset).
    ///
    /// # Cancellation
    /// As [`reset`](Self::reset).
    pub async fn remove(&self, context: &DomainContext, name: &str) -> Result<(), Error> {
        self.act(context, name, |stored| {
            stored.check_unowned(name)?;
            let rows = stored.rows();
            let writes = rows.map(|row| WorkWrite::delete(row.key.clone(), row.token)).collect();
            Ok(Act { writes, name: "remove", message: format!("removed `{name}`") })
        })
        .await
    }

    /// Goes on with a subscription in a store that was restored or copied, at its checkpoints. A
    /// checkpoint that the store does not have is moved back to the newest position.
    ///
    /// # Errors
    /// As [`reset`](Self::reset).
    ///
    /// # Cancellation
    /// As [`reset`](Self::reset).
    pub async fn resume_here(&self, context: &DomainContext, name: &str) -> Result<(), Error> {
        let copy = self.worker.processor.services.store.incarnation().await?.copy;
        self.act(context, name, |stored| {
            let newest = stored.newest;
            // The row at the position may be another one, so the checkpoints are bare positions.
            let mut writes = stored.put_partitions(|data| PartitionData {
                checkpoint: data.checkpoint.position().min(newest).into(),
                owner: None,
                trouble: None,
            })?;
            let key = rows::subscription_key(&stored.full_name);
            let token = stored.find(&key).map(|row| row.token);
            let data = SubscriptionData { copy, ..stored.subscription()? };
            writes.push(WorkWrite::put(key, token, rows::encode(&data)));
            let message = format!("resumed `{name}` in another copy of the store");
            Ok(Act { writes, name: "resume", message })
        })
        .await
    }

    /// Writes an act that depends on the stored rows, with its activity.
    async fn act(
        &self,
        context: &DomainContext,
        name: &str,
        act: impl Fn(&Stored) -> Result<Act, Error> + Send,
    ) -> Result<(), Error> {
        let services = &self.worker.processor.services;
        let sender = services.sender(context.clone());
        sender.check_storable("subscription")?;
        let id = services.ids.generate();
        for attempt in 0..MAX_ATTEMPTS {
            if attempt > 0 && self.is_stored(id).await? {
                return Ok(());
            }
            let stored = Stored::read(services, name).await?;
            let Act { writes, name: act_name, message } = act(&stored)?;
            let activity = self.activity(&sender, id, name, (act_name, &message));
            let context = Arc::clone(&sender.record);
            let unit = WorkUnit::new(writes).with_activity(context, Arc::new(activity));
            let outcome = services.store.write_work([unit].into(), services.now()).await.pop();
            match outcome {
                Some(WorkOutcome::Stored { .. }) => {
                    self.worker.refresh();
                    return Ok(());
                }
                Some(WorkOutcome::Failed(error)) => return Err(error.into()),
                // An act in doubt is stored, or the next attempt makes it stale for ever.
                _ => {}
            }
        }
        let message = "the subscription changed during each attempt: try again";
        Err(fluvius_store::StoreError::unavailable(message).into())
    }

    /// Returns true if the activity of an act is in the log, so that the act is stored.
    async fn is_stored(&self, id: Uuid) -> Result<bool, Error> {
        /// Number of acts that others may have stored since.
        const MAX_OTHERS: usize = 100;
        let query = LogQuery::all().keys([CODE]).descending(true).limit(MAX_OTHERS);
        let store = &self.worker.processor.services.store;
        let page =
            store.read_log::<ActivityRecord>(&query.scan_limit(LogQuery::SCAN_LIMIT)).await?;
        Ok(page.rows.iter().any(|row| row.record.id == id))
    }

    fn activity(
        &self,
        sender: &Sender,
        id: Uuid,
        subscription: &str,
        (act, message): (&str, &str),
    ) -> ActivityRecord {
        let services = &self.worker.processor.services;
        let target = AggregateId::new(services.metadata.namespace, Uuid::nil());
        let command_id = services.ids.generate();
        let message = rows::storable(message);
        let mut record = ActivityRecord::new(id, target, sender.record.id, command_id, message);
        record.code = Some(CODE.into());
        let data = serde_json::json!({ "act": act, "subscription": subscription });
        record.data = Json::from_value(&data).ok();
        record
    }

    /// Returns the event at a position.
    async fn event_at(&self, name: &str, position: u64) -> Result<EventRecord, Error> {
        let query = LogQuery::all().after(position.saturating_sub(1)).limit(1);
        let store = &self.worker.processor.services.store;
        let page = store.read_log::<EventRecord>(&query).await?;
        let event = page.rows.into_iter().find(|row| row.position == position);
        let missing = || invalid(name, format!("no event is at position {position}"));
        event.map(|row| row.record).ok_or_else(missing)
    }
}

pub(super) fn invalid(name: &str, problem: impl Into<String>) -> Error {
    Error::InvalidSubscription { subscription: name.to_owned(), problem: problem.into() }
}
