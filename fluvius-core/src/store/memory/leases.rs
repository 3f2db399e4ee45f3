//! Whose turn it is on a root, among the runtimes over one content.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};

use super::tables::Tables;
use crate::collections::FastMap;
use crate::root::AggregateRoot;
use crate::sync::{Mutex, oneshot};

/// The turns that are taken, with those who wait for them, the first first.
pub(super) type Taken = FastMap<AggregateRoot, VecDeque<oneshot::Sender<Turn>>>;

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    tables: Arc<Mutex<Tables>>,
    root: AggregateRoot,
}

impl Turn {
    pub(super) async fn take(tables: &Arc<Mutex<Tables>>, root: &AggregateRoot) -> Option<Self> {
        let given = {
            let mut tables = tables.lock().unwrap_or_else(PoisonError::into_inner);
            match tables.leases.get_mut(root) {
                Some(waiting) => {
                    let (sender, given) = oneshot::channel();
                    waiting.push_back(sender);
                    Some(given)
                }
                None => {
                    tables.leases.insert(root.clone(), VecDeque::new());
                    None
                }
            }
        };
        match given {
            // Who does not wait any more drops what he was given, and so gives it on.
            Some(given) => given.await.ok(),
            None => Some(Self { tables: Arc::clone(tables), root: root.clone() }),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
            let next = tables.leases.get_mut(&self.root).and_then(VecDeque::pop_front);
            if next.is_none() {
                tables.leases.remove(&self.root);
            }
            next
        };
        if let Some(next) = next {
            let lease = Self { tables: Arc::clone(&self.tables), root: self.root.clone() };
            drop(next.send(lease));
        }
    }
}
