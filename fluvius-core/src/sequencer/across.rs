//! Turns across processes: of a root that several processes keep changing, one at a time decides.
//!
//! A turn is the store's, and is kept for a while rather than for one command: so all that this
//! process has to do on the root in that while is decided one on the other, as if nobody else were
//! there. When the while is over, nobody new is decided under the turn, and it is given back when
//! what was decided under it has landed. Whoever drives the sequencer looks at it meanwhile: a turn
//! under which there is nothing to do is given back before the while is over.
//!
//! Deadlock freedom: a command that waits for the turn of a root keeps only turns of earlier roots,
//! in the order of the roots. It gives back those of later roots before it waits. In addition, the
//! driver bounds every wait, whatever the store does.

use super::Ticket;
use super::state::{Command, Decision, Sequencer, Step};
use crate::few::Few;
use crate::hash::Map;
use crate::root::AggregateRoot;
use crate::state::StateRecord;
use crate::store::StoreTurn;

/// How often a turn is looked at before its while is over.
const LOOK_COUNT_MAX: u32 = 10;

/// After how many turns before which nobody else had changed the root no further one is taken.
const QUIET_COUNT_MAX: u32 = 2;

/// The roots whose turns across processes this process has, or waits for.
#[derive(Debug, Default)]
pub(crate) struct Across {
    roots: Map<AggregateRoot, Contested>,
}

#[derive(Debug)]
struct Contested {
    stage: Stage,
    /// The commands that wait for it. They have their turns in this process.
    waiting: Vec<Ticket>,
    /// How many commands that are to be decided under it are not admitted yet.
    kept_count: usize,
    /// Before how many turns, one after the other, nobody else had changed the root.
    quiet_count: u32,
}

#[derive(Debug)]
enum Stage {
    /// The store is asked for it.
    Asked,
    /// This process has it, and it was looked at so often.
    Held(StoreTurn, u32),
    /// This process has had it for long enough.
    Up(StoreTurn),
}

impl Across {
    /// Gives up every turn.
    pub(super) fn abandon(&mut self) -> Vec<StoreTurn> {
        let roots = self.roots.drain();
        let turns = roots.filter_map(|(_, contested)| match contested.stage {
            Stage::Held(turn, _) | Stage::Up(turn) => Some(turn),
            Stage::Asked => None,
        });
        turns.collect()
    }
}

impl<J> Sequencer<J> {
    /// Whether a command may be decided: of each of its roots for which turns across processes are
    /// taken, this process has it. Otherwise it waits for the first that this process has not.
    pub(super) fn has_turns_across(&mut self, ticket: Ticket) -> bool {
        let Some(command) = self.commands.get_mut(&ticket) else { return false };
        if self.across.roots.is_empty() && command.contested.is_empty() {
            return true;
        }
        let mut needed: Few<AggregateRoot> = command.wanted.clone();
        needed.extend(command.contested.iter().cloned());
        needed.sort_unstable();
        needed.dedup();
        #[cfg(feature = "testing")]
        if self.limits.has(crate::testing::Planted::TakeTurnsInNoOrder) {
            needed.sort_by_key(|root| command.wanted.contains(root));
        }
        for root in needed {
            if command.kept.contains(&root) {
                continue;
            }
            match self.across.roots.get_mut(&root) {
                Some(contested) if matches!(contested.stage, Stage::Held(..)) => {
                    contested.kept_count += 1;
                    command.kept.push(root);
                }
                Some(contested) => {
                    if !contested.waiting.contains(&ticket) {
                        contested.waiting.push(ticket);
                    }
                    self.let_go_behind(ticket, &root);
                    return false;
                }
                None if command.contested.contains(&root) => {
                    self.take_turn_across(root.clone(), vec![ticket]);
                    self.let_go_behind(ticket, &root);
                    return false;
                }
                None => {}
            }
        }
        true
    }

