//! What a step of the driver waits for: a moment, the log, a turn across processes.

use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use uuid::Uuid;

use super::Environment;
use super::deadline::within;
use crate::ids;
use crate::root::AggregateRoot;
use crate::state::StateRecord;
use crate::store::StoreTurn;
use crate::sync;

/// Waits a little, longer after each conflict, so that commands that keep losing to those of
/// other processes fall out of step with them.
pub(super) async fn back_off(id: Uuid, count: u32) {
    // An identifier drawn from the command's: commands differ in it, and a run with counted
    // identifiers is the same each time.
    let jitter = ids::invoked(id, count).as_u64_pair().1;
    let bound = 50_u64 << count.min(10);
    sync::sleep(Duration::from_micros(jitter % bound)).await;
}

/// The longest wait for a turn across processes. A turn is kept for some 50 ms, so a longer wait
/// means that its holder is slow or gone. The commit checks the same without the turn.
const TURN_WAIT_MAX: Duration = Duration::from_secs(1);

/// Waits for the turn of a root across processes, and reads the root under it. Returns `None` if
/// the store gives none, or not in time: commands are decided without it.
pub(super) async fn take_turn(
    environment: &Environment,
    root: &AggregateRoot,
) -> Option<(StoreTurn, Option<StateRecord>)> {
    let taking = pin!(async {
        let turn = environment.store.turn(root).await?;
        // Ignored here: the command's own load reports the error.
        environment.store.load(root).await.ok().map(|stored| (turn, stored))
    });
    let taken = within(TURN_WAIT_MAX, taking).await;
    if taken.is_none() {
        environment.turn_timeouts.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(%root, "the turn of a root across processes was not given in time");
    }
    taken.flatten()
}

/// Finds out by the command's identifier whether a unit of work is stored whose store went away.
/// `None`: the store has not said so in time.
pub(super) async fn settle(environment: &Environment, id: Uuid) -> Option<bool> {
    let found = pin!(async {
        let mut pause = Duration::from_millis(5);
        loop {
            match environment.store.command(id).await {
                Ok(found) => return Some(found.is_some()),
                Err(error) if error.can_retry() => {}
                Err(_) => return None,
            }
            sync::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(1));
        }
    });
    within(environment.settings.settle_time, found).await.flatten()
}

#[cfg(test)]
mod tests {
    use crate::sync::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_wait_after_a_conflict_grows_to_fifty_milliseconds_and_differs_by_command() {
        let mut longest = Vec::new();
        for count in [1, 4, 10, 40] {
            let mut waits = Vec::new();
            for number in 0..64 {
                let begun = Instant::now();
                back_off(Uuid::from_u128(number), count).await;
                waits.push(begun.elapsed());
            }
            waits.sort_unstable();
            // Timers go by the millisecond.
            let bound = Duration::from_micros(50 << count.min(10)) + Duration::from_millis(2);
            assert!(waits.iter().all(|wait| *wait <= bound), "{count}: {waits:?}");
            longest.push(waits[63]);
            waits.dedup();
            assert!(count < 10 || waits.len() > 10, "{count}: {waits:?}");
        }
        assert!(longest[0] < longest[2] && longest[2] > Duration::from_millis(30), "{longest:?}");
    }
}
