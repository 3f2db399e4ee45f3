//! The loop of the worker: takes messages, and begins what is due.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::{Either, select};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc::UnboundedReceiver;

use super::delivery::Ticket;
use super::member::Member;
use super::partition::{MAX_RELEASE_TIME, Partition};
use super::reading::watch;
use super::rows;
use super::work_view::{OWNERSHIP_TIME, WorkView};
use super::worker::{Done, Input, Joined, MIN_PAUSE, Membership, Work};
use crate::sync::{self, Instant, oneshot};
use crate::unwind::{self, Guarded};
use fluvius_store::work::WorkQuery;
use fluvius_store::{Store, StoreError};

/// Time between two reads of the work rows. Each is followed by a write of all that has changed.
const TICK: Duration = Duration::from_secs(1);
/// Number of deliveries after which checkpoints are written before the next tick.
const MAX_UNSTORED: usize = 1_000;

impl Work {
    pub(super) async fn run(mut self, mut inbox: UnboundedReceiver<Input>) {
        let store = self.store.clone();
        self.announcement = Guarded::new(store.announce(self.process)).await.flatten();
        let committed = Arc::clone(&self.processor.services.committed);
        let watch = watch(
            self.store.clone(),
            committed,
            self.inbox.clone(),
            Arc::clone(&self.has_found_rows),
        );
        self.pending.push(watch.boxed());
        let mut has_joined = false;
        loop {
            while let Ok(input) = inbox.try_recv() {
                has_joined |= matches!(input, Input::Join(..));
                self.input(input);
            }
            self.deliver();
            self.read();
            self.begin_store_work();
            self.end_members();
            if self.members.is_empty() && (has_joined || self.is_stopping) && !self.is_store_busy {
                break;
            }
            let now = Instant::now();
            // A time that has passed may wait for a store that fails.
            let pause = self.next_timer(now).saturating_duration_since(now).max(MIN_PAUSE);
            let timer = pin!(sync::sleep(pause));
            match select(pin!(inbox.recv()), select(self.pending.next(), timer)).await {
                Either::Left((Some(input), _)) => {
                    has_joined |= matches!(input, Input::Join(..));
                    self.input(input);
                }
                Either::Left((None, _)) => break,
                Either::Right((Either::Left((Some(done), _)), _)) => self.done(done),
                Either::Right(_) => {}
            }
        }
        inbox.close();
        self.forget_process().await;
        drop(self.announcement.take());
        for stopped in std::mem::take(&mut self.stops) {
            let _ = stopped.send(());
        }
    }

    fn input(&mut self, input: Input) {
        let now = Instant::now();
        match input {
            Input::Join(member, joined) => self.join(member, joined),
            Input::Leave(name, id, stopped) => {
                let member = self.members.get_mut(&name);
                if let Some(member) = member.filter(|member| member.joined_id == id) {
                    member.stop(now, stopped);
                    self.next_tick = now;
                }
            }
            Input::Stop(stopped) => {
                self.is_stopping = true;
                self.stops.push(stopped);
                for member in self.members.values_mut() {
                    member.stop(now, oneshot::channel().0);
                }
                self.next_tick = now;
            }
            Input::Answered(answered) => {
                let time = self.time();
                if let Some(member) = self.members.get_mut(&answered.name) {
                    member.answered(answered, now, time);
                }
            }
            Input::Refresh => self.next_tick = now,
            Input::Grown => {
                self.members.values_mut().for_each(|member| member.feed.may_have_grown());
            }
        }
    }

    fn join(&mut self, mut member: Box<Member>, joined: oneshot::Sender<Joined>) {
        let name = Arc::clone(&member.full_name);
        let answer = match self.members.get(&name) {
            _ if self.is_stopping => Joined::Stopping,
            // It joins once the one before has stopped.
            Some(before) if before.stop_by.is_some() => {
                return self.joining.push((member, joined));
            }
            Some(_) => Joined::Served,
            None => {
                let (name, inbox) = (Arc::clone(&name), self.inbox.clone());
                Joined::Yes(Membership { name, id: self.next_id(), inbox, is_taken: false })
            }
        };
        let id = match &answer {
            Joined::Yes(membership) => membership.id,
            Joined::Served | Joined::Stopping => return drop(joined.send(answer)),
        };
        // A caller that was dropped does not wait for it.
        if joined.send(answer).is_ok() {
            (member.id, member.joined_id) = (id, id);
            self.members.insert(name, *member);
            self.next_tick = Instant::now();
        }
    }

