//! The work rows at one moment, and the decisions that follow from them.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::assignment::{self, PartitionView};
use super::feed::Feed;
use super::member::{Member, Slot};
use super::partition::MAX_RELEASE_TIME;
use super::rows::{self, Fitness, PartitionData, ProcessData, SubscriptionData, partition_of};
use crate::sync::Instant;
use fluvius_store::work::{WorkPage, WorkQuery, WorkRow};
use fluvius_store::{DynStore, Store, StoreError};

/// Time after which a process that has not renewed its row counts as ended.
pub(super) const OWNERSHIP_TIME: Duration = Duration::from_secs(3);

/// The work rows at one moment.
pub(super) struct WorkView {
    pub(super) page: WorkPage,
    /// The processes that have ended, by what the store can tell.
    ended: BTreeSet<Uuid>,
    /// The copy of the store.
    pub(super) copy: Uuid,
}

impl WorkView {
    /// Reads the work rows. `copy` is known from an earlier read.
    pub(super) async fn read(
        store: DynStore,
        query: WorkQuery,
        me: Uuid,
        copy: Option<Uuid>,
    ) -> Result<Self, StoreError> {
        let copy = match copy {
            Some(copy) => copy,
            None => store.incarnation().await?.copy,
        };
        let page = store.work(&query).await?;
        let others = page.rows.iter().filter_map(process_of).filter(|id| *id != me);
        let others: Vec<Uuid> = others.collect();
        let ended = match others.is_empty() {
            true => BTreeSet::new(),
            false => store.ended(&others).await?.into_iter().collect(),
        };
        Ok(Self { page, ended, copy })
    }

    /// Returns the live processes of a domain with what they serve.
    pub(super) fn processes(&self, domain: &str) -> BTreeMap<Uuid, ProcessData> {
        let rows = self.page.rows.iter().filter(|row| {
            row.key.kind == rows::PROCESS && row.key.name == domain && self.is_renewed(row)
        });
        let live =
            rows.filter_map(|row| Some((process_of(row)?, rows::decode::<ProcessData>(row).ok()?)));
        let has_ended = |(process, data): &(Uuid, ProcessData)| {
            data.is_announced && self.ended.contains(process)
        };
        live.filter(|process| !has_ended(process)).collect()
    }

    fn is_renewed(&self, row: &WorkRow) -> bool {
        (self.page.now - row.written_at).to_std().is_ok_and(|age| age <= OWNERSHIP_TIME)
            || row.written_at > self.page.now
    }

    /// Returns the rows of one subscription, and of the processes.
    pub(super) fn only(&self, full_name: &str) -> Self {
        let is_own = |row: &&WorkRow| row.key.kind == rows::PROCESS || row.key.name == full_name;
        let rows = self.page.rows.iter().filter(is_own).cloned().collect();
        let page = WorkPage::new(rows, self.page.now, self.page.newest);
        Self { page, ended: self.ended.clone(), copy: self.copy }
    }

    /// Returns the partitions of a subscription, by number, with the tokens of their rows.
    fn partitions(&self, full_name: &str) -> BTreeMap<u32, (u64, PartitionData)> {
        let rows = self.of_kind(rows::PARTITION, full_name);
        let found = rows.filter_map(|row| {
            Some((partition_of(&row.key)?, (row.token, rows::decode(row).ok()?)))
        });
        found.collect()
    }

    fn of_kind(&self, kind: &str, name: &str) -> impl Iterator<Item = &WorkRow> {
        self.page.rows.iter().filter(move |row| row.key.kind == kind && row.key.name == name)
    }
}

/// Returns the process of a row of the kind `process`.
fn process_of(row: &WorkRow) -> Option<Uuid> {
    (row.key.kind == rows::PROCESS).then(|| row.key.part.parse().ok()).flatten()
}

/// Compares the partitions of a subscription with their rows: gives up those that were lost, and
/// returns those that are to be loaded, with their tokens. `id` is a new one, for a member whose
/// number of partitions has changed.
pub(super) fn reconcile(
    member: &mut Member,
    view: &WorkView,
    me: Uuid,
    id: u64,
) -> Vec<(u32, u64)> {
    let name = Arc::clone(&member.full_name);
    let subscription = view.of_kind(rows::SUBSCRIPTION, &name).next();
    let subscription = subscription.and_then(|row| rows::decode::<SubscriptionData>(row).ok());
    member.is_paused = subscription.as_ref().is_none_or(|data| data.copy != view.copy);
    let count = subscription.and_then(|data| NonZeroU32::new(data.partitions));
    if let Some(count) = count.filter(|count| *count != member.count) {
        // An operator has changed the number: reads of the old partitions are of no use.
        let numbers: Vec<u32> = member.slots.keys().copied().collect();
        numbers.into_iter().for_each(|number| member.lose(number));
        (member.id, member.count, member.feed) = (id, count, Feed::new());
    }
    let mut owned = view.partitions(&name);
    owned.retain(|_, (_, data)| data.owner == Some(me));
    let token_of = |slot: &Slot| match slot {
        Slot::Loading { token, .. } => *token,
        Slot::Ready(partition) => partition.token,
    };
    let slots = member.slots.iter().filter(|(number, slot)| {
        owned.get(number).is_none_or(|(token, _)| *token != token_of(slot))
    });
    let lost: Vec<u32> = slots.map(|(number, _)| *number).collect();
    lost.into_iter().for_each(|number| member.lose(number));
    // Also those that an operator has changed, and those of a claim whose answer was lost.
    owned.retain(|number, _| !member.slots.contains_key(number));
    let to_load = owned.iter().map(|(number, (token, _))| (*number, *token)).collect();
    for (number, (token, data)) in owned {
        member.slots.insert(number, Slot::Loading { token, data });
    }
    to_load
}

