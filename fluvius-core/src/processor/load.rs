//! Load: the head of a root, as this command sees it.

use std::sync::Arc;

use tracing::Instrument;

use super::{Head, spans};
use crate::context::ActionContext;
use crate::error::Error;
use crate::root::AggregateRoot;

/// The newest head of a root: what the command has made of it, else the newest of all, durable or not, else what is stored.
///
/// # Errors
/// `invoke-reentered` where the root is being decided further up in this command; nothing waits.
/// `store-unavailable`, `store`.
pub(crate) async fn head(cx: &mut ActionContext, root: &AggregateRoot) -> Result<Arc<Head>, Error> {
    if cx.frames.iter().any(|frame| frame.root == *root) {
        return Err(Error::InvokeReentered { root: root.clone() });
    }
    if let Some(head) = cx.work.head(root) {
        return Ok(Arc::clone(head));
    }
    let head = match cx.processor.newest_head(root) {
        Some(head) => head,
        None => {
            let load = cx.environment().store.load(root);
            let record = load.instrument(spans::load(root)).await?;
            cx.processor.offer_head(Arc::new(Head::loaded(root.clone(), record)))
        }
    };
    cx.work.read(Arc::clone(&head));
    Ok(head)
}
