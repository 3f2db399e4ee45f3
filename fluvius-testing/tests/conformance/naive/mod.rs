//! An independent store that is as simple as possible, with an optional planted fault.
//!
//! It shares no code with the memory store: one vector holds all rows, and reads scan it from the
//! start.

mod commit;
mod content;
mod query;
mod read;
mod scan;
mod unit_checks;
mod value;
mod work;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{DateTime, Utc};
use fluvius_core::query::{Field, StateScan};
use fluvius_core::work::{
    Announcement, Capabilities, Incarnation, WorkOutcome, WorkPage, WorkQuery, WorkUnit,
};
use fluvius_core::{
    AggregateId, AnyRecord, CommandRecord, CommandStatus, CommitOutcome, ContextRecord,
    EventRecord, Lease, LogEntry, LogKind, LogPage, LogQuery, StateQuery, StateRecord, Store,
    StoreError, UnitOfWork,
};
use uuid::Uuid;

use crate::mangle::mangle;
use crate::mutant::Mutant;
use commit::pause;
use content::Content;
use work::Work;

/// The content that all handles share.
#[derive(Debug, Default)]
pub(crate) struct Place {
    content: Mutex<Content>,
    locks: Mutex<BTreeMap<AggregateId, Arc<tokio::sync::Mutex<()>>>>,
    writer: tokio::sync::Mutex<()>,
    leases: Mutex<BTreeMap<AggregateId, Arc<tokio::sync::Mutex<()>>>>,
}

/// A handle to the store.
#[derive(Debug, Clone)]
pub(crate) struct Naive {
    place: Arc<Place>,
    mutant: Option<Mutant>,
    own: Arc<Mutex<Own>>,
}

/// The private data of a handle.
#[derive(Debug, Default)]
struct Own {
    position: u64,
    contexts: BTreeSet<Uuid>,
    taken: HashSet<Uuid>,
    unseen: Option<Content>,
    given: usize,
    scanned: usize,
    indexes: Vec<Field>,
    indexed: Content,
    is_closed: bool,
}

/// Ends the announcement of a process when it is dropped.
struct Withdrawal {
    store: Naive,
    process: Uuid,
}

impl Drop for Withdrawal {
    fn drop(&mut self) {
        self.store.content().work.processes.remove(&self.process);
    }
}

impl Naive {
    /// Opens a handle, with an optional mutant.
    pub(crate) fn open(place: &Arc<Place>, mutant: Option<Mutant>) -> Self {
        // The harness and the caller hold the two references, so no other handle is open.
        let is_first = Arc::strong_count(place) == 2;
        let store = Self { place: Arc::clone(place), mutant, own: Arc::default() };
        if store.is(Mutant::ForgetsWhenClosed) && is_first {
            *store.content() = Content::default();
        }
        if store.is(Mutant::WorkForgottenWhenClosed) && is_first {
            store.content().work = Work::default();
        }
        if store.is(Mutant::PositionsForgottenWhenClosed) {
            store.content().position = 0;
        }
        store
    }

    fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn is_any(&self, mutations: &[Mutant]) -> bool {
        mutations.iter().any(|mutant| self.is(*mutant))
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.place.content.lock().unwrap()
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap()
    }

    /// Returns the content that this handle shows.
    fn shown(&self) -> Content {
        // Takes one lock at a time.
        let unseen = self.own().unseen.clone();
        unseen.unwrap_or_else(|| self.content().clone())
    }

    fn failure(&self, message: &str, retryable_if: Mutant) -> StoreError {
        match self.is(retryable_if) {
            true => StoreError::unavailable(message),
            false => StoreError::permanent(message),
        }
    }

