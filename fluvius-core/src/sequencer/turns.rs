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
    /// Those that do not want this turn, but wait until it is given back.
    blocked: Vec<Ticket>,
}

/// What giving a turn back has come to.
#[derive(Debug, Default)]
pub(crate) struct GivenBack {
    /// Who has the turn now.
    pub(crate) next: Option<Ticket>,
    /// Who waited for this alone, and waits no longer.
    pub(crate) unblocked: Vec<Ticket>,
}

impl Turns {
    /// Takes the turn of a root.
    ///
    /// # Errors
    /// Who has it, if that is somebody else; the command has then a place in its queue.
    pub(crate) fn take(&mut self, root: &AggregateRoot, ticket: Ticket) -> Result<(), Ticket> {
        match self.roots.get_mut(root) {
            Some(turn) if turn.holder == ticket => Ok(()),
            Some(turn) => {
                turn.waiting.insert(ticket);
                Err(turn.holder)
            }
            None => {
                let turn = Turn { holder: ticket, waiting: BTreeSet::new(), blocked: Vec::new() };
                self.roots.insert(root.clone(), turn);
                Ok(())
            }
        }
    }

    /// Gives up a place in the queue for a turn.
    pub(crate) fn leave(&mut self, root: &AggregateRoot, ticket: Ticket) {
        if let Some(turn) = self.roots.get_mut(root) {
            turn.waiting.remove(&ticket);
        }
    }

    /// Waits until the turn of a root is given back, without a place in its queue. Says whether
    /// there is anything to wait for.
    pub(crate) fn wait_until_given_back(&mut self, root: &AggregateRoot, ticket: Ticket) -> bool {
        match self.roots.get_mut(root) {
            Some(turn) => {
                turn.blocked.push(ticket);
                true
            }
            None => false,
        }
    }

    /// Gives a turn back to the oldest of those who wait for it.
    pub(crate) fn give_back(&mut self, root: &AggregateRoot, ticket: Ticket) -> GivenBack {
        let Some(turn) = self.roots.get_mut(root) else { return GivenBack::default() };
        assert_eq!(turn.holder, ticket, "only its holder gives a turn back");
        let unblocked = std::mem::take(&mut turn.blocked);
        let next = turn.waiting.pop_first();
        match next {
            Some(next) => turn.holder = next,
            None => drop(self.roots.remove(root)),
        }
        GivenBack { next, unblocked }
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
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_turn_goes_to_the_oldest_and_nothing_is_kept_of_a_root_at_rest() {
        let mut turns = Turns::default();
        let root = AggregateRoot::new("thing", Uuid::nil());
        assert_eq!(turns.take(&root, 5), Ok(()));
        for ticket in [9, 6, 7] {
            assert_eq!(turns.take(&root, ticket), Err(5));
        }
        turns.leave(&root, 6);
        assert!(turns.wait_until_given_back(&root, 1));
        assert!(turns.is_awaited_by_older(&root, 8) && !turns.is_awaited_by_older(&root, 7));
        let given_back = turns.give_back(&root, 5);
        assert_eq!((given_back.next, given_back.unblocked), (Some(7), vec![1]));
        assert_eq!(turns.give_back(&root, 7).next, Some(9));
        assert_eq!(turns.give_back(&root, 9).next, None);
        assert!(turns.roots.is_empty());
        assert!(!turns.wait_until_given_back(&root, 1));
    }
}
