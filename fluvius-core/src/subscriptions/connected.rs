//! A subscription that this process works on.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::mpsc::UnboundedReceiver;

use super::delivery::{Delivery, Ticket};
use super::worker::Worker;

/// A subscription that this process works on, by a handler.
///
/// Dropping it changes nothing: the handler is called until [`stop`](Self::stop), until the domain
/// shuts down, or until all handles of the domain and of its subscriptions are dropped.
#[derive(Debug, Clone)]
pub struct Subscription {
    pub(super) full_name: Arc<str>,
    pub(super) id: u64,
    pub(super) worker: Arc<Worker>,
}

impl Subscription {
    /// Stops the subscription in this process: no delivery begins, those in flight are waited for
    /// up to 5 s, the checkpoints are stored, and other processes may take over the partitions.
    ///
    /// # Cancellation
    /// The subscription stops even if the future is dropped.
    pub async fn stop(&self) {
        if let Some(stopped) = self.worker.leave(&self.full_name, self.id) {
            // The sender is dropped if the worker has ended.
            let _ = stopped.await;
        }
    }
}

type Decoded<E> = Box<dyn Fn(&Arc<Ticket>) -> Option<Delivery<E>> + Send>;

/// The deliveries of a subscription, as a stream. It ends when the domain shuts down.
///
/// Created by [`Subscribe::connect`](super::Subscribe::connect).
pub struct Deliveries<E = ()> {
    subscription: Subscription,
    tickets: UnboundedReceiver<Arc<Ticket>>,
    decode: Decoded<E>,
}

impl<E> Deliveries<E> {
    pub(super) fn new(
        subscription: Subscription,
        tickets: UnboundedReceiver<Arc<Ticket>>,
        decode: Decoded<E>,
    ) -> Self {
        Self { subscription, tickets, decode }
    }

    /// Stops the subscription in this process, as [`Subscription::stop`] does. The answers of
    /// deliveries that the stream has yielded count until then.
    ///
    /// # Cancellation
    /// As [`Subscription::stop`].
    pub async fn stop(mut self) {
        self.tickets.close();
        while self.tickets.try_recv().is_ok() {}
        self.subscription.stop().await;
    }
}

impl<E> Stream for Deliveries<E> {
    type Item = Delivery<E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Delivery<E>>> {
        loop {
            match self.tickets.poll_recv(cx) {
                Poll::Ready(Some(ticket)) => {
                    if let Some(delivery) = (self.decode)(&ticket) {
                        return Poll::Ready(Some(delivery));
                    }
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl<E> Drop for Deliveries<E> {
    fn drop(&mut self) {
        let _ = self.subscription.worker.leave(&self.subscription.full_name, self.subscription.id);
    }
}

impl<E> fmt::Debug for Deliveries<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliveries")
            .field("subscription", &self.subscription.full_name)
            .finish_non_exhaustive()
    }
}
