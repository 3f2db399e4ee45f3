//! The stored rows of one subscription, at one moment.

use std::num::NonZeroU32;

use uuid::Uuid;

use super::operations::invalid;
use super::rows::{self, ParkedData, PartitionData, SubscriptionData};
use super::work_view::WorkView;
use crate::error::Error;
use crate::processor::Services;
use fluvius_store::work::{WorkKey, WorkQuery, WorkRow, WorkWrite};
use fluvius_store::{Store, StoreError};

/// The rows of a subscription, and the live processes.
pub(super) struct Stored {
    pub(super) full_name: String,
    /// The position of the newest row of all logs.
    pub(super) newest: u64,
    view: WorkView,
    domain: &'static str,
}

impl Stored {
    /// Reads the rows of a subscription.
    ///
    /// # Errors
    /// `invalid-subscription` if there is none of this name; `store-unsupported`,
    /// `store-unavailable`, `store-error`.
    pub(super) async fn read(services: &Services, name: &str) -> Result<Self, Error> {
        let domain = services.metadata.namespace;
        let view = read_all(services).await?;
        let full_name = rows::full_name(domain, name);
        let stored = Self { full_name, newest: view.page.newest, view, domain };
        match stored.find(&rows::subscription_key(&stored.full_name)) {
            Some(_) => Ok(stored),
            None => Err(invalid(name, "there is none of this name")),
        }
    }

    /// Returns all rows of the subscription.
    pub(super) fn rows(&self) -> impl Iterator<Item = &WorkRow> {
        let is_own = |row: &&WorkRow| row.key.kind != rows::PROCESS;
        self.view.page.rows.iter().filter(is_own).filter(|row| row.key.name == self.full_name)
    }

    pub(super) fn of_kinds<const N: usize>(
        &self,
        kinds: [&'static str; N],
    ) -> impl Iterator<Item = &WorkRow> {
        self.rows().filter(move |row| kinds.contains(&row.key.kind.as_str()))
    }

    pub(super) fn find(&self, key: &WorkKey) -> Option<&WorkRow> {
        self.rows().find(|row| row.key == *key)
    }

    pub(super) fn subscription(&self) -> Result<SubscriptionData, StoreError> {
        let missing = || StoreError::permanent("the row of the subscription is missing");
        let row = self.find(&rows::subscription_key(&self.full_name)).ok_or_else(missing)?;
        rows::decode(row)
    }

    /// Returns the number of partitions.
    pub(super) fn count(&self) -> Result<NonZeroU32, StoreError> {
        let count = NonZeroU32::new(self.subscription()?.partitions);
        count.ok_or_else(|| StoreError::permanent("a subscription has no partition"))
    }

    /// Returns the partitions with their rows and numbers.
    pub(super) fn partitions(&self) -> Result<Vec<(&WorkRow, u32, PartitionData)>, StoreError> {
        let rows = self.of_kinds([rows::PARTITION]);
        rows.map(|row| Ok((row, rows::partition_of(&row.key).unwrap_or(0), rows::decode(row)?)))
            .collect()
    }

    pub(super) fn partition(&self, number: u32) -> Result<(&WorkRow, PartitionData), StoreError> {
        let missing = || StoreError::permanent(format!("the row of partition {number} is missing"));
        let key = rows::partition_key(&self.full_name, number);
        let row = self.find(&key).ok_or_else(missing)?;
        Ok((row, rows::decode(row)?))
    }

    /// Returns the write that makes the owner of a partition load it again.
    pub(super) fn touch(&self, number: u32) -> Result<Vec<WorkWrite>, StoreError> {
        let (row, _) = self.partition(number)?;
        Ok(vec![WorkWrite::put(row.key.clone(), Some(row.token), row.data.clone())])
    }

    /// Returns the writes of all partitions with changed contents.
    pub(super) fn put_partitions(
        &self,
        changed: impl Fn(&PartitionData) -> PartitionData,
    ) -> Result<Vec<WorkWrite>, StoreError> {
        let partitions = self.partitions()?.into_iter();
        let put = |(row, _, data): (&WorkRow, u32, PartitionData)| {
            WorkWrite::put(row.key.clone(), Some(row.token), rows::encode(&changed(&data)))
        };
        Ok(partitions.map(put).collect())
    }

    /// Returns the parked deliveries with their rows.
    pub(super) fn parked(&self) -> impl Iterator<Item = (&WorkRow, ParkedData)> {
        self.of_kinds([rows::PARKED]).filter_map(|row| Some((row, rows::decode(row).ok()?)))
    }

    /// Returns the delivery that is parked at a position, with its row and its partition.
    pub(super) fn parked_at(&self, position: u64) -> Option<(&WorkRow, u32, ParkedData)> {
        let (row, data) = self.parked().find(|(_, data)| data.position == position)?;
        Some((row, rows::partition_of(&row.key).unwrap_or(0), data))
    }

    /// Returns true if a process that owns a partition is alive.
    pub(super) fn is_alive(&self, owner: Uuid) -> bool {
        self.view.processes(self.domain).contains_key(&owner)
    }

    /// Returns true if the store is another copy than the one of the checkpoints.
    pub(super) fn is_paused(&self) -> Result<bool, StoreError> {
        Ok(self.subscription()?.copy != self.view.copy)
    }

    /// Fails while a live process owns a partition.
    pub(super) fn check_unowned(&self, name: &str) -> Result<(), Error> {
        let partitions = self.partitions()?;
        let mut owners = partitions.iter().filter_map(|(_, _, data)| data.owner);
        match owners.find(|owner| self.is_alive(*owner)) {
            None => Ok(()),
            Some(owner) => {
                let problem = format!("process {owner} works on it: stop it there first");
                Err(invalid(name, problem))
            }
        }
    }
}

/// Reads the work rows of all subscriptions.
pub(super) async fn read_all(services: &Services) -> Result<WorkView, Error> {
    if !services.store.capabilities().subscriptions {
        return Err(Error::StoreUnsupported { capability: "subscriptions" });
    }
    let kinds = [rows::PARKED, rows::PARTITION, rows::PROCESS, rows::SKIPPED, rows::SUBSCRIPTION];
    let query = WorkQuery::new(services.now(), kinds);
    Ok(WorkView::read(services.store.clone(), query, Uuid::nil(), None).await?)
}

impl Stored {
    /// Returns the rows of each subscription of the domain.
    pub(super) async fn read_each(services: &Services) -> Result<Vec<(String, Self)>, Error> {
        let domain = services.metadata.namespace;
        let view = read_all(services).await?;
        let prefix = rows::full_name(domain, "");
        let of_subscriptions =
            view.page.rows.iter().filter(|row| row.key.kind == rows::SUBSCRIPTION);
        let names: Vec<String> = of_subscriptions
            .filter_map(|row| row.key.name.strip_prefix(&prefix).map(str::to_owned))
            .collect();
        let stored = names.into_iter().map(|name| {
            let full_name = rows::full_name(domain, &name);
            let own = view.only(&full_name);
            (name, Self { full_name, newest: view.page.newest, view: own, domain })
        });
        Ok(stored.collect())
    }
}
