//! The state of the sequencer, and its steps.

use std::collections::VecDeque;
use std::sync::Arc;

use super::across::Across;
use super::heads::Heads;
use super::queue::{Admitted, Batch, Queue};
use super::turns::Turns;
use super::{Ticket, UnitNumber};
use crate::few::Few;
use crate::hash::Map;
use crate::processor::Head;
use crate::root::AggregateRoot;
use crate::store::{Fate, StoreError, StoreTurn};
use crate::unit_of_work::UnitOfWork;
use crate::unwind::Deferred;

/// From which of its conflicts on a command waits for the turn across processes.
const TURN_FROM_CONFLICT: u32 = 2;

/// The bounds of a sequencer.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Units in one batch.
    pub(crate) batch_unit_count_max: usize,
    /// Bytes in one batch, by estimate.
    pub(crate) batch_bytes_max: usize,
    /// Bytes of heads at rest, by estimate.
    pub(crate) cache_bytes_max: usize,
    /// How often a command is decided again because the store held other versions.
    pub(crate) conflict_count_max: u32,
    #[cfg(feature = "testing")]
    pub(crate) planted: Option<crate::testing::Planted>,
}

impl Limits {
    /// Whether a test has planted this fault.
    #[cfg(feature = "testing")]
    pub(crate) fn has(&self, planted: crate::testing::Planted) -> bool {
        self.planted == Some(planted)
    }
}

/// What whoever drives the sequencer is to do next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Decide the command on the newest heads, and come back with [`Sequencer::decided`].
    Decide(Ticket),
    /// Commit the batch, and come back with [`Sequencer::landed`].
    Commit(Batch),
    /// The command has ended. For the sequencer it exists no longer.
    Answer(Ticket, Settled),
    /// Wait a little, longer each time, and come back with [`Sequencer::resume`]. The command has
    /// its turns: those that were accepted after it do not pass it meanwhile.
    BackOff(Ticket, u32),
    /// The store does not know whether the command's unit stands: find out by its identifier,
    /// and come back with [`Sequencer::resume`] or [`Sequencer::finish`].
    Settle(Ticket),
    /// Wait for the root's turn across processes, load the root, and come back with
    /// [`Sequencer::turn_taken`].
    TakeTurn(AggregateRoot),
    /// Wait until a turn that this process has is looked at, and come back with
    /// [`Sequencer::look_at_turn`].
    KeepTurn(AggregateRoot),
    /// Give the turn back.
    GiveBackTurn(StoreTurn),
}

/// How a command has ended.
#[derive(Debug)]
pub(crate) enum Settled {
    /// Its last decision stands.
    Stands,
    /// An identifier of its unit is in the log.
    Known,
    /// Others kept changing its roots.
    Conflict(AggregateRoot, u32),
    /// The store has failed.
    Failed(StoreError),
}

/// What deciding a command has given.
#[derive(Debug)]
pub(crate) struct Decision {
    /// The heads that it was decided on.
    pub(crate) reads: Few<Arc<Head>>,
    /// The new heads, one a root.
    pub(crate) writes: Few<Arc<Head>>,
    /// What is to be stored, or only checked.
    pub(crate) unit: UnitOfWork,
}

/// The order in which commands are decided, admitted and committed. `J` is what the driver
/// wants kept with a command.
#[derive(Debug)]
pub(crate) struct Sequencer<J> {
    pub(crate) heads: Heads,
    pub(super) turns: Turns,
    pub(super) across: Across,
    queue: Queue,
    pub(super) commands: Map<Ticket, Command<J>>,
    /// Pending effects, oldest first, except decisions and commits.
    pub(super) steps: VecDeque<Step>,
    /// Commands to decide, oldest first.
    pub(super) undecided: VecDeque<Ticket>,
    pub(super) limits: Limits,
    next_ticket: Ticket,
    next_unit: UnitNumber,
}

#[derive(Debug)]
pub(super) struct Command<J> {
    job: J,
    /// The turns that it takes before it is decided, in this order: that of the roots.
    pub(super) wanted: Few<AggregateRoot>,
    /// How many of them it holds, from the first.
    pub(super) held_count: usize,
    /// Whether nobody else is admitted on the roots whose turns it holds.
    pub(super) is_alone: bool,
    /// The command that it is not decided before: that before it in a stream.
    pub(super) after: Option<Ticket>,
    pub(super) lost_count: u32,
    pub(super) conflict_count: u32,
    /// Whether it waits a little, with its turns, before it is decided.
    pub(super) backs_off: bool,
    /// The roots on which it does without no turn across processes.
    pub(super) contested: Few<AggregateRoot>,
    /// Those of its roots whose turn across processes is kept until it gives its turns back.
    pub(super) kept: Few<AggregateRoot>,
    /// Whether nothing is to be decided of it: it is admitted, or has ended.
    pub(super) is_decided: bool,
    /// How many older commands, on whose fallen units it stood, are to be decided before it.
    pub(super) base_count: usize,
    /// The younger commands that stood on its fallen unit, and are decided after it.
    pub(super) dependents: Vec<Ticket>,
}

