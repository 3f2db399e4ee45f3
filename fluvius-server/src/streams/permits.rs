//! The limits of the number of streams: in all, and of one sender.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use fluvius_core::{Actor, DomainContext};

use crate::problem::Problem;

/// Maximum number of streams of a server.
const MAX_STREAMS: usize = 1_000;
/// Maximum number of streams of a sender.
const MAX_STREAMS_OF_SENDER: usize = 20;

/// A sender, as the limits count it: an actor in its realm, or the address of an anonymous one.
type Sender = (Option<String>, Actor, Option<IpAddr>);

/// The streams that are open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Permits(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    count: usize,
    by_sender: HashMap<Sender, usize>,
}

/// The right to one stream, until it is dropped.
#[derive(Debug)]
pub(crate) struct StreamPermit {
    permits: Permits,
    sender: Sender,
}

impl Permits {
    /// Counts a further stream of a sender.
    ///
    /// # Errors
    /// `rate-limited`.
    pub(crate) fn acquire(
        &self,
        context: &DomainContext,
        peer: Option<IpAddr>,
    ) -> Result<StreamPermit, Problem> {
        let actor = context.actor();
        let peer = peer.filter(|_| actor == Actor::default());
        let sender = (context.realm().map(str::to_owned), actor, peer);
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.by_sender.get(&sender).copied().unwrap_or(0);
        if open.count >= MAX_STREAMS || own >= MAX_STREAMS_OF_SENDER {
            let detail = format!(
                "at most {MAX_STREAMS_OF_SENDER} streams of a sender and {MAX_STREAMS} in all are \
                 open"
            );
            return Err(Problem::new("rate-limited", detail));
        }
        open.count += 1;
        open.by_sender.insert(sender.clone(), own + 1);
        Ok(StreamPermit { permits: self.clone(), sender })
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        let mut open = self.permits.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.count -= 1;
        if let Some(own) = open.by_sender.get_mut(&self.sender) {
            *own -= 1;
            if *own == 0 {
                open.by_sender.remove(&self.sender);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fluvius_core::uuid::Uuid;

    #[test]
    fn streams_of_a_sender_and_of_all_are_limited() {
        let permits = Permits::default();
        let sender = |id| DomainContext::create("test").with_user(Uuid::from_u128(id));
        let open = |id, count: usize| -> Vec<_> {
            (0..count).filter_map(|_| permits.acquire(&sender(id), None).ok()).collect()
        };
        let mut all = open(0, 25);
        assert_eq!(all.len(), 20);
        all.pop();
        all.extend(open(0, 25));
        assert_eq!(all.len(), 20);
        for id in 1..=60 {
            all.extend(open(id, 20));
        }
        assert_eq!(all.len(), 1_000);
        drop(all);
        assert!(permits.0.lock().unwrap().by_sender.is_empty());
    }

    #[test]
    fn anonymous_senders_are_told_apart_by_address() {
        let permits = Permits::default();
        let anonymous = DomainContext::create("test");
        let one = |host: u8| permits.acquire(&anonymous, Some(IpAddr::from([10, 0, 0, host])));
        let held: Vec<_> = (0..20).map(|_| one(1).unwrap()).collect();
        assert!(one(1).is_err() && one(2).is_ok());
        drop(held);
    }
}
