//! Leases: they serialize the decisions of several processes that keep changing an aggregate.
//!
//! The store grants a lease for a time slice, not per command, so that local commands run back to
//! back. After the slice no further command is decided under the lease, and the scheduler returns
//! it once the units that were decided under it are durable. During the slice the executor calls
//! [`Scheduler::on_lease_tick`], which returns an unused lease early.
//!
//! Deadlock freedom: a command that waits for the lease of an aggregate keeps only leases of
//! earlier aggregates. It releases those of later aggregates before it waits. In addition, the
//! executor bounds every wait, whatever the store does.

use super::CommandSeq;
use super::effect::Effect;
use super::scheduler::{Command, Decision, Scheduler};
use crate::collections::{FastMap, OneVec};
use fluvius_store::{AggregateId, Lease, StateRecord};

/// Number of ticks in a time slice.
const TICKS_PER_SLICE: u32 = 5;

/// Stop renewing the lease after this many acquisitions without a foreign write.
const MAX_UNCONTENDED_LEASES: u32 = 2;

/// The aggregates whose leases this process holds or waits for.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    aggregates: FastMap<AggregateId, ContendedAggregate>,
}

#[derive(Debug)]
struct ContendedAggregate {
    stage: Stage,
    /// The commands that wait for the lease. They keep their locks.
    waiting: Vec<CommandSeq>,
    /// Number of commands that are to be decided under the lease and are not yet admitted.
    pending_count: usize,
    /// Number of consecutive acquisitions without a foreign write before them.
    uncontended_count: u32,
}

#[derive(Debug)]
enum Stage {
    /// The lease was requested from the store.
    Requested,
    /// This process has held the lease for this number of ticks.
    Held(Lease, u32),
    /// The time slice is over.
    Expiring(Lease),
}

impl Leases {
    /// Discards all leases, and returns them.
    pub(super) fn abandon(&mut self) -> Vec<Lease> {
        let aggregates = self.aggregates.drain();
        let leases = aggregates.filter_map(|(_, contended)| match contended.stage {
            Stage::Held(lease, _) | Stage::Expiring(lease) => Some(lease),
            Stage::Requested => None,
        });
        leases.collect()
    }
}

impl<J> Scheduler<J> {
    /// Returns true if a command may be decided: this process holds the lease of each of its
    /// contended aggregates. Otherwise the command waits for the first missing lease.
    pub(super) fn acquire_leases(&mut self, seq: CommandSeq) -> bool {
        let Some(command) = self.commands.get_mut(&seq) else { return false };
        if self.leases.aggregates.is_empty() && command.contended.is_empty() {
            return true;
        }
        let mut needed: OneVec<AggregateId> = command.wanted.clone();
        needed.extend(command.contended.iter().cloned());
        needed.sort_unstable();
        needed.dedup();
        #[cfg(feature = "__test_seams")]
        if self.limits.has(crate::mutants::Mutant::LeasesInNoOrder) {
            needed.sort_by_key(|aggregate_id| command.wanted.contains(aggregate_id));
        }
        for aggregate_id in needed {
            if command.leased.contains(&aggregate_id) {
                continue;
            }
            match self.leases.aggregates.get_mut(&aggregate_id) {
                Some(contended) if matches!(contended.stage, Stage::Held(..)) => {
                    contended.pending_count += 1;
                    command.leased.push(aggregate_id);
                }
                Some(contended) => {
                    if !contended.waiting.contains(&seq) {
                        contended.waiting.push(seq);
                    }
                    self.release_later_leases(seq, &aggregate_id);
                    return false;
                }
                None if command.contended.contains(&aggregate_id) => {
                    self.request_lease(aggregate_id.clone(), vec![seq]);
                    self.release_later_leases(seq, &aggregate_id);
                    return false;
                }
                None => {}
            }
        }
        true
    }

    /// Requests the lease of an aggregate, unless this process holds or has requested it. From then
    /// on commands on the aggregate are decided under the lease.
    ///
    /// Also called when the store reports that other processes use leases on the aggregate. A
    /// process that wins every race has no conflicts. Without this call it would never request a
    /// lease, and the others could not overtake it.
    pub(super) fn request_lease(&mut self, aggregate_id: AggregateId, waiting: Vec<CommandSeq>) {
        if self.leases.aggregates.contains_key(&aggregate_id) {
            return;
        }
        self.effects.push_back(Effect::AcquireLease(aggregate_id.clone()));
        let contended = ContendedAggregate {
            stage: Stage::Requested,
            waiting,
            pending_count: 0,
            uncontended_count: 0,
        };
        self.leases.aggregates.insert(aggregate_id, contended);
    }

