//! The store contract: each call is sent to the writer or to a reader.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fluvius_store::chrono::{DateTime, Utc};
use fluvius_store::query::{Field, StateScan};
use fluvius_store::uuid::Uuid;
use fluvius_store::work::{
    Announcement, Capabilities, Incarnation, WorkOutcome, WorkPage, WorkQuery, WorkUnit,
};
use fluvius_store::{
    AggregateId, AnyRecord, CommitOutcome, ContextRecord, EventRecord, LogEntry, LogKind, LogPage,
    LogQuery, StateQuery, StateRecord, Store, StoreError, StoredCommand, UnitOfWork, off_runtime,
};
use tokio::sync::oneshot;

use super::SqliteStore;
use crate::error::thread_lost;
use crate::read;
use crate::readers::Lane;
use crate::writer::{Commit, Job, WorkCall};

impl Store for SqliteStore {
    async fn register_domain(
        &self,
        domain: &str,
        resources: &[&'static str],
    ) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        let (domain, resources) = (domain.to_owned(), resources.to_vec());
        self.threads.writer.send(Job::RegisterDomain { domain, resources, answer })?;
        off_runtime(answered).await.map_err(|_| thread_lost())?
    }

    async fn declare_indexes(&self, resource: &str, fields: &[Field]) -> Result<(), StoreError> {
        let mut fields = Some(fields.to_vec());
        loop {
            let (answer, answered) = oneshot::channel();
            let resource = resource.to_owned();
            self.threads.writer.send(Job::DeclareIndexes {
                resource,
                fields: fields.take(),
                answer,
            })?;
            // Other commits may run in between.
            if !off_runtime(answered).await.map_err(|_| thread_lost())?? {
                return Ok(());
            }
        }
    }

    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        if batch.is_empty() {
            return Vec::new();
        }
        let (answer, answered) = oneshot::channel();
        let commit = Commit { batch: Arc::clone(&batch), answer };
        if let Err(error) = self.threads.writer.send(Job::Commit(commit)) {
            return batch.iter().map(|_| CommitOutcome::Failed(error.clone())).collect();
        }
        // A call stays unanswered only if its thread has ended. The log then shows the outcome.
        off_runtime(answered)
            .await
            .unwrap_or_else(|_| batch.iter().map(|_| CommitOutcome::InDoubt).collect())
    }

    async fn load(&self, aggregate_id: &AggregateId) -> Result<Option<StateRecord>, StoreError> {
        let aggregate_id = aggregate_id.clone();
        self.read(Lane::Points, move |connection| read::load(connection, &aggregate_id)).await
    }

    async fn snapshot(
        &self,
        aggregate_ids: &[AggregateId],
    ) -> Result<Vec<Option<StateRecord>>, StoreError> {
        let aggregate_ids = aggregate_ids.to_vec();
        self.read(Lane::Scans, move |connection| read::snapshot(connection, &aggregate_ids)).await
    }

    async fn query(&self, query: &StateQuery) -> Result<Vec<StateRecord>, StoreError> {
        query.check()?;
        let query = query.clone();
        self.read(Lane::Scans, move |connection| read::query(connection, &query)).await
    }

    async fn scan(&self, query: &StateQuery, scan_limit: usize) -> Result<StateScan, StoreError> {
        query.check()?;
        let query = query.clone();
        self.read(Lane::Scans, move |connection| read::scan(connection, &query, scan_limit)).await
    }

    async fn command(&self, id: Uuid) -> Result<Option<StoredCommand>, StoreError> {
        if self.threads.writer.has_in_doubt() {
            let (answer, answered) = oneshot::channel();
            self.threads.writer.send(Job::ResolveInDoubt(answer))?;
            off_runtime(answered).await.map_err(|_| thread_lost())??;
        }
        self.read(Lane::Points, move |connection| read::command(connection, id)).await
    }

    async fn history(
        &self,
        aggregate_id: &AggregateId,
        first: u64,
        last: u64,
    ) -> Result<Vec<LogEntry<EventRecord>>, StoreError> {
        let mut rows = Vec::new();
        let mut next = Some(first);
        while let Some(first) = next {
            let aggregate_id = aggregate_id.clone();
            let part = self.read(Lane::Points, move |connection| {
                read::history(connection, &aggregate_id, first, last)
            });
            let part = part.await?;
            rows.extend(part.rows);
            next = part.next;
        }
        Ok(rows)
    }

    async fn log(&self, kind: LogKind, query: &LogQuery) -> Result<LogPage<AnyRecord>, StoreError> {
        let lane = match (kind, &query.aggregate_id) {
            (LogKind::Events, Some(_)) => Lane::Points,
            _ => Lane::Scans,
        };
        self.read_pages(lane, kind, query).await
    }

    async fn context(&self, id: Uuid) -> Result<Option<Arc<ContextRecord>>, StoreError> {
        self.read(Lane::Points, move |connection| read::context(connection, id)).await
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.threads.writer.send(Job::Incarnation(answer))?;
        off_runtime(answered).await.map_err(|_| thread_lost())?
    }

    async fn work(&self, query: &WorkQuery) -> Result<WorkPage, StoreError> {
        let query = query.clone();
        self.read(Lane::Points, move |connection| read::work(connection, &query)).await
    }

    async fn write_work(&self, units: Arc<[WorkUnit]>, now: DateTime<Utc>) -> Vec<WorkOutcome> {
        if units.is_empty() {
            return Vec::new();
        }
        let (answer, answered) = oneshot::channel();
        let call = WorkCall::new(Arc::clone(&units), now, answer);
        if let Err(error) = self.threads.writer.send(Job::WriteWork(call)) {
            return units.iter().map(|_| WorkOutcome::Failed(error.clone())).collect();
        }
        // A call stays unanswered only if its thread has ended. The rows then show the outcome.
        off_runtime(answered)
            .await
            .unwrap_or_else(|_| units.iter().map(|_| WorkOutcome::InDoubt).collect())
    }

    async fn announce(&self, process: Uuid) -> Option<Announcement> {
        self.threads.processes.announce(process)
    }

    async fn ended(&self, processes: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
        Ok(self.threads.processes.ended(processes))
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.threads.close().await
    }

    async fn release(&self) {
        if self.is_released.swap(true, Ordering::AcqRel) {
            // Only the first release can close the store. A repeated one waits for the close.
            if self.threads.is_closed.load(Ordering::Acquire) {
                let _ = self.threads.writer.closed().await;
            }
            return;
        }
        if self.threads.give_up_handle() {
            if let Err(error) = self.threads.close().await {
                tracing::warn!(%error, "the store was not closed as it should be");
            }
        } else if self.threads.database.file.is_some() {
            // So that a copy of the file is complete, even before the other clones are released.
            let (answer, answered) = oneshot::channel();
            if self.threads.writer.send(Job::Checkpoint(answer)).is_ok() {
                let _ = off_runtime(answered).await;
            }
        }
    }
}
