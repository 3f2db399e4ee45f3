//! The program by hand on PostgreSQL. One task takes all waiting commands into one transaction,
//! over one connection, and answers after the commit. The rows are those of `fluvius-postgres`, in
//! the schema that it makes.
//!
//! | file | contents |
//! |---|---|
//! | `rows` | the rows, one struct per table |
//! | `plan` | the rule, and the rows of a batch |
//! | `connection` | the writer's connection, and the reads of accounts |
//! | `function` | a batch by the store's commit function |
//! | `statements` | a batch by plain statements |

mod connection;
mod function;
mod plan;
mod rows;
mod statements;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bench_common::{Bank, BankCommand, BankError, Batches, Uuid};
use rust_decimal::Decimal;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::Client;

use self::connection::Connection;
use self::function::Function;
use self::statements::Statements;
use super::command::{Account, CommitOutcome, Job, MAX_BATCH_UNITS, job};

/// The way in which a batch is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// By the store's commit function.
    Function,
    /// By plain statements.
    Statements,
}

/// A bank with one task that writes all commands.
pub(crate) struct ByHand {
    jobs: mpsc::UnboundedSender<Job>,
    reader: Client,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    batches: AtomicU64,
    units: AtomicU64,
}

/// The writer, with its connection and prepared statements.
enum Writer {
    Function(Box<Function>),
    Statements(Box<Statements>),
}

impl Writer {
    async fn open(url: &str, schema: &str, way: Way) -> Result<Self, tokio_postgres::Error> {
        let connection = Connection::open(url, schema).await?;
        Ok(match way {
            Way::Function => Self::Function(Box::new(Function::prepare(connection).await?)),
            Way::Statements => Self::Statements(Box::new(Statements::prepare(connection).await?)),
        })
    }

    /// Writes commands in one transaction, and returns the outcome of each.
    async fn commit(&mut self, batch: &[Job]) -> Vec<CommitOutcome> {
        let fates = match self {
            Self::Function(function) => function.commit(batch).await,
            Self::Statements(statements) => statements.commit(batch).await,
        };
        fates.unwrap_or_else(|error| {
            batch.iter().map(|_| CommitOutcome::Failed(error.clone())).collect()
        })
    }
}

impl ByHand {
    /// Creates a schema, and opens the bank in it.
    pub(crate) async fn open(
        url: &str,
        schema: &str,
        way: Way,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        connection::make_schema(url, schema).await?;
        let writer = Writer::open(url, schema, way).await?;
        let reader = connection::connect(url, schema).await?;
        let (jobs, waiting) = mpsc::unbounded_channel();
        let counts = Arc::<Counts>::default();
        tokio::spawn(run(writer, waiting, Arc::clone(&counts)));
        Ok(Self { jobs, reader, counts })
    }
}

/// Takes all waiting commands, writes them and answers, until all senders are dropped.
async fn run(mut writer: Writer, mut waiting: mpsc::UnboundedReceiver<Job>, counts: Arc<Counts>) {
    let mut batch = Vec::with_capacity(MAX_BATCH_UNITS);
    while waiting.recv_many(&mut batch, MAX_BATCH_UNITS).await > 0 {
        let fates = writer.commit(&batch).await;
        counts.batches.fetch_add(1, Ordering::Relaxed);
        counts.units.fetch_add(batch.len() as u64, Ordering::Relaxed);
        for (job, fate) in batch.drain(..).zip(fates) {
            // The caller may have dropped its receiver.
            let _ = job.done.map(|done| done.send(fate));
        }
    }
}

impl Bank for ByHand {
    async fn run(&self, account: Uuid, command: BankCommand) -> Result<(), BankError> {
        let (done, answer) = oneshot::channel();
        self.jobs.send(job(account, command, Some(done))?).map_err(BankError::other)?;
        match answer.await.map_err(BankError::other)? {
            CommitOutcome::Applied => Ok(()),
            CommitOutcome::Rejected => Err(BankError::Rejected),
            fate => Err(BankError::other(format!("{fate:?}"))),
        }
    }

    async fn balance(&self, account: Uuid) -> Option<Decimal> {
        let sql = "SELECT data FROM resource_state WHERE identifier = $1";
        let row = self.reader.query_one(sql, &[&account]).await.ok()?;
        Some(serde_json::from_str::<Account>(row.get(0)).ok()?.balance)
    }

    fn batches(&self) -> Option<Batches> {
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        Some(Batches { batches: count(&self.counts.batches), units: count(&self.counts.units) })
    }
}