    /// Returns an aggregate that a decision has read and whose required lease is not held for the
    /// command.
    pub(super) fn missing_lease(
        &self,
        seq: CommandSeq,
        decision: &Decision,
    ) -> Option<AggregateId> {
        if self.leases.aggregates.is_empty() {
            return None;
        }
        let command = self.commands.get(&seq)?;
        let is_missing = |aggregate_id: &AggregateId| {
            let contended = self.leases.aggregates.get(aggregate_id);
            contended.is_some_and(|contended| !matches!(contended.stage, Stage::Held(..)))
                && !command.leased.contains(aggregate_id)
        };
        decision
            .reads
            .iter()
            .map(|read| &read.aggregate_id)
            .find(|aggregate_id| is_missing(aggregate_id))
            .cloned()
    }

    /// Decides a command again under the next lease.
    pub(super) fn wait_for_lease(&mut self, seq: CommandSeq, aggregate_id: AggregateId) {
        self.release_locks(seq);
        if let Some(command) = self.commands.get_mut(&seq)
            && !command.contended.contains(&aggregate_id)
        {
            command.contended.push(aggregate_id);
        }
        self.acquire_locks(seq);
    }

    /// Stores a lease that the store has granted, and the aggregate's row under it. `None` means
    /// that no lease was granted.
    pub(crate) fn on_lease_acquired(
        &mut self,
        aggregate_id: &AggregateId,
        acquired: Option<(Lease, Option<StateRecord>)>,
    ) {
        let Some((lease, stored)) = acquired else { return self.stop_leasing(aggregate_id) };
        let is_changed = self.versions.overwrite(aggregate_id, stored);
        self.versions.mark_trusted(aggregate_id);
        let Some(contended) = self.leases.aggregates.get_mut(aggregate_id) else {
            return self.effects.push_back(Effect::ReleaseLease(lease));
        };
        contended.stage = Stage::Held(lease, 0);
        contended.uncontended_count = if is_changed { 0 } else { contended.uncontended_count + 1 };
        self.effects.push_back(Effect::KeepLease(aggregate_id.clone()));
        for seq in std::mem::take(&mut contended.waiting) {
            self.resume_after_lease(seq);
        }
    }

    /// Resumes a command that may have waited for a lease.
    fn resume_after_lease(&mut self, seq: CommandSeq) {
        // A command that has released its locks in the meantime resumes without this call.
        if self.commands.get(&seq).is_none_or(Command::is_waiting) {
            return;
        }
        if self.must_yield(seq) {
            self.release_locks(seq);
        }
        self.acquire_locks(seq);
    }

    /// Ends the time slice of a lease that was held long enough or that no command uses.
    pub(crate) fn on_lease_tick(&mut self, aggregate_id: &AggregateId) {
        let Some(contended) = self.leases.aggregates.get_mut(aggregate_id) else { return };
        let is_idle = contended.pending_count == 0 && !self.versions.has_pending(aggregate_id);
        contended.stage = match std::mem::replace(&mut contended.stage, Stage::Requested) {
            Stage::Held(lease, ticks) if ticks + 1 < TICKS_PER_SLICE && !is_idle => {
                self.effects.push_back(Effect::KeepLease(aggregate_id.clone()));
                Stage::Held(lease, ticks + 1)
            }
            Stage::Held(lease, _) => Stage::Expiring(lease),
            other => other,
        };
        self.return_if_unused(aggregate_id);
    }

    /// Releases the leases of a command that is admitted, or that is not to be decided under them.
    pub(super) fn release_leases(&mut self, seq: CommandSeq) {
        self.release_leases_where(seq, |_| true);
    }

    /// Releases the leases of aggregates later than the one that a command waits for. The command
    /// may hold one from an earlier pass, since an aggregate can become contended at any time.
    fn release_later_leases(&mut self, seq: CommandSeq, waits_for: &AggregateId) {
        #[cfg(feature = "__test_seams")]
        if self.limits.has(crate::mutants::Mutant::LeasesInNoOrder)
            || self.limits.has(crate::mutants::Mutant::KeepLaterLeases)
        {
            return;
        }
        self.release_leases_where(seq, |aggregate_id| aggregate_id > waits_for);
    }