/// The decisions about a subscription.
pub(super) struct Assigned {
    /// The partitions to be claimed, with the tokens and contents of their rows.
    pub(super) claims: Vec<(u32, u64, PartitionData)>,
    /// Set if this process owns less than its share.
    pub(super) wants_more: bool,
}

/// Decides about the partitions of a subscription: begins to give up those beyond this process's
/// share, and returns those to be claimed.
pub(super) fn assign(
    member: &mut Member,
    view: &WorkView,
    me: Uuid,
    live: &BTreeMap<Uuid, ProcessData>,
) -> Assigned {
    let mut rows = view.partitions(&member.full_name);
    let selection = &member.selection;
    let is_known = |data: &PartitionData| {
        let unknown = data.trouble.as_ref().and_then(|trouble| trouble.unknown.as_ref());
        unknown.is_none_or(|shape| selection.knows(&shape.resource, &shape.event, shape.revision))
    };
    let seen: Vec<PartitionView> = rows
        .iter()
        .map(|(&number, (_, data))| PartitionView {
            number,
            owner: data.owner,
            is_known: is_known(data),
        })
        .collect();
    if seen.iter().any(|seen| !seen.is_known) {
        member.fitness = Fitness::Outdated;
    }
    let name: &str = &member.full_name;
    let serving = live.iter().filter_map(|(id, data)| Some((*id, *data.serves.get(name)?)));
    let mut serving: BTreeMap<Uuid, Fitness> = serving.collect();
    if let Some(own) = serving.get_mut(&me) {
        *own = member.fitness;
    }
    let share = match member.is_paused || member.stop_by.is_some() {
        true => 0,
        false => assignment::share(member.count.get(), me, &serving),
    };
    let is_alive = |owner: Uuid| live.contains_key(&owner);
    let slots = &member.slots;
    let is_leaving = |number: u32| {
        let slot = slots.get(&number);
        matches!(slot, Some(Slot::Ready(partition)) if partition.release_by.is_some())
    };
    let wants_more = share > u32::try_from(slots.len()).unwrap_or(u32::MAX);
    let plan = assignment::plan(me, share, &seen, is_alive, is_leaving);
    let by = Instant::now() + MAX_RELEASE_TIME;
    for number in plan.releases {
        if let Some(partition) = member.partition_mut(number) {
            partition.release_by.get_or_insert(by);
        }
    }
    let claims = plan.claims.into_iter().filter_map(|number| {
        let (token, data) = rows.remove(&number)?;
        Some((number, token, data))
    });
    Assigned { claims: claims.collect(), wants_more }
}

/// Returns the partitions that this process owns by their rows, but does not serve: those of a
/// subscription that has stopped while its rows could not be written.
pub(super) fn left_over<'a>(
    view: &'a WorkView,
    domain: &str,
    me: Uuid,
    is_served: impl Fn(&str) -> bool,
) -> Vec<(&'a WorkRow, PartitionData)> {
    let prefix = rows::full_name(domain, "");
    let rows = view.page.rows.iter().filter(|row| {
        row.key.kind == rows::PARTITION
            && row.key.name.starts_with(&prefix)
            && !is_served(&row.key.name)
    });
    let owned = rows.filter_map(|row| Some((row, rows::decode::<PartitionData>(row).ok()?)));
    owned.filter(|(_, data)| data.owner == Some(me)).collect()
}

/// Returns the rows of processes that have ended, or that own and want nothing.
pub(super) fn ended_rows<'a>(
    view: &'a WorkView,
    domain: &'a str,
    live: &'a BTreeMap<Uuid, ProcessData>,
) -> impl Iterator<Item = &'a WorkRow> {
    view.of_kind(rows::PROCESS, domain)
        .filter(move |row| process_of(row).is_some_and(|process| !live.contains_key(&process)))
}