    /// Applies a batch to a content. Returns the outcomes.
    fn apply(&self, content: &mut Content, batch: &[UnitOfWork]) -> Vec<CommitOutcome> {
        let before = content.clone();
        let mut outcomes: Vec<CommitOutcome> = Vec::new();
        for (index, unit) in batch.iter().enumerate() {
            let base = if self.is(Mutant::EarlierUnitsIgnored) { &before } else { &*content };
            let contended = self.contended(unit);
            let outcome = match self.check_unit(base, &before, unit, index, &outcomes) {
                None if self.is(Mutant::LeasesRequired) && !contended.is_empty() => {
                    CommitOutcome::Failed(StoreError::unavailable("another handle holds the lease"))
                }
                Some(outcome) => {
                    self.leave_behind(content, unit, &outcome);
                    outcome
                }
                None => match self.write(content, unit) {
                    CommitOutcome::Committed { first, .. } => {
                        CommitOutcome::Committed { first, contended }
                    }
                    outcome => outcome,
                },
            };
            outcomes.push(outcome);
        }
        let is_failed =
            |outcome: &CommitOutcome| !matches!(outcome, CommitOutcome::Committed { .. });
        if self.is(Mutant::FailedUnitFailsTheBatch) && outcomes.iter().any(is_failed) {
            *content = before;
            let failed = || CommitOutcome::Failed(StoreError::unavailable("the batch failed"));
            return batch.iter().map(|_| failed()).collect();
        }
        if self.is(Mutant::OutcomesMissing) {
            outcomes.retain(|outcome| !matches!(outcome, CommitOutcome::DependencyAborted { .. }));
        }
        if self.is(Mutant::EmptyBatchHasAnOutcome) && batch.is_empty() {
            outcomes.push(CommitOutcome::Committed { first: 1, contended: Vec::new() });
        }
        if self.is(Mutant::ManyUnitsFail) && batch.len() > 256 {
            *content = before;
            let failed = || CommitOutcome::Failed(StoreError::permanent("too many parameters"));
            return batch.iter().map(|_| failed()).collect();
        }
        outcomes
    }

    /// Returns the lease of an aggregate, and creates it at first use.
    fn lease_of(&self, aggregate_id: &AggregateId) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(self.place.leases.lock().unwrap().entry(aggregate_id.clone()).or_default())
    }

    fn contended(&self, unit: &UnitOfWork) -> Vec<AggregateId> {
        let leases = self.place.leases.lock().unwrap();
        let is_reported = |aggregate_id: &&AggregateId| match self.mutant {
            Some(Mutant::ContentionNotReported) => false,
            Some(Mutant::ContentionReportedForever) => leases.contains_key(aggregate_id),
            _ => leases.get(aggregate_id).is_some_and(|lease| lease.try_lock().is_err()),
        };
        unit.states.iter().map(|state| &state.aggregate_id).filter(is_reported).cloned().collect()
    }

    /// Plants the rows that a failed unit must not leave.
    fn leave_behind(&self, content: &mut Content, unit: &UnitOfWork, outcome: &CommitOutcome) {
        let is_known = matches!(outcome, CommitOutcome::DuplicateCommand { .. });
        match self.mutant {
            Some(Mutant::FailedUnitLeavesCommand) if !is_known => {
                for command in &unit.commands {
                    content.position += 1;
                    let record = AnyRecord::Command(command.as_ref().clone());
                    content.rows.push(LogEntry { position: content.position, record });
                }
            }
            Some(Mutant::ConflictLeavesStates)
                if matches!(outcome, CommitOutcome::VersionConflict { .. }) =>
            {
                for state in &unit.states {
                    content
                        .states
                        .entry(state.aggregate_id.clone())
                        .or_insert_with(|| state.as_ref().clone());
                }
            }
            Some(Mutant::FailedUnitLeavesContext) => {
                content.contexts.insert(unit.context.id, Arc::clone(&unit.context));
            }
            Some(Mutant::ContextsRemembered) => {
                self.own().contexts.insert(unit.context.id);
            }
            Some(Mutant::IdentifiersOfFailedUnitsTaken) if !is_known => {
                content.taken.extend(unit.commands.iter().map(|command| command.id));
            }
            _ => {}
        }
    }

    fn write(&self, content: &mut Content, unit: &UnitOfWork) -> CommitOutcome {
        let mut first = content.position + 1;
        if self.is(Mutant::PositionsPerHandle) {
            first = self.own().position + 1;
        }
        if unit.row_count() == 0 && !self.is(Mutant::UnitsWithoutRowsLeaveContext) {
            return CommitOutcome::Committed { first, contended: Vec::new() };
        }
        let unit = match self.mutant {
            Some(mutant) => mangle(unit, mutant),
            None => unit.clone(),
        };
        self.write_context(content, &unit);
        self.own().taken.extend(unit.commands.iter().map(|command| command.id));
        let states = unit.states.into_iter();
        let count = if self.is(Mutant::OnlyFirstAggregateWritten) { 1 } else { usize::MAX };
        for state in states.take(count) {
            content.states.insert(state.aggregate_id.clone(), Arc::unwrap_or_clone(state));
        }
        let mut rows: Vec<AnyRecord> =
            unit.commands.into_iter().map(Arc::unwrap_or_clone).map(AnyRecord::Command).collect();
        let events = unit.events.into_iter().map(Arc::unwrap_or_clone).map(AnyRecord::Event);
        match self.is(Mutant::EventsBeforeCommands) {
            true => drop(rows.splice(0..0, events)),
            false => rows.extend(events),
        }
        rows.extend(unit.messages.into_iter().map(Arc::unwrap_or_clone).map(AnyRecord::Message));
        rows.extend(unit.activities.into_iter().map(Arc::unwrap_or_clone).map(AnyRecord::Activity));
        if self.is(Mutant::OnlyOneVersionPerUnit) {
            let mut aggregate_ids = BTreeSet::new();
            rows.retain(|row| match row {
                AnyRecord::Event(event) => aggregate_ids.insert(event.aggregate_id.clone()),
                _ => true,
            });
        }
        let step = if self.is(Mutant::PositionsWithGaps) { 2 } else { 1 };
        let mut position = first;
        for record in rows {
            if self.is(Mutant::PositionsPerLog) {
                position = content.count(record.kind()) + 1;
            }
            content.rows.push(LogEntry { position, record });
            position += step;
        }
        content.position = content.position.max(position - 1);
        self.own().position = position - 1;
        content.rows.sort_by_key(|row| row.position);
        CommitOutcome::Committed { first, contended: Vec::new() }
    }

    fn write_context(&self, content: &mut Content, unit: &UnitOfWork) {
        let is_dropped = match self.mutant {
            Some(Mutant::ContextsRemembered) => !self.own().contexts.insert(unit.context.id),
            Some(Mutant::ContextsOfActivitiesDropped) => unit.commands.is_empty(),
            Some(Mutant::ContextsReplaced) => {
                content.contexts.remove(&unit.context.id);
                false
            }
            _ => false,
        };
        if !is_dropped {
            let context = || Arc::clone(&unit.context);
            content.contexts.entry(unit.context.id).or_insert_with(context);
        }
    }
}

