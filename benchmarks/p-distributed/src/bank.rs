//! The bank over any repository of distributed, and the replay of one account.

use std::time::Instant;

use bench_common::{Bank, BankCommand, BankError, TempDir, Uuid, account_id};
use distributed::{
    AggregateBuilder, AggregateRepository, GetStream, InMemoryRepository, RepositoryError,
    SnapshotStore, TransactionalCommit,
};
use rust_decimal::Decimal;

use crate::account::Account;

/// The note of a replay.
pub(crate) const REPLAY: &str = "get of one account";

pub(crate) struct DistributedBank<R> {
    pub(crate) repository: AggregateRepository<R, Account>,
    /// Set if the repository is queued. Queued repositories lock on `get`, and unlock on commit or
    /// abort.
    pub(crate) is_queued: bool,
    pub(crate) _folder: Option<TempDir>,
}

pub(crate) type Queued<R> = distributed::QueuedRepository<R, distributed::InMemoryLockManager>;

/// Implements [`Bank`] for a repository type. The repositories share no trait with `get`, `commit`
/// and `unlock`.
macro_rules! bank {
    ($repository:ty, |$of:ident, $id:ident| $unlock:block) => {
        impl Bank for DistributedBank<$repository> {
            async fn run(&self, id: Uuid, command: BankCommand) -> Result<(), BankError> {
                let id = id.to_string();
                if let BankCommand::Open(amount) = command {
                    let mut account = Account::default();
                    account.opened(id, amount).map_err(other)?;
                    return self.repository.commit(&mut account).await.map_err(failure);
                }
                let outcome = async {
                    let account = self.repository.get(&id).await.map_err(failure)?;
                    let mut account = account.ok_or_else(|| BankError::other("no account"))?;
                    match command {
                        BankCommand::Deposit(amount) => account.deposited(amount),
                        BankCommand::Withdraw(amount) if account.balance >= amount => {
                            account.withdrawn(amount)
                        }
                        _ => return Err(BankError::Rejected),
                    }
                    .map_err(other)?;
                    self.repository.commit(&mut account).await.map_err(failure)
                }
                .await;
                if outcome.is_err() {
                    // If a commit fails (a busy SQLite), a queued repository keeps its lock.
                    // Without this unlock the next try would deadlock.
                    let ($of, $id) = (&self.repository, id.as_str());
                    $unlock
                }
                outcome
            }

            async fn balance(&self, id: Uuid) -> Option<Decimal> {
                let text = id.to_string();
                let ($of, $id) = (&self.repository, text.as_str());
                let balance = $of.get($id).await.ok()??.balance;
                if self.is_queued {
                    $unlock
                }
                Some(balance)
            }
        }
    };
}

bank!(InMemoryRepository, |_of, _id| {});
bank!(Queued<InMemoryRepository>, |of, id| {
    let _ = of.unlock(id).await;
});
#[cfg(feature = "sqlite")]
bank!(distributed::SqliteRepository, |_of, _id| {});
#[cfg(feature = "sqlite")]
bank!(Queued<distributed::SqliteRepository>, |of, id| {
    let _ = of.unlock(id).await;
});
#[cfg(feature = "postgres")]
bank!(distributed::PostgresRepository, |_of, _id| {});
#[cfg(feature = "postgres")]
bank!(Queued<distributed::PostgresRepository>, |of, id| {
    let _ = of.unlock(id).await;
});

fn failure(error: RepositoryError) -> BankError {
    let text = format!("{error:?}");
    let conflicts = ["ConcurrentWrite", "locked", "busy", "UNIQUE", "duplicate key"];
    match conflicts.iter().any(|word| text.contains(word)) {
        true => BankError::Conflict,
        false => BankError::Other(text),
    }
}

fn other(error: impl std::fmt::Debug) -> BankError {
    BankError::Other(format!("{error:?}"))
}

/// Fills one account with events and reads it back. Returns the events read per second.
pub(crate) async fn replay<R>(repository: R, count: u32) -> f64
where
    R: GetStream + TransactionalCommit + SnapshotStore + Clone + Send + Sync,
{
    let repository = repository.aggregate::<Account>();
    let id = account_id(0).to_string();
    let amount = Decimal::new(105, 2);
    let mut account = Account::default();
    account.opened(id.clone(), Decimal::ZERO).unwrap();
    for _ in 1..count {
        account.deposited(amount).unwrap();
    }
    repository.commit(&mut account).await.unwrap();
    drop(account);
    let start = Instant::now();
    let account = repository.get(&id).await.unwrap().unwrap();
    assert_eq!(account.balance, amount * Decimal::from(count - 1));
    f64::from(count) / start.elapsed().as_secs_f64()
}
