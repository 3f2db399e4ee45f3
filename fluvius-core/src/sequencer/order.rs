//! Who is decided when: turns, and who comes after whom.
//!
//! Who waits, waits for older commands, or for one that is being decided or backs off, which
//! ends by itself: one that waits itself gives way to older ones. So nobody ever waits for
//! himself.

use super::Ticket;
use super::state::{Command, Decision, Sequencer, Step};
use crate::root::AggregateRoot;

/// How often a command loses admission before it takes the turns of all its roots.
const LOST_COUNT_MAX: u32 = 3;

impl<J> Command<J> {
    /// Whether it waits for turns, or for older commands.
    pub(super) fn is_waiting(&self) -> bool {
        self.held_count < self.wanted.len() || self.base_count > 0
    }
}

impl<J> Sequencer<J> {
    /// A command is decided after an older one that is to be decided again.
    pub(super) fn wait_for(&mut self, ticket: Ticket, base: Ticket) {
        // An older one does not wait for a younger: somebody would wait for himself.
        let Some(older) = self.commands.get_mut(&base).filter(|_| base < ticket) else { return };
        if older.is_decided || older.dependents.contains(&ticket) {
            return;
        }
        older.dependents.push(ticket);
        if let Some(command) = self.commands.get_mut(&ticket) {
            command.base_count += 1;
        }
    }

    /// The command before another one in its stream, where that is to be decided again.
    fn undecided(&self, before: Option<Ticket>) -> Option<Ticket> {
        before.filter(|before| self.commands.get(before).is_some_and(|one| !one.is_decided))
    }

    /// A command is admitted, or has ended: those that stood on it are decided.
    pub(super) fn go_on_with(&mut self, dependents: Vec<Ticket>) {
        for dependent in dependents {
            let Some(command) = self.commands.get_mut(&dependent) else { continue };
            command.base_count -= 1;
            if command.base_count == 0 {
                self.take_turns(dependent);
            }
        }
    }

    /// Another command has changed what this one was decided on.
    pub(super) fn lost(&mut self, ticket: Ticket, decision: &Decision) {
        let bases = decision.reads.iter().filter(|read| !read.is_durable());
        for base in bases.filter_map(|read| read.ticket()) {
            self.wait_for(ticket, base);
        }
        let Some(command) = self.commands.get_mut(&ticket) else { return };
        command.lost_count += 1;
        let is_waiting = command.is_waiting();
        if command.lost_count >= LOST_COUNT_MAX {
            return self.take_all_turns(ticket, decision);
        }
        if is_waiting {
            // Those that it kept out go on.
            self.give_back_turns(ticket);
        }
        self.take_turns(ticket);
    }

    /// Another command has a root for itself: this one waits until that is admitted, and holds
    /// no turn meanwhile, so that its own root goes on.
    pub(super) fn blocked(&mut self, ticket: Ticket, root: &AggregateRoot, decision: &Decision) {
        let Some(command) = self.commands.get_mut(&ticket) else { return };
        command.lost_count += 1;
        if command.lost_count >= LOST_COUNT_MAX {
            return self.take_all_turns(ticket, decision);
        }
        self.give_back_turns(ticket);
        if !self.turns.wait_until_given_back(root, ticket) {
            self.take_turns(ticket);
        }
    }

    /// Whether another command has a root for itself. One that waits keeps no older one out.
    pub(super) fn is_closed_to(&self, ticket: Ticket, root: &AggregateRoot) -> bool {
        let Some(holder) = self.turns.holder(root).filter(|holder| *holder != ticket) else {
            return false;
        };
        let gives_way = |command: &Command<J>| ticket < holder && command.is_waiting();
        let command = self.commands.get(&holder);
        command.is_some_and(|command| command.is_alone && !gives_way(command))
    }

    /// Gives up the turns that a command has, and queues for those of all its roots, in their
    /// order. One that has them all goes on with them.
    fn take_all_turns(&mut self, ticket: Ticket, decision: &Decision) {
        #[cfg(feature = "testing")]
        if self.limits.has(crate::testing::Planted::WaitWhileHolding) {
            return self.wait_while_holding(ticket, decision);
        }
        let Some(command) = self.commands.get_mut(&ticket) else { return };
        command.is_alone = true;
        let held = &command.wanted[..command.held_count];
        let has_all = decision.reads.iter().all(|read| held.contains(&read.root));
        if has_all && !command.is_waiting() {
            return self.take_turns(ticket);
        }
        self.give_back_turns(ticket);
        let Some(command) = self.commands.get_mut(&ticket) else { return };
        command.wanted.extend(decision.reads.iter().map(|read| read.root.clone()));
        command.wanted.sort_unstable();
        command.wanted.dedup();
        self.take_turns(ticket);
    }