impl<J> Sequencer<J> {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            heads: Heads::new(limits.cache_bytes_max),
            turns: Turns::default(),
            across: Across::default(),
            queue: Queue::new(limits.batch_unit_count_max, limits.batch_bytes_max),
            commands: Map::default(),
            steps: VecDeque::new(),
            undecided: VecDeque::new(),
            limits: limits.clone(),
            next_ticket: 0,
            next_unit: 0,
        }
    }

    /// Accepts a command of one root, or a group of several; in a stream it comes after the one
    /// before it.
    pub(crate) fn accept(
        &mut self,
        mut roots: Few<AggregateRoot>,
        job: J,
        after: Option<Ticket>,
    ) -> Ticket {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        roots.sort_unstable();
        roots.dedup();
        let command = Command {
            job,
            is_alone: roots.len() > 1,
            wanted: roots,
            held_count: 0,
            after,
            lost_count: 0,
            conflict_count: 0,
            backs_off: false,
            contested: Few::new(),
            kept: Few::new(),
            is_decided: false,
            base_count: 0,
            dependents: Vec::new(),
        };
        self.commands.insert(ticket, command);
        self.take_turns(ticket);
        ticket
    }

    /// What the driver keeps with a command.
    pub(crate) fn job(&mut self, ticket: Ticket) -> Option<&mut J> {
        self.commands.get_mut(&ticket).map(|command| &mut command.job)
    }

    /// Admission: if all heads that the decision has read are still the newest, its own are put
    /// in place for all its roots together, and its unit goes to the store's queue. Says whether
    /// it was admitted.
    pub(crate) fn decided(&mut self, ticket: Ticket, decision: Decision) -> bool {
        if self.gives_way(ticket) {
            self.give_back_turns(ticket);
            self.take_turns(ticket);
            return false;
        }
        if !decision.reads.iter().all(|read| self.heads.is_newest(read)) {
            self.lost(ticket, &decision);
            return false;
        }
        if let Some(head) =
            decision.writes.iter().find(|head| self.is_closed_to(ticket, &head.root))
        {
            let root = head.root.clone();
            self.blocked(ticket, &root, &decision);
            return false;
        }
        if let Some(root) = self.is_closed_across(ticket, &decision) {
            self.wait_across(ticket, root);
            return false;
        }
        let mut depends_on: Vec<UnitNumber> =
            decision.reads.iter().filter_map(|read| self.heads.awaited(read)).collect();
        depends_on.sort_unstable();
        depends_on.dedup();
        #[cfg(feature = "testing")]
        if self.limits.has(crate::testing::Planted::ForgetDependents) {
            depends_on.clear();
        }
        let number = self.next_unit;
        self.next_unit += 1;
        for head in &decision.writes {
            self.heads.put(number, ticket, head);
        }
        let admitted = Admitted { number, ticket, depends_on, writes: decision.writes };
        self.queue.push(admitted, decision.unit);
        let dependents = self.set_decided(ticket);
        self.give_back_turns(ticket);
        self.go_on_with(dependents);
        true
    }

    /// What is to be done next. Whoever has told the sequencer something takes steps until there
    /// are none; who takes which does not matter.
    ///
    /// Decisions come after all effects that end a command, which waits for nothing. A commit comes
    /// last, so that it takes along the units decided before it.
    pub(crate) fn next_step(&mut self) -> Option<Step> {
        let step = self.steps.pop_front();
        let step = step.or_else(|| self.undecided.pop_front().map(Step::Decide));
        step.or_else(|| self.queue.next_batch().map(Step::Commit))
    }

    /// Returns the next effect, without decisions: these are left to other tasks, since their code
    /// is slow.
    pub(crate) fn next_step_but_decide(&mut self) -> Option<Step> {
        self.steps.pop_front().or_else(|| self.queue.next_batch().map(Step::Commit))
    }

    /// Whether there is a step to be taken.
    pub(crate) fn has_step(&self) -> bool {
        !self.steps.is_empty() || !self.undecided.is_empty() || self.queue.has_next_batch()
    }

    /// Gives up every command and every step, and returns for each command whether its unit is at
    /// the store. Units that only wait for the store are never handed to it.
    pub(crate) fn abandon(&mut self) -> Vec<(J, bool)> {
        let at_the_store = self.queue.abandon();
        self.undecided.clear();
        let steps = std::mem::take(&mut self.steps);
        let turns = self.across.abandon();
        Deferred::Value(Box::new((steps, turns))).defer();
        let commands = self.commands.drain();
        commands.map(|(ticket, command)| (command.job, at_the_store.contains(&ticket))).collect()
    }

    /// What became of the batch that was under way. Without fates for all its units, those
    /// without one have failed.
    pub(crate) fn landed(&mut self, fates: Vec<Fate>) {
        let mut fallen: Map<UnitNumber, Ticket> = Map::default();
        let mut again: Vec<Admitted> = Vec::new();
        let mut fates = fates.into_iter();
        for unit in self.queue.landed() {
            let fate = fates.next().unwrap_or_else(|| {
                Fate::Failed(StoreError::permanent("the store gave no fate for a unit of work"))
            });
            let is_broken = matches!(fate, Fate::Committed { .. })
                && unit.depends_on.iter().any(|on| fallen.contains_key(on));
            if is_broken {
                // The store breaks its contract: its log settles the outcome.
                let report = || {
                    tracing::error!("the store has committed a unit, but not what it depends on")
                };
                Deferred::Call(Box::new(report)).defer();
            }
            let fate = if is_broken { Fate::Unknown } else { fate };
            if let Fate::Committed { contested, .. } = fate {
                for head in &unit.writes {
                    self.heads.stand(unit.number, head);
                }
                for root in contested {
                    self.take_turn_across(root, Vec::new());
                }
                self.end(unit.ticket, Settled::Stands);
                continue;
            }
            fallen.insert(unit.number, unit.ticket);
            self.take_back(&unit);
            let goes_on = match fate {
                Fate::Committed { .. } | Fate::Fell { .. } => true,
                Fate::Stale { root, stored } => {
                    self.heads.correct(&root, stored.map(|stored| *stored));
                    self.goes_on_after_conflict(unit.ticket, root)
                }
                Fate::Known { .. } => {
                    self.end(unit.ticket, Settled::Known);
                    false
                }
                Fate::Failed(error) => {
                    self.end(unit.ticket, Settled::Failed(error));
                    false
                }
                Fate::Unknown => {
                    // The store went away: what it holds when it comes back is not known.
                    self.heads.forget_stored();
                    self.steps.push_back(Step::Settle(unit.ticket));
                    false
                }
            };
            if goes_on {
                again.push(unit);
            }
        }
        if fates.len() > 0 {
            // More fates than units: their values are the store's, and are not dropped under the
            // lock.
            Deferred::Value(Box::new(fates.collect::<Vec<Fate>>())).defer();
        }
        for unit in self.queue.take_back(&mut fallen) {
            self.take_back(&unit);
            again.push(unit);
        }
        for unit in &again {
            for base in unit.depends_on.iter().filter_map(|on| fallen.get(on)) {
                self.wait_for(unit.ticket, *base);
            }
        }
        for unit in again {
            self.take_turns(unit.ticket);
        }
        self.give_back_turns_across();
    }

    /// A unit has fallen: its heads go.
    fn take_back(&mut self, unit: &Admitted) {
        for head in &unit.writes {
            self.heads.fall(unit.number, &head.root);
        }
        if let Some(command) = self.commands.get_mut(&unit.ticket) {
            command.is_decided = false;
        }
    }

    /// Decides a command again, in its old place.
    pub(crate) fn resume(&mut self, ticket: Ticket) {
        self.take_turns(ticket);
    }

    /// Ends a command that holds no turn, and gives back what was kept with it.
    pub(crate) fn finish(&mut self, ticket: Ticket) -> Option<J> {
        let command = self.commands.remove(&ticket)?;
        assert_eq!(command.held_count, 0, "a command that ends holds no turn");
        self.go_on_with(command.dependents);
        Some(command.job)
    }

    /// Whether every command that was accepted is answered.
    pub(crate) fn is_idle(&self) -> bool {
        self.commands.is_empty()
    }

    /// How many units of work wait for the store.
    pub(crate) fn queue_depth(&self) -> usize {
        self.queue.len()
    }

    /// The command has ended otherwise than by a fate: its answer is due.
    pub(crate) fn end(&mut self, ticket: Ticket, settled: Settled) {
        let dependents = self.set_decided(ticket);
        self.steps.push_back(Step::Answer(ticket, settled));
        self.go_on_with(dependents);
    }

    /// Nothing is to be decided of a command any more; those that are decided after it.
    fn set_decided(&mut self, ticket: Ticket) -> Vec<Ticket> {
        let Some(command) = self.commands.get_mut(&ticket) else { return Vec::new() };
        command.is_decided = true;
        std::mem::take(&mut command.dependents)
    }

    /// Whether a command that others have made stale is decided again: after a little while.
    fn goes_on_after_conflict(&mut self, ticket: Ticket, root: AggregateRoot) -> bool {
        let Some(command) = self.commands.get_mut(&ticket) else { return false };
        command.conflict_count += 1;
        let count = command.conflict_count;
        command.backs_off = count < self.limits.conflict_count_max;
        let goes_on = command.backs_off;
        if !goes_on {
            self.end(ticket, Settled::Conflict(root, count));
        } else if count >= TURN_FROM_CONFLICT && !command.contested.contains(&root) {
            command.contested.push(root);
        }
        goes_on
    }
}
