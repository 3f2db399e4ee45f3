//! A second store, as plain as can be, which can be told to do one thing wrong.
//!
//! It has nothing in common with the memory store: one vector of rows, searched from its
//! beginning, and each batch on a copy of the whole content.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fluvius_core::{
    ActivityRecord, AggregateRoot, CommandRecord, CommandStatus, ContextRecord, EventRecord, Fate,
    LogQuery, Logged, MessageRecord, RealmFilter, StateRecord, Store, StoreError, UnitOfWork,
};
use uuid::Uuid;

use crate::mangle::mangle;
use crate::mutation::Mutation;

/// What all handles share.
#[derive(Debug, Default)]
pub struct Place {
    content: Mutex<Content>,
    locks: Mutex<BTreeMap<AggregateRoot, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Debug, Clone, Default)]
struct Content {
    position: u64,
    owners: BTreeMap<String, String>,
    states: BTreeMap<AggregateRoot, StateRecord>,
    contexts: BTreeMap<Uuid, Arc<ContextRecord>>,
    rows: Vec<Logged<Row>>,
    taken: HashSet<Uuid>,
}

#[derive(Debug, Clone)]
enum Row {
    Command(CommandRecord),
    Event(EventRecord),
    Message(MessageRecord),
    Activity(ActivityRecord),
}

/// A handle.
#[derive(Debug, Clone)]
pub struct Naive {
    place: Arc<Place>,
    mutation: Option<Mutation>,
    own: Arc<Mutex<Own>>,
}

/// What a handle keeps for itself.
#[derive(Debug, Default)]
struct Own {
    position: u64,
    contexts: BTreeSet<Uuid>,
    taken: HashSet<Uuid>,
    unseen: Option<Content>,
}