    /// Asks for the turn of a root, unless this process has it, or has asked. What is decided on the
    /// root from now on is decided under it.
    ///
    /// A process that wins every time meets no conflict: only where it takes turns as well, since
    /// the store says that others do, do these come to anything.
    pub(super) fn take_turn_across(&mut self, root: AggregateRoot, waiting: Vec<Ticket>) {
        if self.across.roots.contains_key(&root) {
            return;
        }
        self.steps.push_back(Step::TakeTurn(root.clone()));
        let contested = Contested { stage: Stage::Asked, waiting, kept_count: 0, quiet_count: 0 };
        self.across.roots.insert(root, contested);
    }

    /// A root that a decision has read, and on which nothing is admitted before the next turn.
    pub(super) fn is_closed_across(
        &self,
        ticket: Ticket,
        decision: &Decision,
    ) -> Option<AggregateRoot> {
        if self.across.roots.is_empty() {
            return None;
        }
        let command = self.commands.get(&ticket)?;
        let is_closed = |root: &AggregateRoot| {
            let contested = self.across.roots.get(root);
            contested.is_some_and(|contested| !matches!(contested.stage, Stage::Held(..)))
                && !command.kept.contains(root)
        };
        decision.reads.iter().map(|read| &read.root).find(|root| is_closed(root)).cloned()
    }

    /// The command is decided again under the next turn.
    pub(super) fn wait_across(&mut self, ticket: Ticket, root: AggregateRoot) {
        self.give_back_turns(ticket);
        if let Some(command) = self.commands.get_mut(&ticket)
            && !command.contested.contains(&root)
        {
            command.contested.push(root);
        }
        self.take_turns(ticket);
    }

    /// What the store says: the turn, and the root's row under it; or that it gives none.
    pub(crate) fn turn_taken(
        &mut self,
        root: &AggregateRoot,
        taken: Option<(StoreTurn, Option<StateRecord>)>,
    ) {
        let Some((turn, stored)) = taken else { return self.go_on_without(root) };
        let is_changed = self.heads.correct(root, stored);
        self.heads.trust(root);
        let Some(contested) = self.across.roots.get_mut(root) else {
            return self.steps.push_back(Step::GiveBackTurn(turn));
        };
        contested.stage = Stage::Held(turn, 0);
        contested.quiet_count = if is_changed { 0 } else { contested.quiet_count + 1 };
        self.steps.push_back(Step::KeepTurn(root.clone()));
        for ticket in std::mem::take(&mut contested.waiting) {
            self.go_on_across(ticket);
        }
    }

    /// A command that may have waited for a turn across processes goes on.
    fn go_on_across(&mut self, ticket: Ticket) {
        // One that has given up its turns meanwhile comes back by itself.
        if self.commands.get(&ticket).is_none_or(Command::is_waiting) {
            return;
        }
        if self.gives_way(ticket) {
            self.give_back_turns(ticket);
        }
        self.take_turns(ticket);
    }

    /// A turn that this process has had for long enough, or has nothing to do under, is up.
    pub(crate) fn look_at_turn(&mut self, root: &AggregateRoot) {
        let Some(contested) = self.across.roots.get_mut(root) else { return };
        let is_idle = contested.kept_count == 0 && !self.heads.is_in_work(root);
        contested.stage = match std::mem::replace(&mut contested.stage, Stage::Asked) {
            Stage::Held(turn, count) if count + 1 < LOOK_COUNT_MAX && !is_idle => {
                self.steps.push_back(Step::KeepTurn(root.clone()));
                Stage::Held(turn, count + 1)
            }
            Stage::Held(turn, _) => Stage::Up(turn),
            other => other,
        };
        self.give_back_turn_across(root);
    }

    /// A command is not to be decided under its turns across processes, or is admitted.
    pub(super) fn let_go_across(&mut self, ticket: Ticket) {
        self.let_go_where(ticket, |_| true);
    }

