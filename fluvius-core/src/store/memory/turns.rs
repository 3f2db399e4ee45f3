//! Whose turn it is on a root, among the runtimes over one content.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError};

use crate::root::AggregateRoot;
use crate::sync::{Mutex, oneshot};

/// The turns that are taken, with those who wait for them, the first first.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns {
    taken: Arc<Mutex<HashMap<AggregateRoot, VecDeque<oneshot::Sender<Turn>>>>>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    turns: Turns,
    root: AggregateRoot,
}

impl Turns {
    pub(super) async fn take(&self, root: &AggregateRoot) -> Option<Turn> {
        let given = {
            let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
            match taken.get_mut(root) {
                Some(waiting) => {
                    let (sender, given) = oneshot::channel();
                    waiting.push_back(sender);
                    Some(given)
                }
                None => {
                    taken.insert(root.clone(), VecDeque::new());
                    None
                }
            }
        };
        match given {
            // Who does not wait any more drops what he was given, and so gives it on.
            Some(given) => given.await.ok(),
            None => Some(Turn { turns: self.clone(), root: root.clone() }),
        }
    }

    /// The next of those who wait for a root; none: its turn is free.
    fn next(&self, root: &AggregateRoot) -> Option<oneshot::Sender<Turn>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let next = taken.get_mut(root).and_then(VecDeque::pop_front);
        if next.is_none() {
            taken.remove(root);
        }
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(next) = self.turns.next(&self.root) else { return };
        drop(next.send(Self { turns: self.turns.clone(), root: self.root.clone() }));
    }
}