    /// Whether a command that was accepted earlier waits for a turn that this one holds.
    fn is_awaited_by_older(&self, ticket: Ticket, command: &Command<J>) -> bool {
        let mut held = command.wanted[..command.held_count].iter();
        held.any(|root| self.turns.is_awaited_by_older(root, ticket))
    }

    /// Whether commands that were taken back, and go before this one, are still to be decided.
    pub(super) fn gives_way(&self, ticket: Ticket) -> bool {
        let Some(command) = self.commands.get(&ticket) else { return false };
        self.is_awaited_by_older(ticket, command) || self.undecided(command.after).is_some()
    }

    #[cfg(feature = "testing")]
    fn wait_while_holding(&mut self, ticket: Ticket, decision: &Decision) {
        let Some(command) = self.commands.get_mut(&ticket) else { return };
        command.is_alone = true;
        for read in &decision.reads {
            if !command.wanted.contains(&read.root) {
                command.wanted.push(read.root.clone());
            }
        }
        self.take_turns(ticket);
    }

    /// Takes the wanted turns in the order of the roots, as far as they are free; with all of
    /// them, and with nobody left who is to be decided before it, the command is decided.
    ///
    /// Who waits, waits for older commands, or for one that is being decided: one that waits
    /// itself gives way to older ones. So nobody ever waits for himself.
    pub(super) fn take_turns(&mut self, ticket: Ticket) {
        let Some(command) = self.commands.get_mut(&ticket) else { return };
        while let Some(root) = command.wanted.get(command.held_count) {
            if let Err(holder) = self.turns.take(root, ticket) {
                self.let_go_across(ticket);
                self.make_way(holder, ticket);
                return;
            }
            command.held_count += 1;
        }
        if command.base_count > 0 {
            return self.let_go_across(ticket);
        }
        let after = command.after;
        if let Some(base) = self.undecided(after) {
            self.let_go_across(ticket);
            return self.wait_for(ticket, base);
        }
        if !self.has_turns_across(ticket) {
            return;
        }
        let Some(command) = self.commands.get_mut(&ticket) else { return };
        let backs_off = std::mem::take(&mut command.backs_off) && command.kept.is_empty();
        match backs_off {
            true => self.steps.push_back(Step::BackOff(ticket, command.conflict_count)),
            false => self.undecided.push_back(ticket),
        }
    }

    /// Who waits gives way to an older command, and queues for its turns anew.
    fn make_way(&mut self, holder: Ticket, older: Ticket) {
        #[cfg(feature = "testing")]
        if self.limits.has(crate::testing::Planted::WaitWhileHolding) {
            return;
        }
        let Some(command) = self.commands.get(&holder) else { return };
        if holder < older || !command.is_waiting() {
            return;
        }
        if let Some(root) = command.wanted.get(command.held_count) {
            self.turns.leave(root, holder);
        }
        self.give_back_turns(holder);
        self.take_turns(holder);
    }

    pub(super) fn give_back_turns(&mut self, ticket: Ticket) {
        self.let_go_across(ticket);
        let Some(command) = self.commands.get_mut(&ticket) else { return };
        // What it wants stays the same: it may have to be decided again.
        let held = std::mem::take(&mut command.held_count);
        let mut given: Vec<Ticket> = Vec::new();
        let mut going_on: Vec<Ticket> = Vec::new();
        for root in &command.wanted[..held] {
            let given_back = self.turns.give_back(root, ticket);
            given.extend(given_back.next);
            going_on.extend(given_back.next);
            going_on.extend(given_back.unblocked);
        }
        for next in given {
            // The turn that it is given is the one that it waited for.
            if let Some(command) = self.commands.get_mut(&next) {
                command.held_count += 1;
            }
        }
        for next in going_on {
            self.take_turns(next);
        }
    }
}