    fn release_leases_where(
        &mut self,
        seq: CommandSeq,
        is_released: impl Fn(&AggregateId) -> bool,
    ) {
        let Some(command) = self.commands.get_mut(&seq) else { return };
        if command.leased.is_empty() {
            return;
        }
        let mut released: OneVec<AggregateId> = OneVec::new();
        command.leased.retain(|aggregate_id| {
            let is_kept = !is_released(aggregate_id);
            if !is_kept {
                released.push(aggregate_id.clone());
            }
            is_kept
        });
        for aggregate_id in released {
            if let Some(contended) = self.leases.aggregates.get_mut(&aggregate_id) {
                contended.pending_count -= 1;
            }
            self.return_if_unused(&aggregate_id);
        }
    }

    /// Returns to the store the expiring leases under which every unit is durable.
    pub(super) fn return_expiring_leases(&mut self) {
        let is_expiring =
            |contended: &ContendedAggregate| matches!(contended.stage, Stage::Expiring(_));
        let aggregates = self.leases.aggregates.iter();
        let expiring: Vec<AggregateId> = aggregates
            .filter(|(_, contended)| is_expiring(contended))
            .map(|(aggregate_id, _)| aggregate_id.clone())
            .collect();
        for aggregate_id in expiring {
            self.return_if_unused(&aggregate_id);
        }
    }

    /// Returns an expiring lease to the store, and requests the next one if commands wait for it.
    fn return_if_unused(&mut self, aggregate_id: &AggregateId) {
        let Some(contended) = self.leases.aggregates.get_mut(aggregate_id) else { return };
        if contended.pending_count > 0 || self.versions.has_pending(aggregate_id) {
            return;
        }
        #[cfg(feature = "__test_seams")]
        if self.limits.has(crate::mutants::Mutant::KeepLeases) {
            return;
        }
        match std::mem::replace(&mut contended.stage, Stage::Requested) {
            Stage::Expiring(lease) => self.effects.push_back(Effect::ReleaseLease(lease)),
            other => {
                contended.stage = other;
                return;
            }
        }
        if contended.waiting.is_empty() || contended.uncontended_count >= MAX_UNCONTENDED_LEASES {
            self.stop_leasing(aggregate_id);
        } else {
            self.effects.push_back(Effect::AcquireLease(aggregate_id.clone()));
        }
    }

    /// Stops leasing an aggregate. Commands are decided without leases until they meet conflicts on
    /// it again.
    fn stop_leasing(&mut self, aggregate_id: &AggregateId) {
        let Some(contended) = self.leases.aggregates.remove(aggregate_id) else { return };
        for seq in contended.waiting {
            if let Some(command) = self.commands.get_mut(&seq) {
                command.contended.retain(|contended| contended != aggregate_id);
            }
            self.resume_after_lease(seq);
        }
    }
}

#[cfg(feature = "__test_seams")]
impl<J> Scheduler<J> {
    /// Returns the leases of this process, for a test that searches for deadlocks among processes.
    pub(crate) fn lease_states(&self) -> Vec<crate::lease_cycles::LeaseState> {
        let waits_for = |seq: &CommandSeq| {
            let waiting = |(_, contended): &(&AggregateId, &ContendedAggregate)| {
                contended.waiting.contains(seq) && !matches!(contended.stage, Stage::Held(..))
            };
            self.leases
                .aggregates
                .iter()
                .find(waiting)
                .map(|(aggregate_id, _)| aggregate_id.clone())
        };
        let keepers = |aggregate_id: &AggregateId| {
            let keeping =
                self.commands.iter().filter(|(_, command)| command.leased.contains(aggregate_id));
            keeping.map(|(seq, _)| waits_for(seq)).collect()
        };
        let state = |(aggregate_id, contended): (&AggregateId, &ContendedAggregate)| {
            crate::lease_cycles::LeaseState {
                aggregate_id: aggregate_id.clone(),
                is_held: !matches!(contended.stage, Stage::Requested),
                keepers_wait_for: keepers(aggregate_id),
            }
        };
        self.leases.aggregates.iter().map(state).collect()
    }
}
