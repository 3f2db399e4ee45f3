//! The creation of a subscription: its row, and those of its partitions.

use std::num::NonZeroU32;
use std::sync::Arc;

use super::operations::invalid;
use super::rows::{self, PartitionData, SubscriptionData};
use super::subscribe::Start;
use super::worker::Worker;
use crate::error::Error;
use crate::model::is_kebab;
use fluvius_store::work::{WorkOutcome, WorkQuery, WorkUnit, WorkWrite};
use fluvius_store::{ResumeToken, Store, StoreError};

/// Default number of partitions.
const PARTITION_COUNT: u32 = 16;
/// Maximum number of partitions.
pub(super) const MAX_PARTITION_COUNT: u32 = 1_024;
/// Maximum number of attempts, each of which ends with a lost write or the row of another process.
const MAX_ATTEMPTS: u32 = 10;
/// Maximum length of a name, in bytes.
const MAX_NAME_BYTES: usize = 100;

/// The settings with which a program connects.
pub(super) struct Wanted<'a> {
    pub(super) name: &'a str,
    pub(super) start: Option<Start>,
    pub(super) partitions: Option<u32>,
}

/// Returns the full name and the number of partitions of a subscription, which is created if it is
/// new.
pub(super) async fn created(
    worker: &Worker,
    wanted: &Wanted<'_>,
) -> Result<(Arc<str>, NonZeroU32), Error> {
    if !is_kebab(wanted.name) || wanted.name.len() > MAX_NAME_BYTES {
        return Err(invalid(wanted.name, "its name must be kebab case, of 100 letters at most"));
    }
    let start = wanted.start.ok_or_else(|| {
        invalid(wanted.name, "say where it begins: `start_at(Start::Now)`, or `Start::Beginning`")
    })?;
    let is_out_of_range = |count: &u32| !(1..=MAX_PARTITION_COUNT).contains(count);
    if wanted.partitions.as_ref().is_some_and(is_out_of_range) {
        return Err(invalid(wanted.name, "the number of partitions must be from 1 to 1024"));
    }
    let services = &worker.processor.services;
    let (store, domain) = (&services.store, services.metadata.namespace);
    if !store.capabilities().subscriptions {
        return Err(Error::StoreUnsupported { capability: "subscriptions" });
    }
    let copy = store.incarnation().await?.copy;
    let full_name: Arc<str> = rows::full_name(domain, wanted.name).into();
    let key = rows::subscription_key(&full_name);
    for _ in 0..MAX_ATTEMPTS {
        let now = services.now();
        let found =
            store.work(&WorkQuery::new(now, [rows::SUBSCRIPTION]).name(&*full_name)).await?;
        if let Some(row) = found.rows.first() {
            let SubscriptionData { partitions, .. } = rows::decode(row)?;
            if let Some(other) = wanted.partitions.filter(|other| *other != partitions) {
                let problem = format!(
                    "it has {partitions} partitions, and the program wants {other}: leave out \
                         `partitions`, or repartition it"
                );
                return Err(invalid(wanted.name, problem));
            }
            let count = NonZeroU32::new(partitions);
            let count = count.ok_or_else(|| StoreError::permanent("0 partitions"))?;
            return Ok((full_name, count));
        }
        let checkpoint = match start {
            Start::Beginning => ResumeToken::START,
            Start::Now => found.newest.into(),
            Start::After(token) => {
                worker.check(token).await?;
                token
            }
        };
        let count = wanted.partitions.unwrap_or(PARTITION_COUNT);
        let subscription = SubscriptionData { partitions: count, copy };
        let partition = PartitionData { checkpoint, owner: None, trouble: None };
        let writes = (0..count).map(|number| {
            let key = rows::partition_key(&full_name, number);
            WorkWrite::put(key, None, rows::encode(&partition))
        });
        let created = WorkWrite::put(key.clone(), None, rows::encode(&subscription));
        let unit = WorkUnit::new(writes.chain([created]));
        match store.write_work([unit].into(), now).await.pop() {
            Some(WorkOutcome::Failed(error)) => return Err(error.into()),
            // Created, or another process has created it, or it is unknown: read it again.
            _ => continue,
        }
    }
    let message = "the subscription could not be created: each write was lost";
    Err(StoreError::unavailable(message).into())
}
