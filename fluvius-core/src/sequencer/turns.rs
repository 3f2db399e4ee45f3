//! Turns: whose command is decided on a root, and who waits for it, the oldest first.

use std::collections::BTreeSet;

use super::Ticket;
use crate::hash::Map;
use crate::root::AggregateRoot;

/// The turns of the roots in work.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    roots: Map<AggregateRoot, Turn>,
}

#[derive(Debug)]
struct Turn {
    holder: Ticket,
    waiting: BTreeSet<Ticket>,
}

impl Turns {
    /// Takes the turn of a root, or a place in its queue. Says whether it was taken.
    pub(crate) fn take(&mut self, root: &AggregateRoot, ticket: Ticket) -> bool {
        match self.roots.get_mut(root) {
            Some(turn) if turn.holder == ticket => true,
            Some(turn) => {
                turn.waiting.insert(ticket);
                false
            }
            None => {
                let turn = Turn { holder: ticket, waiting: BTreeSet::new() };
                self.roots.insert(root.clone(), turn);
                true
            }
        }
    }

    /// Gives a turn back, and says who has it now.
    pub(crate) fn give_back(&mut self, root: &AggregateRoot, ticket: Ticket) -> Option<Ticket> {
        let turn = self.roots.get_mut(root)?;
        assert_eq!(turn.holder, ticket, "only its holder gives a turn back");
        match turn.waiting.pop_first() {
            Some(next) => {
                turn.holder = next;
                Some(next)
            }
            None => {
                self.roots.remove(root);
                None
            }
        }
    }

    /// Who has the turn of a root.
    pub(crate) fn holder(&self, root: &AggregateRoot) -> Option<Ticket> {
        self.roots.get(root).map(|turn| turn.holder)
    }

    /// Whether a command that was accepted earlier waits for the turn of a root.
    pub(crate) fn is_awaited_by_older(&self, root: &AggregateRoot, ticket: Ticket) -> bool {
        let waiting = self.roots.get(root).and_then(|turn| turn.waiting.first());
        waiting.is_some_and(|first| *first < ticket)
    }

    /// Whether nobody has or awaits any turn.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }
}
