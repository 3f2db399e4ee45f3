//! Group commit: one writer takes all waiting commands, and answers when all of them are stored.

use std::sync::{Arc, mpsc};

use bench_common::{Bank, BankCommand, BankError, Uuid};
use rust_decimal::Decimal;
use tokio::sync::oneshot;

/// The maximum number of commands in one commit.
pub(crate) const MAX_BATCH_UNITS: usize = 1024;

/// A command in the writer's queue.
pub(crate) struct Job {
    pub(crate) id: Uuid,
    pub(crate) command: BankCommand,
    pub(crate) done: oneshot::Sender<()>,
}

type Read = Arc<dyn Fn(Uuid) -> Option<Decimal> + Send + Sync>;

pub(crate) struct GroupBank {
    pub(crate) jobs: mpsc::Sender<Job>,
    pub(crate) read: Option<Read>,
}

impl GroupBank {
    /// Starts a bank whose writer is a thread that calls `commit` per batch.
    pub(crate) fn start(mut commit: impl FnMut(&[Job]) + Send + 'static) -> Self {
        let (jobs, waiting) = mpsc::channel::<Job>();
        std::thread::spawn(move || {
            let mut batch = Vec::with_capacity(MAX_BATCH_UNITS);
            while let Ok(job) = waiting.recv() {
                batch.push(job);
                batch.extend(waiting.try_iter().take(MAX_BATCH_UNITS - 1));
                commit(&batch);
                for job in batch.drain(..) {
                    let _ = job.done.send(());
                }
            }
        });
        Self { jobs, read: None }
    }
}

impl Bank for GroupBank {
    async fn run(&self, id: Uuid, command: BankCommand) -> Result<(), BankError> {
        let (done, answer) = oneshot::channel();
        self.jobs.send(Job { id, command, done }).map_err(BankError::other)?;
        answer.await.map_err(BankError::other)
    }

    async fn balance(&self, id: Uuid) -> Option<Decimal> {
        self.read.as_ref().and_then(|read| read(id))
    }
}