    /// Returns an id for a member, or for its reads after a change of its partitions.
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Returns the time of the runtime's clock, which is the program's code. It decides about no
    /// write.
    pub(super) fn time(&self) -> DateTime<Utc> {
        unwind::catch(|| self.processor.services.now()).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// Hands out the deliveries that can begin. None begins once the ownership has expired: this
    /// process may have been suspended, and another one may work on its partitions.
    fn deliver(&mut self) {
        let now = Instant::now();
        if self.renewed_at.is_none_or(|renewed_at| now - renewed_at > OWNERSHIP_TIME) {
            return;
        }
        for member in self.members.values_mut() {
            for (partition, lost, due) in member.due(now) {
                let ticket = Ticket {
                    row: due.row,
                    name: Arc::clone(&member.full_name),
                    partition,
                    attempt: due.attempt,
                    lost,
                    store: self.store.clone(),
                    inbox: self.inbox.clone(),
                    is_answered: AtomicBool::new(false),
                };
                (member.sink)(Arc::new(ticket));
            }
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Viewed(view) => self.on_view(view),
            Done::Wrote { began, outcomes, units } => self.wrote(began, outcomes, units),
            Done::Loaded { name, tokens, rows } => self.loaded(&name, &tokens, rows),
            Done::Page { name, id, page } => self.page(&name, id, page),
            Done::Held { name, hold, page } => self.held(&name, hold, page),
            Done::Watched => {}
        }
    }

    /// Removes the subscriptions that have stopped.
    fn end_members(&mut self) {
        let now = Instant::now();
        // A store that fails does not delay the end for ever.
        let is_over = |member: &Member| {
            member.stop_by.is_some_and(|by| member.slots.is_empty() || by + MAX_RELEASE_TIME <= now)
        };
        let over = self.members.iter().filter(|(_, member)| is_over(member));
        let names: Vec<Arc<str>> = over.map(|(name, _)| Arc::clone(name)).collect();
        for mut member in names.iter().filter_map(|name| self.members.remove(name)) {
            member.partitions().for_each(Partition::lose);
            let stopped = std::mem::take(&mut member.stopped);
            // The consumer of the deliveries is the program's code.
            unwind::dispose(member);
            for stopped in stopped {
                let _ = stopped.send(());
            }
        }
        for (member, joined) in std::mem::take(&mut self.joining) {
            self.join(member, joined);
        }
    }

    fn next_timer(&self, now: Instant) -> Instant {
        let timers = self.members.values().flat_map(|member| {
            let partitions = member.partitions().filter_map(|partition| partition.next_timer());
            partitions.chain(member.read_after.filter(|after| *after > now)).chain(member.stop_by)
        });
        timers.chain((!self.is_store_busy).then_some(self.next_tick)).min().unwrap_or(now + TICK)
    }

    /// Begins a read or a write of work rows, if one is due.
    fn begin_store_work(&mut self) {
        if self.is_store_busy || self.members.is_empty() {
            return;
        }
        let now = Instant::now();
        if self.next_tick <= now {
            self.next_tick = now + TICK;
            self.is_store_busy = true;
            let query =
                WorkQuery::new(self.time(), [rows::PARTITION, rows::PROCESS, rows::SUBSCRIPTION]);
            let view = WorkView::read(self.store.clone(), query, self.process, self.copy);
            self.pending.push(guarded(view).map(Done::Viewed).boxed());
            return;
        }
        if self.write_after.is_some_and(|after| after > now) {
            return;
        }
        let partitions = || self.members.values().flat_map(Member::partitions);
        let unstored: usize = partitions().map(|partition| partition.done_count).sum();
        let has_left = || partitions().any(|partition| partition.is_released(now));
        if unstored >= MAX_UNSTORED || has_left() {
            self.begin_write(Vec::new(), Vec::new());
        }
    }
}

/// Awaits a read of the store, whose code may panic.
pub(super) async fn guarded<T>(
    read: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    let panicked = || Err(StoreError::unavailable("the store panicked"));
    Guarded::new(read).await.unwrap_or_else(panicked)
}

/// Logs a failure of the store.
pub(super) fn warn(domain: &'static str, error: &StoreError, message: &'static str) {
    let error = error as &dyn std::error::Error;
    unwind::catch(|| tracing::warn!(domain, error, "{message}"));
}
