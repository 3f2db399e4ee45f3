//! The scheduling of decisions: when a command is decided, and which commands wait for it.
//!
//! Deadlock freedom: a command waits only for older commands, or for one that is being decided or
//! backs off, which finishes without further waits. A waiting command yields its locks to an older
//! one. So the wait-for graph is acyclic.

use super::CommandSeq;
use super::effect::Effect;
use super::scheduler::{Command, Decision, Scheduler};
use fluvius_store::AggregateId;

/// Number of lost admissions after which a command acquires the locks of all its aggregates.
const MAX_LOST_ADMISSIONS: u32 = 3;

impl<J> Command<J> {
    /// Returns true if it waits for locks or for older commands.
    pub(super) fn is_waiting(&self) -> bool {
        self.held_count < self.wanted.len() || self.predecessor_count > 0
    }
}

impl<J> Scheduler<J> {
    /// Makes a command wait until an older one is decided again.
    pub(super) fn run_after(&mut self, seq: CommandSeq, predecessor: CommandSeq) {
        // Only a younger command waits for an older one, so the wait-for graph stays acyclic.
        let older = self.commands.get_mut(&predecessor).filter(|_| predecessor < seq);
        let Some(older) = older else { return };
        if older.is_decided || older.successors.contains(&seq) {
            return;
        }
        older.successors.push(seq);
        if let Some(command) = self.commands.get_mut(&seq) {
            command.predecessor_count += 1;
        }
    }

    /// Returns the previous command of a stream if it is still to be decided.
    fn undecided_predecessor(&self, previous: Option<CommandSeq>) -> Option<CommandSeq> {
        previous.filter(|previous| self.commands.get(previous).is_some_and(|one| !one.is_decided))
    }

    /// Resumes the commands that waited for one that is now admitted or has ended.
    pub(super) fn resume_successors(&mut self, successors: Vec<CommandSeq>) {
        for successor in successors {
            let Some(command) = self.commands.get_mut(&successor) else { continue };
            command.predecessor_count -= 1;
            if command.predecessor_count == 0 {
                self.acquire_locks(successor);
            }
        }
    }

    /// Decides a command again, because another command has replaced a version that it has read.
    pub(super) fn on_admission_lost(&mut self, seq: CommandSeq, decision: &Decision) {
        let reads = decision.reads.iter().filter(|read| !read.is_durable());
        for predecessor in reads.filter_map(|read| read.seq()) {
            self.run_after(seq, predecessor);
        }
        let Some(command) = self.commands.get_mut(&seq) else { return };
        command.lost_count += 1;
        let is_waiting = command.is_waiting();
        if command.lost_count >= MAX_LOST_ADMISSIONS {
            return self.acquire_all_locks(seq, decision);
        }
        if is_waiting {
            // Resumes the commands that it has excluded.
            self.release_locks(seq);
        }
        self.acquire_locks(seq);
    }

    /// Makes a command wait until an exclusive command is admitted. It holds no lock in the
    /// meantime, so that other commands on its own aggregate continue.
    pub(super) fn on_excluded(
        &mut self,
        seq: CommandSeq,
        aggregate_id: &AggregateId,
        decision: &Decision,
    ) {
        let Some(command) = self.commands.get_mut(&seq) else { return };
        command.lost_count += 1;
        if command.lost_count >= MAX_LOST_ADMISSIONS {
            return self.acquire_all_locks(seq, decision);
        }
        self.release_locks(seq);
        if !self.locks.wait_until_unlocked(aggregate_id, seq) {
            self.acquire_locks(seq);
        }
    }

    /// Returns true if another command holds an aggregate exclusively. An exclusive command that
    /// waits does not exclude older commands.
    pub(super) fn is_excluded(&self, seq: CommandSeq, aggregate_id: &AggregateId) -> bool {
        let Some(holder) = self.locks.holder(aggregate_id).filter(|holder| *holder != seq) else {
            return false;
        };
        let yields = |command: &Command<J>| seq < holder && command.is_waiting();
        let command = self.commands.get(&holder);
        command.is_some_and(|command| command.is_exclusive && !yields(command))
    }

