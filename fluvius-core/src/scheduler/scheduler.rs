//! The state of the scheduler, its inputs and its effects.

use std::collections::VecDeque;
use std::sync::Arc;

use super::cached_version::CachedVersion;
use super::commit_queue::{AdmittedUnit, CommitQueue};
use super::effect::{Effect, Resolution};
use super::leases::Leases;
use super::lock_table::LockTable;
use super::version_cache::VersionCache;
use super::{CommandSeq, UnitNumber};
use crate::collections::{FastMap, OneVec};
use crate::unwind::Deferred;
use fluvius_store::{AggregateId, CommitOutcome, StoreError, UnitOfWork};

/// Number of version conflicts from which on a command on a hot aggregate requires a lease.
const HOT_LEASE_FROM_CONFLICT: u32 = 2;

/// Number of units that aborted since one was committed from which on an aggregate is hot. A batch
/// of a hot aggregate loses tens of units at a time; a batch over many aggregates loses one or two
/// of each.
const HOT_ABORTED_UNITS: u32 = 8;

/// Number of version conflicts from which on a command backs off. The first conflicts have reported
/// the newest row, so another attempt is likely to succeed at once.
const BACK_OFF_FROM_CONFLICT: u32 = 3;

/// The limits of a scheduler.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Maximum number of units in a batch.
    pub(crate) max_batch_units: usize,
    /// Maximum estimated size of a batch, in bytes.
    pub(crate) max_batch_bytes: usize,
    /// Maximum estimated size of the cached versions of idle aggregates, in bytes.
    pub(crate) cache_capacity: usize,
    /// Number of version conflicts that end a command.
    pub(crate) max_attempts: u32,
    /// Number of version conflicts from which on a command requires a lease.
    pub(crate) lease_from_conflict: u32,
    #[cfg(feature = "__test_seams")]
    pub(crate) mutant: Option<crate::mutants::Mutant>,
}

impl Limits {
    /// Returns true if a test has planted this mutant.
    #[cfg(feature = "__test_seams")]
    pub(crate) fn has(&self, mutant: crate::mutants::Mutant) -> bool {
        self.mutant == Some(mutant)
    }
}

/// The result of deciding a command.
#[derive(Debug)]
pub(crate) struct Decision {
    /// The versions that the decision has read.
    pub(crate) reads: OneVec<Arc<CachedVersion>>,
    /// The new versions, one per aggregate.
    pub(crate) writes: OneVec<Arc<CachedVersion>>,
    /// The rows to be stored, and the versions to be checked.
    pub(crate) unit: UnitOfWork,
}

/// The scheduler: orders decisions, admissions and commits. `J` is the executor's data of a
/// command.
#[derive(Debug)]
pub(crate) struct Scheduler<J> {
    pub(crate) versions: VersionCache,
    pub(super) locks: LockTable,
    pub(super) leases: Leases,
    queue: CommitQueue,
    pub(super) commands: FastMap<CommandSeq, Command<J>>,
    /// Pending effects except decisions and commits, oldest first.
    pub(super) effects: VecDeque<Effect>,
    /// Commands to decide, oldest first.
    pub(super) undecided: VecDeque<CommandSeq>,
    pub(super) limits: Limits,
    next_seq: CommandSeq,
    next_unit: UnitNumber,
}

#[derive(Debug)]
pub(super) struct Command<J> {
    job: J,
    /// The aggregates whose locks it acquires before it is decided, in order.
    pub(super) wanted: OneVec<AggregateId>,
    /// Number of these locks that it holds, counted from the first.
    pub(super) held_count: usize,
    /// Set if no other command may be admitted on the aggregates whose locks it holds.
    pub(super) is_exclusive: bool,
    /// The previous command of its stream, after which it is decided.
    pub(super) previous: Option<CommandSeq>,
    /// Number of lost admissions.
    pub(super) lost_count: u32,
    /// Number of version conflicts.
    pub(super) conflict_count: u32,
    /// Set while it waits, with its locks, before it is decided again.
    pub(super) backs_off: bool,
    /// Aggregates for which this command requires a lease.
    pub(super) contended: OneVec<AggregateId>,
    /// Aggregates whose leases are held for this command until it releases its locks.
    pub(super) leased: OneVec<AggregateId>,
    /// Set if no decision on it is pending: it is admitted, or has ended.
    pub(super) is_decided: bool,
    /// Number of older commands that must be decided before it, since it depended on their aborted
    /// units.
    pub(super) predecessor_count: usize,
    /// Younger commands that depended on its aborted unit, and are decided after it.
    pub(super) successors: Vec<CommandSeq>,
}

