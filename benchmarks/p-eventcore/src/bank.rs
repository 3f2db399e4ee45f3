//! The bank over any event store of eventcore, and the replay of one stream.

use std::time::Instant;

use bench_common::{Bank, BankCommand, BankError, TempDir, Uuid, account_id};
use eventcore::{
    BackoffStrategy, CommandError, DelayMilliseconds, RetryPolicy, collect_events, execute,
};
use eventcore_types::{EventStore, EventStoreError, StreamVersion, StreamWrites};
use rust_decimal::Decimal;

use crate::account::{Account, AccountCommand, AccountEvent, fold, stream_id};

/// The number of events per append when a stream is filled.
const FILL_COUNT: usize = 5000;

pub(crate) struct EventcoreBank<S> {
    pub(crate) store: S,
    pub(crate) with_snapshots: bool,
    pub(crate) _folder: Option<TempDir>,
}

impl<S: EventStore + Send + Sync + 'static> Bank for EventcoreBank<S>
where
    for<'a> &'a S: EventStore + Send,
{
    async fn run(&self, id: Uuid, command: BankCommand) -> Result<(), BankError> {
        let with_snapshots = self.with_snapshots;
        let command = AccountCommand { account_id: stream_id(id), command, with_snapshots };
        // The retries of eventcore are off. The driver retries at once, as for every other system.
        let no_delay = BackoffStrategy::Fixed { delay_ms: DelayMilliseconds::new(0) };
        let policy = RetryPolicy::new().max_retries(0).backoff_strategy(no_delay);
        match execute(&self.store, command, policy).await {
            Ok(_) => Ok(()),
            Err(
                CommandError::ConcurrencyError(_)
                | CommandError::EventStoreError(EventStoreError::VersionConflict { .. }),
            ) => Err(BankError::Conflict),
            Err(CommandError::BusinessRuleViolation(_)) => Err(BankError::Rejected),
            Err(error) => Err(BankError::other(error)),
        }
    }

    async fn balance(&self, id: Uuid) -> Option<Decimal> {
        let stream = self.store.read_stream(stream_id(id)).await.ok()?;
        let events: Vec<AccountEvent> = collect_events(stream).await.ok()?;
        Some(events.iter().fold(Account::default(), fold).balance)
    }
}

/// Fills one account with events and reads it back. Returns the events read per second.
pub(crate) async fn replay<S: EventStore>(store: &S, count: usize) -> f64 {
    let id = stream_id(account_id(0));
    let amount = Decimal::new(105, 2);
    let mut at = 0;
    while at < count {
        let writes = StreamWrites::new().register_stream(id.clone(), StreamVersion::new(at));
        let mut writes = writes.unwrap();
        let end = (at + FILL_COUNT).min(count);
        for _ in at..end {
            let event = AccountEvent::Deposited { account_id: id.clone(), amount };
            writes = writes.append(event).unwrap();
        }
        let _ = store.append_events(writes).await.unwrap();
        at = end;
    }
    let start = Instant::now();
    let stream = store.read_stream(id).await.unwrap();
    let events: Vec<AccountEvent> = collect_events(stream).await.unwrap();
    let account = events.iter().fold(Account::default(), fold);
    assert_eq!(account.balance, amount * Decimal::from(count));
    count as f64 / start.elapsed().as_secs_f64()
}