    /// Makes a command exclusive. It releases its locks, and acquires those of all aggregates of
    /// its last attempt in the order of the aggregates. If it already holds all of them, it keeps
    /// them.
    fn acquire_all_locks(&mut self, seq: CommandSeq, decision: &Decision) {
        #[cfg(feature = "__test_seams")]
        if self.limits.has(crate::mutants::Mutant::WaitWhileHolding) {
            return self.wait_while_holding(seq, decision);
        }
        let Some(command) = self.commands.get_mut(&seq) else { return };
        command.is_exclusive = true;
        let held = &command.wanted[..command.held_count];
        let has_all = decision.reads.iter().all(|read| held.contains(&read.aggregate_id));
        if has_all && !command.is_waiting() {
            return self.acquire_locks(seq);
        }
        self.release_locks(seq);
        let Some(command) = self.commands.get_mut(&seq) else { return };
        command.wanted.extend(decision.reads.iter().map(|read| read.aggregate_id.clone()));
        command.wanted.sort_unstable();
        command.wanted.dedup();
        self.acquire_locks(seq);
    }

    /// Returns true if an older command waits for a lock that this one holds.
    fn is_awaited_by_older(&self, seq: CommandSeq, command: &Command<J>) -> bool {
        let mut held = command.wanted[..command.held_count].iter();
        held.any(|aggregate_id| self.locks.has_older_waiter(aggregate_id, seq))
    }

    /// Returns true if an older command must be decided before this one.
    pub(super) fn must_yield(&self, seq: CommandSeq) -> bool {
        let Some(command) = self.commands.get(&seq) else { return false };
        self.is_awaited_by_older(seq, command)
            || self.undecided_predecessor(command.previous).is_some()
    }

    #[cfg(feature = "__test_seams")]
    fn wait_while_holding(&mut self, seq: CommandSeq, decision: &Decision) {
        let Some(command) = self.commands.get_mut(&seq) else { return };
        command.is_exclusive = true;
        for read in &decision.reads {
            if !command.wanted.contains(&read.aggregate_id) {
                command.wanted.push(read.aggregate_id.clone());
            }
        }
        self.acquire_locks(seq);
    }

    /// Acquires the wanted locks in the order of the aggregates, as far as they are free. The
    /// command is decided once it has all locks and leases and no predecessor is left.
    pub(super) fn acquire_locks(&mut self, seq: CommandSeq) {
        let Some(command) = self.commands.get_mut(&seq) else { return };
        while let Some(aggregate_id) = command.wanted.get(command.held_count) {
            if let Err(holder) = self.locks.lock(aggregate_id, seq) {
                self.release_leases(seq);
                self.preempt(holder, seq);
                return;
            }
            command.held_count += 1;
        }
        if command.predecessor_count > 0 {
            return self.release_leases(seq);
        }
        let previous = command.previous;
        if let Some(predecessor) = self.undecided_predecessor(previous) {
            self.release_leases(seq);
            return self.run_after(seq, predecessor);
        }
        if !self.acquire_leases(seq) {
            return;
        }
        let Some(command) = self.commands.get_mut(&seq) else { return };
        let backs_off = std::mem::take(&mut command.backs_off) && command.leased.is_empty();
        match backs_off {
            true => self.effects.push_back(Effect::BackOff(seq, command.conflict_count)),
            false => self.undecided.push_back(seq),
        }
    }

    /// Preempts a waiting holder: it yields its locks to an older command, and queues for them
    /// again.
    fn preempt(&mut self, holder: CommandSeq, older: CommandSeq) {
        #[cfg(feature = "__test_seams")]
        if self.limits.has(crate::mutants::Mutant::WaitWhileHolding) {
            return;
        }
        let Some(command) = self.commands.get(&holder) else { return };
        if holder < older || !command.is_waiting() {
            return;
        }
        if let Some(aggregate_id) = command.wanted.get(command.held_count) {
            self.locks.cancel(aggregate_id, holder);
        }
        self.release_locks(holder);
        self.acquire_locks(holder);
    }

    /// Releases the locks and leases of a command. It still wants the locks, since it may be
    /// decided again.
    pub(super) fn release_locks(&mut self, seq: CommandSeq) {
        self.release_leases(seq);
        let Some(command) = self.commands.get_mut(&seq) else { return };
        let held = std::mem::take(&mut command.held_count);
        let mut granted: Vec<CommandSeq> = Vec::new();
        let mut resumed: Vec<CommandSeq> = Vec::new();
        for aggregate_id in &command.wanted[..held] {
            let unlocked = self.locks.unlock(aggregate_id, seq);
            granted.extend(unlocked.next);
            resumed.extend(unlocked.next);
            resumed.extend(unlocked.unblocked);
        }
        for next in granted {
            // The granted lock is the one that the command waited for.
            if let Some(command) = self.commands.get_mut(&next) {
                command.held_count += 1;
            }
        }
        for next in resumed {
            self.acquire_locks(next);
        }
    }
}
