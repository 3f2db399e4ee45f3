//! Load: the newest version of an aggregate, as this command sees it.

use std::sync::Arc;

use tracing::Instrument;

use super::spans;
use crate::context::ActionContext;
use crate::error::Error;
use crate::root::AggregateRoot;
use crate::scheduler::CachedVersion;

/// Returns the newest version of an aggregate: the one that the command has written, else the newest cached one, durable or
/// not, else the stored one.
///
/// # Errors
/// `reentrant-invoke` if the aggregate is being decided further up in this command; nothing waits.
/// `store-unavailable`, `store-error`.
pub(crate) async fn version(
    cx: &mut ActionContext,
    root: &AggregateRoot,
) -> Result<Arc<CachedVersion>, Error> {
    if cx.frames.iter().any(|frame| frame.root == *root) {
        return Err(Error::ReentrantInvoke { root: root.clone() });
    }
    if let Some(cached) = cx.write_set.cached(root) {
        return Ok(Arc::clone(cached));
    }
    let cached = match cx.processor.newest_version(root) {
        Some(cached) => cached,
        None => {
            let load = cx.services().store.load(root);
            let record = load.instrument(spans::load(root)).await?;
            cx.processor.insert_loaded(Arc::new(CachedVersion::loaded(root.clone(), record)))
        }
    };
    cx.write_set.read(Arc::clone(&cached));
    Ok(cached)
}
