//! Tails: followers of the log that several streams share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use fluvius_core::uuid::Uuid;
use fluvius_core::{EventRecord, LogEntry, LogReader, ResumeToken};
use futures_util::StreamExt;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

/// Number of items that a slow stream may be behind its tail before it reads pages again.
const BUFFER: usize = 256;

/// Time between two reports of the progress of a tail.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// The rows that a tail reads: the domain, the realm, and the user whose commands recorded them.
pub(crate) type TailKey = (&'static str, Option<String>, Option<Uuid>);

/// An item of a tail, in the order of the log.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    /// An event.
    Event(Arc<LogEntry<EventRecord>>),
    /// The log was read up to here, and had no further event of the realm.
    Progress(ResumeToken),
}

/// The tails that streams use.
#[derive(Debug, Default)]
pub(crate) struct Tails(Mutex<HashMap<TailKey, Weak<Tail>>>);

/// A follower of the log. It ends when its last stream drops it.
#[derive(Debug)]
pub(crate) struct Tail {
    sender: broadcast::Sender<Item>,
    task: JoinHandle<()>,
}

impl Tails {
    /// Returns the tail of a key, and the receiver of its items from now on. A new tail begins
    /// after a token; `log` has the conditions of the key.
    pub(crate) fn join(
        &self,
        key: &TailKey,
        log: &LogReader,
        after: ResumeToken,
    ) -> (Arc<Tail>, broadcast::Receiver<Item>) {
        let mut tails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tail) = tails.get(key).and_then(Weak::upgrade)
            && !tail.task.is_finished()
        {
            let receiver = tail.sender.subscribe();
            return (tail, receiver);
        }
        tails.retain(|_, tail| tail.strong_count() > 0);
        let (sender, receiver) = broadcast::channel(BUFFER);
        let task = tokio::spawn(follow(log.clone().after(after), sender.clone()));
        let tail = Arc::new(Tail { sender, task });
        tails.insert(key.clone(), Arc::downgrade(&tail));
        (tail, receiver)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Sends the events of a log until it fails. The receivers then see the end of the channel.
async fn follow(log: LogReader, sender: broadcast::Sender<Item>) {
    let mut events = log.follow_events();
    let mut progress = tokio::time::interval(PROGRESS_INTERVAL);
    progress.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut reported = ResumeToken::START;
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Ok(event)) => {
                    // Without a receiver, the tail is about to be dropped.
                    let _ = sender.send(Item::Event(Arc::new(event)));
                }
                Some(Err(error)) => {
                    tracing::error!(code = error.code(), "the tail of the event log ended");
                    return;
                }
                None => return,
            },
            _ = progress.tick() => {
                let token = events.resume_token();
                if token != reported {
                    reported = token;
                    let _ = sender.send(Item::Progress(token));
                }
            }
        }
    }
}
