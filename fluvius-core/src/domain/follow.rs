//! Following a log: page after page, and waiting for rows that are not stored yet.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream;
use futures_util::future::select;
use futures_util::stream;

use super::log::Page;
use crate::error::Error;
use crate::logged::Logged;
use crate::store::{ErasedStore, LogQuery};
use crate::sync::{self, Notify};

/// The shortest time between two reads, so that many small commits are read together.
const PAUSE_MIN: Duration = Duration::from_millis(5);

/// The longest time between two reads where nothing is told: what other processes have stored is
/// seen after it, if not before.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// What a follower waits with.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) store: Arc<dyn ErasedStore>,
    /// This runtime has committed something.
    pub(super) committed: Arc<Notify>,
}

struct Follower<T> {
    query: LogQuery,
    rows: std::vec::IntoIter<Logged<T>>,
    /// Whether more rows are known to be there.
    is_behind: bool,
    pause: Duration,
}

/// The rows that a query asks for, without end.
pub(super) fn follow<T, F>(
    source: Source,
    query: LogQuery,
    read: impl Fn(Source, LogQuery) -> F + Send + Sync + 'static,
) -> impl Stream<Item = Result<Logged<T>, Error>> + Send
where
    T: Send + 'static,
    F: Future<Output = Result<Page<T>, Error>> + Send,
{
    let rows = Vec::new().into_iter();
    let follower = Follower { query, rows, is_behind: true, pause: PAUSE_MIN };
    let parts = Arc::new((source, read));
    stream::unfold(follower, move |mut follower| {
        let parts = Arc::clone(&parts);
        async move {
            let (source, read) = &*parts;
            loop {
                if let Some(row) = follower.rows.next() {
                    follower.query.after = row.position;
                    return Some((Ok(row), follower));
                }
                if !follower.is_behind {
                    sync::sleep(PAUSE_MIN).await;
                }
                // What is stored after they are made is told to them, also while the page is read.
                let committed = pin!(source.committed.notified());
                let stored = source.store.stored();
                match read(source.clone(), follower.query.clone()).await {
                    Ok(page) if page.rows.is_empty() => {
                        let told = select(committed, stored);
                        select(told, pin!(sync::sleep(follower.pause))).await;
                        follower.pause = (follower.pause * 2).min(PAUSE_MAX);
                    }
                    Ok(page) => {
                        follower.is_behind = page.next.is_some();
                        follower.pause = PAUSE_MIN;
                        follower.rows = page.rows.into_iter();
                    }
                    Err(error) => {
                        follower.is_behind = false;
                        return Some((Err(error), follower));
                    }
                }
            }
        }
    })
}