impl Naive {
    pub fn open(place: &Arc<Place>, mutation: Option<Mutation>) -> Self {
        let place = match mutation {
            Some(Mutation::ForgetsWhenClosed) if Arc::strong_count(place) == 2 => Arc::default(),
            _ => Arc::clone(place),
        };
        let store = Self { place, mutation, own: Arc::default() };
        if store.is(Mutation::PositionsForgottenWhenClosed) {
            store.content().position = 0;
        }
        store
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    fn is_any(&self, mutations: &[Mutation]) -> bool {
        mutations.iter().any(|mutation| self.is(*mutation))
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.place.content.lock().unwrap()
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap()
    }

    /// The content as this handle shows it.
    fn shown(&self) -> Content {
        self.own().unseen.clone().unwrap_or_else(|| self.content().clone())
    }

    fn failure(&self, message: &str, may_pass: Mutation) -> StoreError {
        match self.is(may_pass) {
            true => StoreError::unavailable(message),
            false => StoreError::permanent(message),
        }
    }

    /// Commits a batch on a content, and tells the fates.
    fn apply(&self, content: &mut Content, batch: &[UnitOfWork]) -> Vec<Fate> {
        let before = content.clone();
        let mut fates: Vec<Fate> = Vec::new();
        for (index, unit) in batch.iter().enumerate() {
            let base = if self.is(Mutation::BatchNotCounted) { &before } else { &*content };
            let fate = match self.refusal(base, &before, unit, index, &fates) {
                Some(fate) => {
                    self.leave_behind(content, unit, &fate);
                    fate
                }
                None => self.write(content, unit),
            };
            fates.push(fate);
        }
        let is_refused = |fate: &Fate| !matches!(fate, Fate::Committed { .. });
        if self.is(Mutation::RefusalFailsTheBatch) && fates.iter().any(is_refused) {
            *content = before;
            let failed = || Fate::Failed(StoreError::unavailable("the batch failed"));
            return batch.iter().map(|_| failed()).collect();
        }
        if self.is(Mutation::FatesMissing) {
            fates.retain(|fate| !matches!(fate, Fate::Fell { .. }));
        }
        if self.is(Mutation::EmptyBatchHasAFate) && batch.is_empty() {
            fates.push(Fate::Committed { first: 1 });
        }
        if self.is(Mutation::ManyUnitsFail) && batch.len() > 256 {
            *content = before;
            let failed = || Fate::Failed(StoreError::permanent("too many parameters"));
            return batch.iter().map(|_| failed()).collect();
        }
        fates
    }

    fn refusal(
        &self,
        content: &Content,
        before: &Content,
        unit: &UnitOfWork,
        index: usize,
        fates: &[Fate],
    ) -> Option<Fate> {
        if !self.is(Mutation::ShapeUnchecked) && unit.check_shape(index).is_err() {
            let fault = self.failure("a malformed unit", Mutation::ShapeFaultMayPass);
            return Some(Fate::Failed(fault));
        }
        if self.is(Mutation::ManyRootsFail) && unit.states.len() > 256 {
            return Some(Fate::Failed(StoreError::permanent("too many parameters")));
        }
        if self.is(Mutation::UnitsWithoutRowsUnchecked) && unit.row_count() == 0 {
            return None;
        }
        let mut reasons = [
            self.fell(unit, fates),
            self.known(content, before, unit),
            self.stale(content, before, unit),
        ];
        match self.mutation {
            Some(Mutation::StaleBeforeKnown) => reasons.swap(1, 2),
            Some(Mutation::KnownBeforeFell) => reasons.swap(0, 1),
            _ => {}
        }
        reasons.into_iter().flatten().next()
    }

    fn fell(&self, unit: &UnitOfWork, fates: &[Fate]) -> Option<Fate> {
        let stands = |on: &usize| match fates.get(*on) {
            Some(Fate::Committed { .. }) => true,
            Some(Fate::Fell { .. }) => self.is(Mutation::FallsOneStep),
            _ => false,
        };
        let mut on = unit.depends_on.iter().find(|on| !stands(on));
        if self.is(Mutation::LastDependencyTold) {
            on = unit.depends_on.iter().rfind(|on| !stands(on));
        }
        if self.is(Mutation::AllBehindARefusalFall)
            && let Some(on) = (0..fates.len()).find(|on| !stands(on))
        {
            return Some(Fate::Fell { on });
        }
        if self.is(Mutation::DependenciesIgnored) {
            return None;
        }
        on.map(|on| Fate::Fell { on: *on })
    }

    fn known(&self, content: &Content, before: &Content, unit: &UnitOfWork) -> Option<Fate> {
        let content = match self.mutation {
            Some(Mutation::IdentifiersUnchecked) => return None,
            Some(Mutation::IdentifiersUncheckedInBatch) => before,
            _ => content,
        };
        let forgotten = self.is(Mutation::IdentifiersForgottenWhenClosed);
        for command in &unit.commands {
            if forgotten && !self.own().taken.contains(&command.id) {
                continue;
            }
            if content.taken.contains(&command.id) {
                return Some(Fate::Failed(StoreError::permanent("the identifier is taken")));
            }
            let Some((row, context)) = content.command(command.id) else { continue };
            let is_free = match self.mutation {
                Some(Mutation::IdentifiersOfRefusalsFree) => {
                    row.status == CommandStatus::Rejected
                }
                Some(Mutation::IdentifiersOfInvokedFree) => row.parent.is_some(),
                _ => false,
            };
            if is_free {
                continue;
            }
            let mut row = row;
            let mut context = context;
            if self.is(Mutation::KnownTellsTheNewRow) {
                row.record = command.clone();
                context = Arc::clone(&unit.context);
            }
            return Some(Fate::Known { command: Box::new(row), context });
        }
        None
    }

    fn stale(&self, content: &Content, before: &Content, unit: &UnitOfWork) -> Option<Fate> {
        if self.is(Mutation::VersionsUnchecked) {
            return None;
        }
        let is_stale = |root: &AggregateRoot, version: u64| {
            let row = content.states.get(root);
            let mut stored = row.map_or(0, |row| row.version);
            if self.is(Mutation::ClosedRootsAreAbsent)
                && row.is_some_and(|row| row.deleted.is_some())
            {
                stored = 0;
            }
            let is_read = !unit.states.iter().any(|state| state.root == *root);
            let is_unchecked = self.is(Mutation::ReadRootsUnchecked) && is_read
                || self.is(Mutation::AbsentRootsUnchecked) && version == 0;
            stored != version && !is_unchecked
        };
        let mut stale = unit.expected.iter().filter(|one| is_stale(&one.root, one.version));
        let first = match self.is(Mutation::LastStaleRootTold) {
            true => stale.next_back()?,
            false => stale.next()?,
        };
        let told = if self.is(Mutation::StaleRowOfBeforeTheBatch) { before } else { content };
        let row = told.states.get(&first.root).cloned();
        let row = row.filter(|_| !self.is(Mutation::StaleRowNotTold));
        Some(Fate::Stale { root: first.root.clone(), stored: row.map(Box::new) })
    }

    /// What a refused unit should not leave.
    fn leave_behind(&self, content: &mut Content, unit: &UnitOfWork, fate: &Fate) {
        let is_known = matches!(fate, Fate::Known { .. });
        match self.mutation {
            Some(Mutation::RefusedLeavesCommand) if !is_known => {
                for command in &unit.commands {
                    content.position += 1;
                    let record = Row::Command(command.clone());
                    content.rows.push(Logged { position: content.position, record });
                }
            }
            Some(Mutation::StaleLeavesStates) if matches!(fate, Fate::Stale { .. }) => {
                for state in &unit.states {
                    content.states.entry(state.root.clone()).or_insert_with(|| state.clone());
                }
            }
            Some(Mutation::RefusedLeavesContext) => {
                content.contexts.insert(unit.context.id, Arc::clone(&unit.context));
            }
            Some(Mutation::ContextsRemembered) => {
                self.own().contexts.insert(unit.context.id);
            }
            Some(Mutation::IdentifiersOfRefusedUnitsTaken) if !is_known => {
                content.taken.extend(unit.commands.iter().map(|command| command.id));
            }
            _ => {}
        }
    }

    fn write(&self, content: &mut Content, unit: &UnitOfWork) -> Fate {
        let mut first = content.position + 1;
        if self.is(Mutation::PositionsPerHandle) {
            first = self.own().position + 1;
        }
        if unit.row_count() == 0 && !self.is(Mutation::UnitsWithoutRowsLeaveContext) {
            return Fate::Committed { first };
        }
        let unit = match self.mutation {
            Some(mutation) => mangle(unit, mutation),
            None => unit.clone(),
        };
        self.write_context(content, &unit);
        self.own().taken.extend(unit.commands.iter().map(|command| command.id));
        for state in unit.states {
            content.states.insert(state.root.clone(), state);
        }
        let mut rows: Vec<Row> = unit.commands.into_iter().map(Row::Command).collect();
        let events = unit.events.into_iter().map(Row::Event);
        match self.is(Mutation::EventsBeforeCommands) {
            true => drop(rows.splice(0..0, events)),
            false => rows.extend(events),
        }
        rows.extend(unit.messages.into_iter().map(Row::Message));
        rows.extend(unit.activities.into_iter().map(Row::Activity));
        if self.is(Mutation::OnlyOneVersionAUnit) {
            let mut roots = BTreeSet::new();
            rows.retain(|row| match row {
                Row::Event(event) => roots.insert(event.root.clone()),
                _ => true,
            });
        }
        let step = if self.is(Mutation::PositionsWithGaps) { 2 } else { 1 };
        let mut position = first;
        for record in rows {
            if self.is(Mutation::PositionsPerLog) {
                position = content.count(&record) + 1;
            }
            content.rows.push(Logged { position, record });
            position += step;
        }
        content.position = content.position.max(position - 1);
        self.own().position = position - 1;
        content.rows.sort_by_key(|row| row.position);
        Fate::Committed { first }
    }

    fn write_context(&self, content: &mut Content, unit: &UnitOfWork) {
        let is_dropped = match self.mutation {
            Some(Mutation::ContextsRemembered) => !self.own().contexts.insert(unit.context.id),
            Some(Mutation::ContextsOfActivitiesDropped) => unit.commands.is_empty(),
            Some(Mutation::ContextsReplaced) => {
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

    /// Checks on a copy, waits, and then writes to what is there by then.
    async fn commit_early(&self, batch: &[UnitOfWork]) -> Vec<Fate> {
        let mut copy = self.content().clone();
        let fates = self.apply(&mut copy, batch);
        pause().await;
        let mut content = self.content();
        let is_due = |unit: &UnitOfWork, content: &Content| {
            let is_known = unit.commands.iter().any(|one| content.command(one.id).is_some());
            if is_known && !self.is(Mutation::IdentifiersCheckedEarly) {
                return false;
            }
            unit.expected.iter().all(|expected| {
                let stored = content.states.get(&expected.root).map_or(0, |row| row.version);
                let is_read = !unit.states.iter().any(|state| state.root == expected.root);
                stored == expected.version
                    || self.is(Mutation::CheckedEarly)
                    || self.is(Mutation::ReadRootsCheckedEarly) && is_read
                    || self.is(Mutation::AbsentRootsCheckedEarly) && expected.version == 0
            })
        };
        if !batch.iter().zip(&fates).all(|(unit, fate)| {
            !matches!(fate, Fate::Committed { .. }) || !unit.depends_on.is_empty() || is_due(unit, &content)
        }) {
            // Somebody was quicker: again, on what is there now.
            return self.apply(&mut content, batch);
        }
        let mut written = Vec::new();
        for (unit, fate) in batch.iter().zip(fates) {
            written.push(match fate {
                Fate::Committed { .. } => self.write(&mut content, unit),
                fate => fate,
            });
        }
        written
    }

    /// Publishes the new content not at once.
    async fn commit_in_steps(&self, batch: &[UnitOfWork]) -> Vec<Fate> {
        let (before, after, fates) = {
            let mut content = self.content();
            let before = content.clone();
            let fates = self.apply(&mut content, batch);
            let after = content.clone();
            // What others do meanwhile is not lost, but shown with it.
            (before, after, fates)
        };
        let mut first_step = after.clone();
        match self.mutation {
            Some(Mutation::HalfUnitsShown) => {
                let shown = before.rows.len() + (after.rows.len() - before.rows.len()) / 2;
                first_step.rows.truncate(shown);
            }
            Some(Mutation::LogShownLater | Mutation::DroppedLeavesHalf) => {
                first_step.rows = before.rows;
            }
            _ => first_step = before,
        }
        *self.content() = first_step;
        pause().await;
        *self.content() = after;
        fates
    }

    /// Draws positions first, and writes the rows when others may have passed.
    async fn commit_reserved(&self, batch: &[UnitOfWork]) -> Vec<Fate> {
        let count: usize = batch.iter().map(UnitOfWork::row_count).sum();
        let first = {
            let mut content = self.content();
            content.position += count as u64;
            content.position - count as u64
        };
        pause().await;
        let mut content = self.content();
        let newest = std::mem::replace(&mut content.position, first);
        let fates = self.apply(&mut content, batch);
        content.position = newest.max(content.position);
        fates
    }

    /// Takes the lock of each root in the order of the batch.
    async fn commit_locked(&self, batch: &[UnitOfWork]) -> Vec<Fate> {
        let mut held = BTreeMap::new();
        for unit in batch {
            for expected in &unit.expected {
                if held.contains_key(&expected.root) {
                    continue;
                }
                let lock = {
                    let mut locks = self.place.locks.lock().unwrap();
                    Arc::clone(locks.entry(expected.root.clone()).or_default())
                };
                held.insert(expected.root.clone(), lock.lock_owned().await);
                tokio::task::yield_now().await;
            }
        }
        self.apply(&mut self.content(), batch)
    }
}

async fn pause() {
    tokio::time::sleep(Duration::from_micros(300)).await;
}

impl Content {
    fn command(&self, id: Uuid) -> Option<(Logged<CommandRecord>, Arc<ContextRecord>)> {
        self.rows.iter().find_map(|row| match &row.record {
            Row::Command(record) if record.id == id => {
                let context = Arc::clone(self.contexts.get(&record.context_id)?);
                Some((Logged { position: row.position, record: record.clone() }, context))
            }
            _ => None,
        })
    }

    fn count(&self, like: &Row) -> u64 {
        let kind = std::mem::discriminant(like);
        let rows = self.rows.iter();
        rows.filter(|row| std::mem::discriminant(&row.record) == kind).count() as u64
    }

    fn realm_of_context(&self, id: Uuid) -> Option<String> {
        self.contexts.get(&id).and_then(|context| context.realm.clone())
    }

    fn realm_of_command(&self, id: Uuid) -> Option<String> {
        let command = self.rows.iter().find_map(|row| match &row.record {
            Row::Command(record) if record.id == id => Some(record.context_id),
            _ => None,
        });
        command.and_then(|context| self.realm_of_context(context))
    }
}

impl Row {
    fn root(&self) -> &AggregateRoot {
        match self {
            Self::Command(row) => &row.root,
            Self::Event(row) => &row.root,
            Self::Message(row) => &row.root,
            Self::Activity(row) => &row.root,
        }
    }

    fn realm(&self, content: &Content) -> Option<String> {
        match self {
            Self::Command(row) => content.realm_of_context(row.context_id),
            Self::Event(row) => content.realm_of_command(row.src_cmd),
            Self::Message(row) => content.realm_of_command(row.src_cmd),
            Self::Activity(row) => content.realm_of_context(row.context_id),
        }
    }
}

impl Naive {
    fn read<T>(&self, query: &LogQuery, of: impl Fn(&Row) -> Option<T>) -> Vec<Logged<T>> {
        let content = self.shown();
        let mut limit = query.limit;
        let mut after = query.after;
        if self.is(Mutation::BoundsSigned) && i64::try_from(after).is_err() {
            after = 0;
        }
        if self.is(Mutation::LimitOverrun) {
            limit = limit.saturating_add(1);
        }
        let is_behind = |position: u64| match self.is(Mutation::AfterIncluded) {
            true => position >= after,
            false => position > after,
        };
        let rows = content.rows.iter().filter(|row| is_behind(row.position));
        let rows = rows.filter_map(|row| Some((row, of(&row.record)?)));
        let early = if self.is(Mutation::LimitBeforeConditions) { limit } else { usize::MAX };
        rows.take(early)
            .filter(|(row, _)| self.belongs(&content, query, &row.record))
            .take(limit)
            .map(|(row, record)| Logged { position: row.position, record })
            .collect()
    }

    fn belongs(&self, content: &Content, query: &LogQuery, row: &Row) -> bool {
        let same = |one: &str, other: &str| match self.is(Mutation::NamesCompared) {
            true => one.trim_end().eq_ignore_ascii_case(other.trim_end()),
            false => one == other,
        };
        let root = query.root.as_ref().is_none_or(|root| {
            same(&root.resource, &row.root().resource)
                && root.identifier == row.root().identifier
        });
        let realm = match self.mutation {
            Some(Mutation::RealmOfTheRoot) => {
                let state = content.states.get(row.root());
                state.and_then(|state| state.realm.as_deref().map(str::to_owned))
            }
            _ => row.realm(content),
        };
        let realm = match &query.realm {
            RealmFilter::Only(None) if self.is(Mutation::NoRealmIsAllRealms) => true,
            filter => filter.admits(realm.as_deref()) || self.is(Mutation::RealmsIgnored),
        };
        (root || self.is(Mutation::RootsIgnored)) && realm
    }
}

impl Store for Naive {
    async fn claim(&self, domain: &str, resources: &[&'static str]) -> Result<(), StoreError> {
        let mut copy = self.content().clone();
        for resource in resources {
            let owner = copy.owners.get(*resource).filter(|owner| *owner != domain);
            if let Some(owner) = owner
                && !self.is(Mutation::ClaimsUnchecked)
            {
                let refused = format!("`{resource}` belongs to `{owner}`");
                let refused = self.failure(&refused, Mutation::ClaimsMayPass);
                if self.is(Mutation::ClaimsHalf) {
                    self.content().owners = copy.owners;
                }
                return Err(refused);
            }
            copy.owners.insert((*resource).to_owned(), domain.to_owned());
        }
        if self.is(Mutation::ClaimsCheckedEarly) {
            pause().await;
        }
        let mut content = self.content();
        // Somebody may have been quicker since the copy.
        let is_taken = |resource: &&&str| {
            content.owners.get(**resource).is_some_and(|owner| owner != domain)
        };
        if let Some(resource) = resources.iter().find(is_taken)
            && !self.is_any(&[Mutation::ClaimsCheckedEarly, Mutation::ClaimsUnchecked])
        {
            let owner = &content.owners[*resource];
            return Err(StoreError::permanent(format!("`{resource}` belongs to `{owner}`")));
        }
        for resource in resources {
            content.owners.insert((*resource).to_owned(), domain.to_owned());
        }
        Ok(())
    }

    async fn commit(&self, batch: Arc<[UnitOfWork]>) -> Vec<Fate> {
        match self.mutation {
            Some(
                Mutation::CheckedEarly
                | Mutation::ReadRootsCheckedEarly
                | Mutation::AbsentRootsCheckedEarly
                | Mutation::IdentifiersCheckedEarly,
            ) => self.commit_early(&batch).await,
            Some(
                Mutation::HalfUnitsShown | Mutation::LogShownLater | Mutation::DroppedLeavesHalf,
            ) => self.commit_in_steps(&batch).await,
            Some(Mutation::PositionsReserved) => self.commit_reserved(&batch).await,
            Some(Mutation::LocksInBatchOrder) => self.commit_locked(&batch).await,
            Some(Mutation::ShownLater) => {
                let mut copy = self.content().clone();
                let fates = self.apply(&mut copy, &batch);
                let place = Arc::clone(&self.place);
                tokio::spawn(async move {
                    pause().await;
                    *place.content.lock().unwrap() = copy;
                });
                fates
            }
            Some(Mutation::OwnHandleFirst) => {
                // A reader of this handle sees what it saw when it first looked.
                let fates = self.apply(&mut self.content(), &batch);
                self.own().unseen = None;
                fates
            }
            _ => self.apply(&mut self.content(), &batch),
        }
    }

    async fn load(&self, root: &AggregateRoot) -> Result<Option<StateRecord>, StoreError> {
        let mut row = self.shown().states.get(root).cloned();
        if self.is(Mutation::ClosedRowsDropped) {
            row = row.filter(|row| row.deleted.is_none());
        }
        if self.is(Mutation::OwnHandleFirst) && self.own().unseen.is_none() {
            let content = self.content().clone();
            self.own().unseen = Some(content);
        }
        Ok(row)
    }

    async fn command(
        &self,
        id: Uuid,
    ) -> Result<Option<(Logged<CommandRecord>, Arc<ContextRecord>)>, StoreError> {
        let found = self.shown().command(id);
        let is_shown = |row: &CommandRecord| {
            !self.is(Mutation::RefusalsNotFound) || row.status == CommandStatus::Applied
        };
        Ok(found.filter(|(row, _)| is_shown(row)))
    }

    async fn history(
        &self,
        root: &AggregateRoot,
        first: u64,
        last: u64,
    ) -> Result<Vec<Logged<EventRecord>>, StoreError> {
        let mut last = last;
        if self.is(Mutation::BoundsSigned) && i64::try_from(last).is_err() {
            last = 0;
        }
        if self.is(Mutation::HistoryWithoutLast) {
            last = last.saturating_sub(1);
        }
        let mut events: Vec<_> = self
            .shown()
            .rows
            .into_iter()
            .filter_map(|row| match row.record {
                Row::Event(record) => Some(Logged { position: row.position, record }),
                _ => None,
            })
            .filter(|event| event.root == *root && (first..=last).contains(&event.version))
            .collect();
        events.sort_by_key(|event| event.version);
        Ok(events)
    }

    async fn commands(&self, query: &LogQuery) -> Result<Vec<Logged<CommandRecord>>, StoreError> {
        Ok(self.read(query, |row| match row {
            Row::Command(row) => Some(row.clone()),
            _ => None,
        }))
    }

    async fn events(&self, query: &LogQuery) -> Result<Vec<Logged<EventRecord>>, StoreError> {
        Ok(self.read(query, |row| match row {
            Row::Event(row) => Some(row.clone()),
            _ => None,
        }))
    }

    async fn messages(&self, query: &LogQuery) -> Result<Vec<Logged<MessageRecord>>, StoreError> {
        Ok(self.read(query, |row| match row {
            Row::Message(row) => Some(row.clone()),
            _ => None,
        }))
    }

    async fn activities(
        &self,
        query: &LogQuery,
    ) -> Result<Vec<Logged<ActivityRecord>>, StoreError> {
        Ok(self.read(query, |row| match row {
            Row::Activity(row) => Some(row.clone()),
            _ => None,
        }))
    }

    async fn context(&self, id: Uuid) -> Result<Option<Arc<ContextRecord>>, StoreError> {
        Ok(self.shown().contexts.get(&id).cloned())
    }
}
