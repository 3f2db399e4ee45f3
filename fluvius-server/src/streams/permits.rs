//! The limits of the number of streams: in all, and of one sender.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::problem::Problem;
use crate::rate_limit::SenderKey;

/// Maximum number of streams of a server.
const MAX_STREAMS: usize = 1_000;
/// Maximum number of streams of a sender.
const MAX_STREAMS_OF_SENDER: usize = 20;

/// The streams that are open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Permits(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    count: usize,
    by_sender: HashMap<SenderKey, usize>,
}

/// The right to one stream, until it is dropped.
#[derive(Debug)]
pub(crate) struct StreamPermit {
    permits: Permits,
    sender: SenderKey,
}

impl Permits {
    /// Counts a further stream of a sender.
    ///
    /// # Errors
    /// `rate-limited`.
    pub(crate) fn acquire(&self, sender: SenderKey) -> Result<StreamPermit, Problem> {
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
    use std::net::IpAddr;

    #[test]
    fn streams_of_a_sender_and_of_all_are_limited() {
        let permits = Permits::default();
        let sender = |host| SenderKey::Address(Some(IpAddr::from([10, 0, 0, host])));
        let open = |host, count: usize| -> Vec<_> {
            (0..count).filter_map(|_| permits.acquire(sender(host)).ok()).collect()
        };
        let mut all = open(0, 25);
        assert_eq!(all.len(), 20);
        all.pop();
        all.extend(open(0, 25));
        assert_eq!(all.len(), 20);
        for host in 1..=60 {
            all.extend(open(host, 20));
        }
        assert_eq!(all.len(), 1_000);
        drop(all);
        assert!(permits.0.lock().unwrap().by_sender.is_empty());
    }
}
