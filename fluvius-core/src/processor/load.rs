//! Load: the newest version of an aggregate, as this command sees it.

use std::sync::Arc;

use tracing::Instrument;

use super::spans;
use crate::context::ActionContext;
use crate::error::Error;
use crate::scheduler::CachedVersion;
use fluvius_store::AggregateId;

/// Returns the newest version of an aggregate: the one that the command has written, else the newest cached one, durable or
/// not, else the stored one.
///
/// # Errors
/// `reentrant-invoke` if the aggregate is being decided further up in this command; nothing waits.
/// `store-unavailable`, `store-error`.
pub(crate) async fn version(
    cx: &mut ActionContext,
    aggregate_id: &AggregateId,
) -> Result<Arc<CachedVersion>, Error> {
    if cx.frames.iter().any(|frame| frame.aggregate_id == *aggregate_id) {
        return Err(Error::ReentrantInvoke { aggregate_id: aggregate_id.clone() });
    }
    if let Some(cached) = cx.write_set.cached(aggregate_id) {
        return Ok(Arc::clone(cached));
    }
    let cached = match cx.processor.newest_version(aggregate_id) {
        Some(cached) => cached,
        None => {
            let load = cx.services().store.load(aggregate_id);
            let record = load.instrument(spans::load(aggregate_id)).await?;
            cx.processor
                .insert_loaded(Arc::new(CachedVersion::loaded(aggregate_id.clone(), record)))
        }
    };
    cx.write_set.read(Arc::clone(&cached));
    Ok(cached)
}