    /// A command that waits for the turn of a root across processes gives back those of later
    /// roots. It may keep one from an earlier pass: a root enters `across` at any time.
    fn let_go_behind(&mut self, ticket: Ticket, waits_for: &AggregateRoot) {
        #[cfg(feature = "testing")]
        if self.limits.has(crate::testing::Planted::TakeTurnsInNoOrder)
            || self.limits.has(crate::testing::Planted::KeepLaterTurns)
        {
            return;
        }
        self.let_go_where(ticket, |root| root > waits_for);
    }

    fn let_go_where(&mut self, ticket: Ticket, is_let_go: impl Fn(&AggregateRoot) -> bool) {
        let Some(command) = self.commands.get_mut(&ticket) else { return };
        if command.kept.is_empty() {
            return;
        }
        let mut let_go: Few<AggregateRoot> = Few::new();
        command.kept.retain(|root| {
            let is_kept = !is_let_go(root);
            if !is_kept {
                let_go.push(root.clone());
            }
            is_kept
        });
        for root in let_go {
            if let Some(contested) = self.across.roots.get_mut(&root) {
                contested.kept_count -= 1;
            }
            self.give_back_turn_across(&root);
        }
    }

    /// Gives back the turns that are up, as far as nothing stands on them any more.
    pub(super) fn give_back_turns_across(&mut self) {
        let is_up = |contested: &Contested| matches!(contested.stage, Stage::Up(_));
        let contested = self.across.roots.iter();
        let up: Vec<AggregateRoot> = contested
            .filter(|(_, contested)| is_up(contested))
            .map(|(root, _)| root.clone())
            .collect();
        for root in up {
            self.give_back_turn_across(&root);
        }
    }

    fn give_back_turn_across(&mut self, root: &AggregateRoot) {
        let Some(contested) = self.across.roots.get_mut(root) else { return };
        if contested.kept_count > 0 || self.heads.is_in_work(root) {
            return;
        }
        #[cfg(feature = "testing")]
        if self.limits.has(crate::testing::Planted::KeepTurns) {
            return;
        }
        match std::mem::replace(&mut contested.stage, Stage::Asked) {
            Stage::Up(turn) => self.steps.push_back(Step::GiveBackTurn(turn)),
            other => {
                contested.stage = other;
                return;
            }
        }
        if contested.waiting.is_empty() || contested.quiet_count >= QUIET_COUNT_MAX {
            self.go_on_without(root);
        } else {
            self.steps.push_back(Step::TakeTurn(root.clone()));
        }
    }

    /// No turns are taken of a root until commands meet conflicts on it again.
    fn go_on_without(&mut self, root: &AggregateRoot) {
        let Some(contested) = self.across.roots.remove(root) else { return };
        for ticket in contested.waiting {
            if let Some(command) = self.commands.get_mut(&ticket) {
                command.contested.retain(|contested| contested != root);
            }
            self.go_on_across(ticket);
        }
    }
}

#[cfg(feature = "testing")]
impl<J> Sequencer<J> {
    /// Returns the roots of turns across processes, for a test that searches for processes that
    /// wait for each other.
    pub(crate) fn lease_states(&self) -> Vec<crate::testing::LeaseState> {
        let waits_for = |ticket: &Ticket| {
            let waiting = |(_, contested): &(&AggregateRoot, &Contested)| {
                contested.waiting.contains(ticket) && !matches!(contested.stage, Stage::Held(..))
            };
            self.across.roots.iter().find(waiting).map(|(root, _)| root.clone())
        };
        let keepers = |root: &AggregateRoot| {
            let keeping = self.commands.iter().filter(|(_, command)| command.kept.contains(root));
            keeping.map(|(ticket, _)| waits_for(ticket)).collect()
        };
        let state = |(root, contested): (&AggregateRoot, &Contested)| crate::testing::LeaseState {
            aggregate_id: root.clone(),
            is_held: !matches!(contested.stage, Stage::Asked),
            keepers_wait_for: keepers(root),
        };
        self.across.roots.iter().map(state).collect()
    }
}
