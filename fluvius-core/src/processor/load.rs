//! Load: the newest version of an aggregate, as seen by a command.

use std::sync::Arc;

use tracing::Instrument;

use super::action_backend::{attempt_state, attempt_state_mut};

use crate::error::Error;
use crate::model::ActionContext;
use crate::observability::spans;
use crate::scheduler::CachedVersion;
use fluvius_store::{AggregateId, Store};

/// Returns the newest version of an aggregate: the one that the command has written, else the
/// newest cached one, durable or not, else the stored one.
///
/// # Errors
/// `reentrant-invoke` if the aggregate is being decided further up in this command, since waiting
/// would deadlock; `store-unavailable`, `store-error`.
pub(crate) async fn version(
    cx: &mut ActionContext,
    aggregate_id: &AggregateId,
) -> Result<Arc<CachedVersion>, Error> {
    if cx.frames.iter().any(|frame| frame.aggregate_id == *aggregate_id) {
        return Err(Error::ReentrantInvoke { aggregate_id: aggregate_id.clone() });
    }
    if let Some(cached) = attempt_state(cx).write_set.cached(aggregate_id) {
        return Ok(Arc::clone(cached));
    }
    let cached = match attempt_state(cx).processor.newest_version(aggregate_id) {
        Some(cached) => cached,
        None => {
            let processor = Arc::clone(&attempt_state(cx).processor);
            let load = processor.services.store.load(aggregate_id);
            let record = load.instrument(spans::load(aggregate_id)).await?;
            processor.insert_loaded(Arc::new(CachedVersion::loaded(aggregate_id.clone(), record)))
        }
    };
    attempt_state_mut(cx).write_set.read(Arc::clone(&cached));
    Ok(cached)
}