impl Store for Naive {
    fn capabilities(&self) -> Capabilities {
        Capabilities::all()
    }

    async fn incarnation(&self) -> Result<Incarnation, StoreError> {
        Ok(self.identity())
    }

    async fn work(&self, query: &WorkQuery) -> Result<WorkPage, StoreError> {
        Ok(self.work_page(query))
    }

    async fn write_work(&self, units: Arc<[WorkUnit]>, now: DateTime<Utc>) -> Vec<WorkOutcome> {
        self.write_all(&units, now).await
    }

    async fn announce(&self, process: Uuid) -> Option<Announcement> {
        self.content().work.processes.insert(process);
        Some(Announcement::new(Withdrawal { store: self.clone(), process }))
    }

    async fn ended(&self, processes: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
        let alive = self.shown().work.processes;
        let is_all = self.is(Mutant::LiveProcessesEnded);
        let ended = processes.iter().filter(|process| is_all || !alive.contains(process));
        Ok(ended.copied().collect())
    }

    async fn acquire_lease(&self, aggregate_id: &AggregateId) -> Option<Lease> {
        if self.is(Mutant::LeasesShared) {
            return Some(Lease::new(()));
        }
        let lease = tokio::time::timeout(
            std::time::Duration::from_millis(50),
            self.lease_of(aggregate_id).lock_owned(),
        );
        let lease = lease.await.ok()?;
        if self.is(Mutant::LeasesNotReleased) {
            std::mem::forget(lease);
            return Some(Lease::new(()));
        }
        Some(Lease::new(lease))
    }

