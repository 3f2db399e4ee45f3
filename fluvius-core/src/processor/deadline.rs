//! Deadlines that cost nothing where nothing has to wait.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::future::BoxFuture;

use crate::sync;

/// What a future gives within a time, counted from its first poll; `None` where that is over.
pub(crate) fn within<F: Future>(after: Duration, future: Pin<&mut F>) -> Within<'_, F> {
    Within { future, after, timer: None }
}

/// The future of [`within`]. It is the `timeout` of tokio, but that the timer is made only when
/// the first poll gives nothing, and that it takes a few words of whoever awaits it.
pub(crate) struct Within<'a, F> {
    future: Pin<&'a mut F>,
    after: Duration,
    timer: Option<BoxFuture<'static, ()>>,
}

impl<F: Future> Future for Within<'_, F> {
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