impl<J> Scheduler<J> {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            versions: VersionCache::new(limits.cache_capacity),
            locks: LockTable::default(),
            leases: Leases::default(),
            queue: CommitQueue::new(limits.max_batch_units, limits.max_batch_bytes),
            commands: FastMap::default(),
            effects: VecDeque::new(),
            undecided: VecDeque::new(),
            limits: limits.clone(),
            next_seq: 0,
            next_unit: 0,
        }
    }

    /// Accepts a command on one aggregate, or a group on several. `previous` is the previous
    /// command of its stream.
    pub(crate) fn accept(
        &mut self,
        mut aggregate_ids: OneVec<AggregateId>,
        job: J,
        previous: Option<CommandSeq>,
    ) -> CommandSeq {
        let seq = self.next_seq;
        self.next_seq += 1;
        aggregate_ids.sort_unstable();
        aggregate_ids.dedup();
        let command = Command {
            job,
            is_exclusive: aggregate_ids.len() > 1,
            wanted: aggregate_ids,
            held_count: 0,
            previous,
            lost_count: 0,
            conflict_count: 0,
            backs_off: false,
            contended: OneVec::new(),
            leased: OneVec::new(),
            is_decided: false,
            predecessor_count: 0,
            successors: Vec::new(),
        };
        self.commands.insert(seq, command);
        self.acquire_locks(seq);
        seq
    }

    /// Returns the executor's data of a command.
    pub(crate) fn job(&mut self, seq: CommandSeq) -> Option<&mut J> {
        self.commands.get_mut(&seq).map(|command| &mut command.job)
    }

    /// Admits a decision if every version that it has read is still the newest. Then it installs
    /// the new versions of all aggregates together, and adds the unit to the commit queue. Returns
    /// true if the decision was admitted.
    pub(crate) fn admit(&mut self, seq: CommandSeq, decision: Decision) -> bool {
        if self.must_yield(seq) {
            self.release_locks(seq);
            self.acquire_locks(seq);
            return false;
        }
        if !decision.reads.iter().all(|read| self.versions.is_newest(read)) {
            self.on_admission_lost(seq, &decision);
            return false;
        }
        let excluded =
            decision.writes.iter().find(|write| self.is_excluded(seq, &write.aggregate_id));
        if let Some(write) = excluded {
            let aggregate_id = write.aggregate_id.clone();
            self.on_excluded(seq, &aggregate_id, &decision);
            return false;
        }
        if let Some(aggregate_id) = self.missing_lease(seq, &decision) {
            self.wait_for_lease(seq, aggregate_id);
            return false;
        }
        let mut depends_on: Vec<UnitNumber> =
            decision.reads.iter().filter_map(|read| self.versions.pending_unit(read)).collect();
        depends_on.sort_unstable();
        depends_on.dedup();
        #[cfg(feature = "__test_seams")]
        if self.limits.has(crate::mutants::Mutant::ForgetDependents) {
            depends_on.clear();
        }
        let number = self.next_unit;
        self.next_unit += 1;
        for write in &decision.writes {
            self.versions.install(number, seq, write);
        }
        let admitted = AdmittedUnit { number, seq, depends_on, writes: decision.writes };
        self.queue.push(admitted, decision.unit);
        let successors = self.set_decided(seq);
        self.release_locks(seq);
        self.resume_successors(successors);
        true
    }

    /// Returns the next effect. After each input the executor takes effects until there are none,
    /// on any thread.
    ///
    /// Decisions come after the effects that end commands, which never wait. A commit comes last,
    /// so that it includes the units decided before it.
    pub(crate) fn next_effect(&mut self) -> Option<Effect> {
        let effect = self.effects.pop_front();
        let effect = effect.or_else(|| self.undecided.pop_front().map(Effect::Decide));
        effect.or_else(|| self.queue.next_batch().map(Effect::Commit))
    }

    /// Returns the next effect other than a decision. Decisions are left to other tasks, since
    /// their code is slow.
    pub(crate) fn next_effect_except_decide(&mut self) -> Option<Effect> {
        self.effects.pop_front().or_else(|| self.queue.next_batch().map(Effect::Commit))
    }

    /// Returns true if there is an effect to take.
    pub(crate) fn has_effect(&self) -> bool {
        !self.effects.is_empty() || !self.undecided.is_empty() || self.queue.has_next_batch()
    }

    /// Discards all commands and effects. Returns each command with true if its unit was handed to
    /// the store. Units that are still waiting are never handed to it.
    pub(crate) fn abandon(&mut self) -> Vec<(J, bool)> {
        let at_the_store = self.queue.abandon();
        self.undecided.clear();
        let effects = std::mem::take(&mut self.effects);
        let leases = self.leases.abandon();
        Deferred::Value(Box::new((effects, leases))).defer();
        let commands = self.commands.drain();
        commands.map(|(seq, command)| (command.job, at_the_store.contains(&seq))).collect()
    }

    /// Processes the outcomes of the batch in flight, in its order. A unit without an outcome has
    /// failed.
    pub(crate) fn on_batch_committed(&mut self, outcomes: Vec<CommitOutcome>) {
        let mut aborted: FastMap<UnitNumber, CommandSeq> = FastMap::default();
        let mut retried: Vec<AdmittedUnit> = Vec::new();
        let mut outcomes = outcomes.into_iter();
        for unit in self.queue.take_in_flight() {
            let outcome = outcomes.next().unwrap_or_else(|| {
                CommitOutcome::Failed(StoreError::permanent(
                    "the store gave no outcome for a unit of work",
                ))
            });
            let is_broken = matches!(outcome, CommitOutcome::Committed { .. })
                && unit.depends_on.iter().any(|on| aborted.contains_key(on));
            if is_broken {
                // The store has violated its contract. The log resolves the outcome.
                let report = || {
                    tracing::error!(
                        "the store has committed a unit, but not a unit that it depends on"
                    )
                };
                Deferred::Call(Box::new(report)).defer();
            }
            let outcome = if is_broken { CommitOutcome::InDoubt } else { outcome };
            if let CommitOutcome::Committed { first, contended } = outcome {
                for write in &unit.writes {
                    self.versions.commit(unit.number, write);
                }
                for aggregate_id in contended {
                    self.request_lease(aggregate_id, Vec::new());
                }
                self.end(unit.seq, Resolution::Committed { first });
                continue;
            }
            aborted.insert(unit.number, unit.seq);
            self.abort(&unit);
            let is_retried = match outcome {
                CommitOutcome::Committed { .. } | CommitOutcome::DependencyAborted { .. } => true,
                CommitOutcome::VersionConflict { aggregate_id, stored } => {
                    self.versions.overwrite(&aggregate_id, stored.map(|stored| *stored));
                    self.retry_after_conflict(unit.seq, aggregate_id)
                }
                CommitOutcome::DuplicateCommand { .. } => {
                    self.end(unit.seq, Resolution::Duplicate);
                    false
                }
                CommitOutcome::Failed(error) => {
                    self.end(unit.seq, Resolution::Failed(error));
                    false
                }
                // An outcome unknown to this release is in doubt too, and the log resolves it.
                _ => {
                    // The store was lost: other processes may have written in the meantime.
                    self.versions.clear_durable();
                    self.effects.push_back(Effect::ResolveInDoubt(unit.seq));
                    false
                }
            };
            if is_retried {
                retried.push(unit);
            }
        }
        if outcomes.len() > 0 {
            // Surplus outcomes contain values of the store, which must not be dropped under the
            // lock.
            Deferred::Value(Box::new(outcomes.collect::<Vec<CommitOutcome>>())).defer();
        }
        for unit in self.queue.cascade_abort(&mut aborted) {
            self.abort(&unit);
            retried.push(unit);
        }
        for unit in &retried {
            for predecessor in unit.depends_on.iter().filter_map(|on| aborted.get(on)) {
                self.run_after(unit.seq, *predecessor);
            }
        }
        for unit in retried {
            self.acquire_locks(unit.seq);
        }
        self.return_expiring_leases();
    }

    /// Aborts a unit by removing its versions.
    fn abort(&mut self, unit: &AdmittedUnit) {
        for write in &unit.writes {
            self.versions.abort(unit.number, &write.aggregate_id);
        }
        if let Some(command) = self.commands.get_mut(&unit.seq) {
            command.is_decided = false;
        }
    }

    /// Decides a command again, in its previous position.
    pub(crate) fn resume(&mut self, seq: CommandSeq) {
        self.acquire_locks(seq);
    }

    /// Removes a command that holds no lock, and returns its data.
    pub(crate) fn finish(&mut self, seq: CommandSeq) -> Option<J> {
        let command = self.commands.remove(&seq)?;
        assert_eq!(command.held_count, 0, "a command that ends holds no lock");
        self.resume_successors(command.successors);
        Some(command.job)
    }

    /// Returns true if every accepted command is answered.
    pub(crate) fn is_idle(&self) -> bool {
        self.commands.is_empty()
    }

    /// Returns the number of units that wait for the store.
    pub(crate) fn queue_depth(&self) -> usize {
        self.queue.len()
    }

    /// Ends a command, whose answer is then due.
    pub(crate) fn end(&mut self, seq: CommandSeq, resolution: Resolution) {
        let successors = self.set_decided(seq);
        self.effects.push_back(Effect::Answer(seq, resolution));
        self.resume_successors(successors);
    }

    /// Marks a command as decided, and returns the commands that are decided after it.
    fn set_decided(&mut self, seq: CommandSeq) -> Vec<CommandSeq> {
        let Some(command) = self.commands.get_mut(&seq) else { return Vec::new() };
        command.is_decided = true;
        std::mem::take(&mut command.successors)
    }

    /// Schedules another attempt of a command with a version conflict. Returns false if the
    /// conflict has ended the command.
    fn retry_after_conflict(&mut self, seq: CommandSeq, aggregate_id: AggregateId) -> bool {
        let Some(command) = self.commands.get_mut(&seq) else { return false };
        command.conflict_count += 1;
        let count = command.conflict_count;
        let is_retried = count < self.limits.max_attempts;
        command.backs_off = is_retried && count >= BACK_OFF_FROM_CONFLICT;
        let is_hot = self.versions.aborted_units(&aggregate_id) >= HOT_ABORTED_UNITS;
        let required_from =
            if is_hot { HOT_LEASE_FROM_CONFLICT } else { self.limits.lease_from_conflict };
        if !is_retried {
            self.end(seq, Resolution::Conflict(aggregate_id, count));
        } else if count >= required_from && !command.contended.contains(&aggregate_id) {
            command.contended.push(aggregate_id);
        }
        is_retried
    }
}