    async fn register_domain(
        &self,
        domain: &str,
        resources: &[&'static str],
    ) -> Result<(), StoreError> {
        let mut copy = self.content().clone();
        for resource in resources {
            let owner = copy.owners.get(*resource).filter(|owner| *owner != domain);
            if let Some(owner) = owner
                && !self.is(Mutant::ClaimsUnchecked)
            {
                let error = StoreError::resource_taken(resource, owner).to_string();
                let error = self.failure(&error, Mutant::ClaimsAreRetryable);
                if self.is(Mutant::ClaimsHalf) {
                    self.content().owners = copy.owners;
                }
                return Err(error);
            }
            copy.owners.insert((*resource).to_owned(), domain.to_owned());
        }
        if self.is(Mutant::ClaimsCheckedEarly) {
            pause().await;
        }
        let mut content = self.content();
        // Another registration may have come first since the copy.
        let is_taken =
            |resource: &&&str| content.owners.get(**resource).is_some_and(|owner| owner != domain);
        if let Some(resource) = resources.iter().find(is_taken)
            && !self.is_any(&[Mutant::ClaimsCheckedEarly, Mutant::ClaimsUnchecked])
        {
            let owner = &content.owners[*resource];
            return Err(StoreError::resource_taken(resource, owner));
        }
        for resource in resources {
            content.owners.insert((*resource).to_owned(), domain.to_owned());
        }
        Ok(())
    }

    async fn declare_indexes(&self, _: &str, fields: &[Field]) -> Result<(), StoreError> {
        let indexed = self.shown();
        let mut own = self.own();
        (own.indexes, own.indexed) = (fields.to_vec(), indexed);
        Ok(())
    }

    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<CommitOutcome> {
        match self.mutant {
            Some(
                Mutant::CheckedEarly
                | Mutant::ReadAggregatesCheckedEarly
                | Mutant::AbsentAggregatesCheckedEarly
                | Mutant::IdentifiersCheckedEarly,
            ) => self.commit_early(&batch).await,
            Some(
                Mutant::HalfUnitsShown
                | Mutant::LastRowsShownLater
                | Mutant::LogShownLater
                | Mutant::DroppedCommitLeavesHalf,
            ) => self.commit_in_steps(&batch).await,
            Some(Mutant::PositionsReserved) => self.commit_reserved(&batch).await,
            Some(Mutant::LocksInBatchOrder) => self.commit_locked(&batch).await,
            Some(Mutant::OldContentShown) => {
                // A reader of this handle sees the content of its last write or first read.
                let outcomes = self.apply(&mut self.content(), &batch);
                self.own().unseen = None;
                outcomes
            }
            _ => self.apply(&mut self.content(), &batch),
        }
    }

    async fn load(&self, aggregate_id: &AggregateId) -> Result<Option<StateRecord>, StoreError> {
        if self.own().is_closed {
            return Err(StoreError::unavailable("the store was closed"));
        }
        let mut row = self.shown().states.get(aggregate_id).cloned();
        if self.is(Mutant::ClosedRowsDropped) {
            row = row.filter(|row| row.closed_at.is_none());
        }
        if self.is(Mutant::OldContentShown) && self.own().unseen.is_none() {
            let content = self.content().clone();
            self.own().unseen = Some(content);
        }
        Ok(row)
    }

    async fn snapshot(
        &self,
        aggregate_ids: &[AggregateId],
    ) -> Result<Vec<Option<StateRecord>>, StoreError> {
        Ok(self.rows_of(aggregate_ids).await)
    }

    async fn query(&self, query: &StateQuery) -> Result<Vec<StateRecord>, StoreError> {
        self.select(query).await
    }

    async fn scan(&self, query: &StateQuery, scan_limit: usize) -> Result<StateScan, StoreError> {
        self.scan_rows(query, scan_limit).await
    }

    async fn command(
        &self,
        id: Uuid,
    ) -> Result<Option<(LogEntry<CommandRecord>, Arc<ContextRecord>)>, StoreError> {
        let found = self.shown().command(id);
        let is_shown = |row: &CommandRecord| {
            !self.is(Mutant::RejectionsNotFound) || row.status == CommandStatus::Applied
        };
        Ok(found.filter(|(row, _)| is_shown(&row.record)))
    }

    async fn history(
        &self,
        aggregate_id: &AggregateId,
        first: u64,
        last: u64,
    ) -> Result<Vec<LogEntry<EventRecord>>, StoreError> {
        let mut last = last;
        if self.is(Mutant::BoundsSigned) && i64::try_from(last).is_err() {
            last = 0;
        }
        if self.is(Mutant::HistoryWithoutLast) {
            last = last.saturating_sub(1);
        }
        let mut events: Vec<_> = self
            .shown()
            .rows
            .into_iter()
            .filter_map(|row| match row.record {
                AnyRecord::Event(record) => Some(LogEntry { position: row.position, record }),
                _ => None,
            })
            .filter(|event| {
                event.record.aggregate_id == *aggregate_id
                    && (first..=last).contains(&event.record.version)
            })
            .collect();
        events.sort_by_key(|event| event.record.version);
        Ok(events)
    }

    async fn log(&self, kind: LogKind, query: &LogQuery) -> Result<LogPage<AnyRecord>, StoreError> {
        self.read(kind, query)
    }

    async fn context(&self, id: Uuid) -> Result<Option<Arc<ContextRecord>>, StoreError> {
        Ok(self.shown().contexts.get(&id).cloned())
    }

    async fn close(&self) -> Result<(), StoreError> {
        let is_closed = self.is(Mutant::OnlyLoadsFailWhenClosed);
        self.own().is_closed = is_closed;
        Ok(())
    }
}
