//! Contention with other processes: the back-off after a version conflict, and the wait for a
//! lease.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use uuid::Uuid;

use super::Services;
use super::timeout::timeout;
use crate::id_generator as ids;
use crate::sync;
use fluvius_store::{AggregateId, Lease, StateRecord, Store};

/// Maximum wait for a lease. A time slice is about 25 ms, so a longer wait means that the holder is
/// slow or has ended. Without a lease the commit performs the same checks.
const MAX_LEASE_WAIT: Duration = Duration::from_secs(1);

/// Waits longer after each conflict, with jitter, so that repeated conflicts with the commands of
/// other processes end.
pub(super) async fn back_off(id: Uuid, count: u32) {
    // The jitter is derived from the command's id: it differs between commands, and is reproducible
    // in a run with sequential ids.
    let jitter = ids::invoked(id, count).as_u64_pair().1;
    let bound = 50_u64 << count.min(10);
    sync::sleep(Duration::from_micros(jitter % bound)).await;
}

/// Acquires the lease of an aggregate, and reads the aggregate under it. Returns `None` if leases
/// are unsupported (the default) or none was acquired within [`MAX_LEASE_WAIT`]. Commands are then
/// decided without a lease.
pub(super) async fn acquire_lease(
    services: &Services,
    aggregate_id: &AggregateId,
) -> Option<(Lease, Option<StateRecord>)> {
    let acquiring = pin!(async {
        let lease = services.store.acquire_lease(aggregate_id).await?;
        // Ignored here: the command's own load reports the error.
        services.store.load(aggregate_id).await.ok().map(|stored| (lease, stored))
    });
    let acquired = timeout(MAX_LEASE_WAIT, acquiring).await;
    if acquired.is_none() {
        services.lease_timeouts.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(%aggregate_id, "the lease of an aggregate was not granted in time");
    }
    acquired.flatten()
}

#[cfg(test)]
mod tests {
    use crate::sync::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn back_off_grows_to_50_ms_and_differs_by_command() {
        let mut longest = Vec::new();
        for count in [1, 4, 10, 40] {
            let mut waits = Vec::new();
            for number in 0..64 {
                let begun = Instant::now();
                back_off(Uuid::from_u128(number), count).await;
                waits.push(begun.elapsed());
            }
            waits.sort_unstable();
            // Timers have a granularity of a millisecond.
            let bound = Duration::from_micros(50 << count.min(10)) + Duration::from_millis(2);
            assert!(waits.iter().all(|wait| *wait <= bound), "{count}: {waits:?}");
            longest.push(waits[63]);
            waits.dedup();
            assert!(count < 10 || waits.len() > 10, "{count}: {waits:?}");
        }
        assert!(longest[0] < longest[2] && longest[2] > Duration::from_millis(30), "{longest:?}");
    }
}
