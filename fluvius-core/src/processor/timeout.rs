//! A timeout that creates no timer if its future is ready at once.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::future::BoxFuture;

use crate::sync;

/// Returns the output of a future, or `None` if it takes longer than `after`, counted from its
/// first poll.
pub(crate) fn timeout<F: Future>(after: Duration, future: Pin<&mut F>) -> Timeout<'_, F> {
    Timeout { future, after, timer: None }
}

/// The future of [`timeout`]. Like the timeout of tokio, but it borrows the future, and creates the
/// timer only if the first poll is pending.
pub(crate) struct Timeout<'a, F> {
    future: Pin<&'a mut F>,
    after: Duration,
    timer: Option<BoxFuture<'static, ()>>,
}

impl<F: Future> Future for Timeout<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Poll::Ready(output) = this.future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        let after = this.after;
        let timer = this.timer.get_or_insert_with(|| sync::timer(after));
        timer.as_mut().poll(cx).map(|()| None)
    }
}
