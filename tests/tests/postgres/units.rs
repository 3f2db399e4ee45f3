//! Units of work, committed by the store without a runtime.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use banking_domain::{DepositMoney, OpenAccount, TransactionManagerDomain};
use fluvius_core::uuid::Uuid;
use fluvius_core::{
    AggregateId, CommitOutcome, Domain, DomainContext, ETag, MemoryStore, Observer,
    SimpleRejection, Store, StoredCommand, UnitOfWork,
};
use fluvius_postgres::PostgresStore;
use fluvius_testing::servers::{PrivateServer, TestSchema, TestServer};
use fluvius_testing::{SeededRng, SequentialIds};
use rust_decimal::Decimal;

use crate::{OpenStore, client, running_commits};

/// Records the units of work of a domain.
#[derive(Clone, Default)]
struct Units(Arc<Mutex<Vec<UnitOfWork>>>);

impl Observer for Units {
    fn before_commit(&self, unit: &UnitOfWork) -> Result<(), SimpleRejection> {
        self.0.lock().unwrap().push(unit.clone());
        Ok(())
    }
}

/// Returns the units that open an account, deposit on it, and open another one.
pub(crate) async fn units() -> [UnitOfWork; 3] {
    let units = Units::default();
    let builder = TransactionManagerDomain::builder(MemoryStore::new());
    let builder = builder.id_generator(SequentialIds::from(1)).observer(units.clone());
    let domain = builder.build().await.unwrap();
    let session = domain.session(DomainContext::create("positions"));
    let open = || OpenAccount {
        account_number: "1".to_owned(),
        owner_name: "Ada".to_owned(),
        initial_deposit: Decimal::ONE,
    };
    let [one, other] = [1, 2].map(Uuid::from_u128);
    session.send(one, open()).await.unwrap();
    session.send(one, DepositMoney { amount: Decimal::ONE }).await.unwrap();
    session.send(other, open()).await.unwrap();
    let units = units.0.lock().unwrap().clone();
    units.try_into().unwrap()
}

/// Returns units with another aggregate, other commands and another context.
pub(crate) fn of_aggregate(units: &[UnitOfWork], id: u64) -> Vec<UnitOfWork> {
    let identifier = Uuid::from_u64_pair(1, id);
    let mut units = units.to_vec();
    for (number, unit) in (0..).zip(&mut units) {
        let rename = |aggregate_id: &mut AggregateId| aggregate_id.id = identifier;
        let ([command], [event], [state], [expected]) = (
            &mut unit.commands[..],
            &mut unit.events[..],
            &mut unit.states[..],
            &mut unit.expected[..],
        ) else {
            panic!("{unit:?}")
        };
        let (command, event) = (Arc::make_mut(command), Arc::make_mut(event));
        // A shared context would make all commits wait for the first one that stores it.
        Arc::make_mut(&mut unit.context).id = identifier;
        command.context_id = identifier;
        command.id = Uuid::from_u64_pair(2 + number, id);
        event.id = Uuid::from_u64_pair(20 + number, id);
        event.command_id = command.id;
        rename(&mut command.aggregate_id);
        rename(&mut event.aggregate_id);
        rename(&mut Arc::make_mut(state).aggregate_id);
        rename(&mut expected.aggregate_id);
    }
    units
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unused_last_position_is_not_missed_after_a_crash() {
    let Some(mut server) = PrivateServer::start_with(&[]) else { return };
    let store = PostgresStore::open(&server.url()).await.unwrap();
    let [opened, deposited, other] = units().await;
    // The last unit of the batch draws positions, and does not commit.
    let outcomes = store.commit([other, deposited].into()).await;
    assert!(
        matches!(
            outcomes[..],
            [CommitOutcome::Committed { .. }, CommitOutcome::VersionConflict { .. }]
        ),
        "{outcomes:?}"
    );
    server.crash();
    server.restart();
    loop {
        let outcomes = store.commit([opened.clone()].into()).await;
        match &outcomes[..] {
            [CommitOutcome::Committed { .. }] => break,
            // The store had not yet detected the lost connection.
            [CommitOutcome::InDoubt] => {}
            _ => panic!("{outcomes:?}"),
        }
        assert!(store.command(opened.commands[0].id).await.unwrap().is_none());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lookup_waits_for_a_dropped_commit() {
    let Some(server) = PrivateServer::start_with(&[]) else { return };
    let store = PostgresStore::open(&server.url()).await.unwrap();
    let [opened, deposited, _] = units().await;
    let outcomes = store.commit([opened].into()).await;
    assert!(matches!(outcomes[..], [CommitOutcome::Committed { .. }]), "{outcomes:?}");
    let (other, watcher) = (client(&server.url()).await, client(&server.url()).await);
    other.batch_execute("BEGIN; SELECT FROM fluvius.resource_state FOR UPDATE").await.unwrap();
    let commit = tokio::spawn({
        let (store, batch) = (store.clone(), [deposited.clone()].into());
        async move { store.commit(batch).await }
    });
    while running_commits(&watcher).await == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    commit.abort();
    assert!(commit.await.unwrap_err().is_cancelled());
    // Look-ups of other commands do not wait.
    assert!(store.command(Uuid::from_u128(1)).await.unwrap().is_none());
    let id = deposited.commands[0].id;
    let mut found = pin!(store.command(id));
    let early = tokio::time::timeout(Duration::from_millis(100), &mut found).await;
    assert!(early.is_err(), "{early:?}");
    other.batch_execute("COMMIT").await.unwrap();
    assert!(found.await.unwrap().is_some());
    let outcomes = store.commit([deposited].into()).await;
    assert!(matches!(outcomes[..], [CommitOutcome::DuplicateCommand { .. }]), "{outcomes:?}");
}

/// Returns a unit that updates an aggregate at a version, with ids from a number.
fn change(deposited: &UnitOfWork, aggregate_id: u64, version: u64, id: u64) -> UnitOfWork {
    let mut unit = of_aggregate(std::slice::from_ref(deposited), aggregate_id).remove(0);
    unit.expected[0].version = version;
    let command = Arc::make_mut(&mut unit.commands[0]);
    let event = Arc::make_mut(&mut unit.events[0]);
    let state = Arc::make_mut(&mut unit.states[0]);
    let context = Arc::make_mut(&mut unit.context);
    (command.id, event.id) = (Uuid::from_u64_pair(3, id), Uuid::from_u64_pair(4, id));
    (event.command_id, context.id) = (command.id, Uuid::from_u64_pair(5, id));
    command.context_id = context.id;
    (event.version, state.version) = (version + 1, version + 1);
    state.etag = ETag::new(version + 1, command.id);
    unit
}

/// Joins two units of different aggregates, in the order of the ids.
fn joined(mut unit: UnitOfWork, mut other: UnitOfWork) -> UnitOfWork {
    Arc::make_mut(&mut other.commands[0]).context_id = unit.context.id;
    unit.expected.extend(other.expected);
    unit.states.extend(other.states);
    unit.commands.extend(other.commands);
    unit.events.extend(other.events);
    unit
}

/// Returns the unit with another context.
fn in_context(mut unit: UnitOfWork, number: u64) -> UnitOfWork {
    let id = Uuid::from_u64_pair(5, number);
    Arc::make_mut(&mut unit.context).id = id;
    for command in &mut unit.commands {
        Arc::make_mut(command).context_id = id;
    }
    unit
}

/// Returns three batches that take the three paths of a commit when they are stored in this order:
/// `commit_batch`, since the aggregates are absent; the statement for a batch; the statement for
/// one command, whose context is stored.
pub(crate) async fn batches() -> [Arc<[UnitOfWork]>; 3] {
    let [opened, deposited, _] = units().await;
    let opened = (1..=2).flat_map(|id| of_aggregate(std::slice::from_ref(&opened), id));
    let changes = [change(&deposited, 1, 1, 1), change(&deposited, 2, 1, 2)];
    let one = [in_context(change(&deposited, 1, 2, 3), 1)];
    [opened.collect(), changes.into(), one.into()]
}

/// Opens a store with two accounts, and returns a unit of a deposit.
async fn with_two_accounts(schema: &TestSchema) -> (PostgresStore, UnitOfWork) {
    let store = schema.open().await;
    let [opened, ..] = batches().await;
    store.commit(opened).await;
    let [_, deposited, _] = units().await;
    (store, deposited)
}

/// Commits a batch that waits for another session, which sets all aggregates to version 2.
async fn commit_beside_a_change(
    server: &TestServer,
    schema: &TestSchema,
    store: &PostgresStore,
    batch: Arc<[UnitOfWork]>,
) -> Vec<CommitOutcome> {
    let (other, watcher) = (client(server.url()).await, client(server.url()).await);
    let version = format!(
        "BEGIN; UPDATE \"{}\".resource_state SET version = 2 WHERE resource = 'bank-account'",
        schema.name()
    );
    other.batch_execute(&version).await.unwrap();
    let store = store.clone();
    let commit = tokio::spawn(async move { store.commit(batch).await });
    while running_commits(&watcher).await == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    other.batch_execute("COMMIT").await.unwrap();
    commit.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_is_checked_against_the_version_after_its_wait() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let (store, deposited) = with_two_accounts(&schema).await;
    // The first unit expects the version that the other session is about to commit.
    let batch = [change(&deposited, 1, 2, 1), change(&deposited, 2, 1, 2)].into();
    let outcomes = commit_beside_a_change(&server, &schema, &store, batch).await;
    let [
        CommitOutcome::Committed { .. },
        CommitOutcome::VersionConflict { aggregate_id, stored: Some(stored) },
    ] = &outcomes[..]
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!((aggregate_id.id, stored.version), (Uuid::from_u64_pair(1, 2), 2));
    let aggregate_ids =
        [1, 2].map(|id| AggregateId::new("bank-account", Uuid::from_u64_pair(1, id)));
    let found = store.snapshot(&aggregate_ids).await.unwrap();
    let versions: Vec<u64> = found.iter().flatten().map(|state| state.version).collect();
    assert_eq!(versions, [3, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn single_command_is_checked_against_the_version_after_its_wait() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let (store, deposited) = with_two_accounts(&schema).await;
    // From here on the connection knows that the context is stored.
    let before = in_context(change(&deposited, 1, 1, 1), 1);
    store.commit([before].into()).await;
    let one = |version, id| [in_context(change(&deposited, 2, version, id), 1)].into();
    let outcomes = commit_beside_a_change(&server, &schema, &store, one(1, 2)).await;
    let [CommitOutcome::VersionConflict { stored: Some(stored), .. }] = &outcomes[..] else {
        panic!("{outcomes:?}")
    };
    assert_eq!(stored.version, 2);
    let sql = format!("UPDATE \"{}\".resource_state SET version = 1", schema.name());
    client(server.url()).await.batch_execute(&sql).await.unwrap();
    let outcomes = commit_beside_a_change(&server, &schema, &store, one(2, 2)).await;
    assert!(matches!(outcomes[..], [CommitOutcome::Committed { .. }]), "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outcomes_of_random_batches_equal_those_in_memory() {
    let Some(server) = TestServer::get() else { return };
    let [opened, deposited, _] = units().await;
    let mut counts = BTreeMap::new();
    for seed in 0..12 {
        let schema = server.schema();
        let (store, reference) = (schema.open().await, MemoryStore::new());
        let mut rng = SeededRng::new(seed);
        let mut versions = [1; 12];
        let mut ids = 0;
        let first = (0..12)
            .flat_map(|aggregate_id| of_aggregate(std::slice::from_ref(&opened), aggregate_id));
        let first: Arc<[UnitOfWork]> = first.collect();
        store.commit(Arc::clone(&first)).await;
        reference.commit(first).await;
        for batch in 0..40 {
            let mut units: Vec<UnitOfWork> = Vec::new();
            let mut last = [None; 12];
            let count_max = if rng.happens(300) { 1 } else { 12 };
            // A context that is stored already, or a new one per unit.
            let is_known = rng.happens(500);
            for index in 0..usize::try_from(1 + rng.below(count_max)).unwrap() {
                // Half of the batches have many units on few aggregates.
                let mut aggregate_ids = vec![rng.below(if batch % 2 == 0 { 12 } else { 3 })];
                if rng.happens(200) {
                    aggregate_ids.push(rng.below(12));
                }
                aggregate_ids.sort_unstable();
                aggregate_ids.dedup();
                let is_stale = rng.happens(60);
                let mut unit: Option<UnitOfWork> = None;
                for aggregate_id in aggregate_ids {
                    let place = usize::try_from(aggregate_id).unwrap();
                    ids += 1;
                    // Sometimes a duplicate command id.
                    let id = if rng.happens(15) { 1 + rng.below(ids) } else { ids };
                    let version = versions[place] + u64::from(is_stale);
                    let change = change(&deposited, aggregate_id, version, id);
                    let on: Option<usize> = last[place].replace(index);
                    versions[place] += 1;
                    let mut next = match unit.take() {
                        Some(unit) => joined(unit, change),
                        None => change,
                    };
                    // Without its dependency a unit may commit although an earlier one aborts.
                    let on = on.filter(|on| !next.depends_on.contains(on) && !rng.happens(200));
                    next.depends_on.extend(on);
                    unit = Some(next);
                }
                let mut unit = unit.unwrap();
                unit.depends_on.sort_unstable();
                if rng.happens(100) && unit.states.len() == 1 {
                    // A rejection reads the aggregate only.
                    versions[usize::try_from(unit.states[0].aggregate_id.id.as_u64_pair().1)
                        .unwrap()] -= 1;
                    unit.states.clear();
                    unit.events.clear();
                }
                units.push(if is_known { in_context(unit, 0) } else { unit });
            }
            let units: Arc<[UnitOfWork]> = units.into();
            if rng.happens(500) {
                // Another process changes some aggregates, after the batch was decided.
                let mut foreign = Vec::new();
                for aggregate_id in 0..12 {
                    if rng.happens(150) {
                        ids += 1;
                        let row =
                            AggregateId::new("bank-account", Uuid::from_u64_pair(1, aggregate_id));
                        let stored = reference.load(&row).await.unwrap().unwrap();
                        foreign.push(change(&deposited, aggregate_id, stored.version, ids));
                    }
                }
                let foreign: Arc<[UnitOfWork]> = foreign.into();
                store.commit(Arc::clone(&foreign)).await;
                reference.commit(foreign).await;
            }
            let of_store = store.commit(Arc::clone(&units)).await;
            let of_reference = reference.commit(Arc::clone(&units)).await;
            for ((unit, left), right) in units.iter().zip(&of_store).zip(&of_reference) {
                let (left, right) = (describe(left), describe(right));
                assert_eq!(left, right, "seed {seed}, batch {batch}: {unit:?}");
                *counts.entry(left.split(' ').next().unwrap().to_owned()).or_insert(0) += 1;
            }
            // The next batch begins at the stored versions.
            for (aggregate_id, version) in (0..).zip(&mut versions) {
                let aggregate_id =
                    AggregateId::new("bank-account", Uuid::from_u64_pair(1, aggregate_id));
                let [left, right] =
                    [store.load(&aggregate_id).await, reference.load(&aggregate_id).await];
                let (left, right) = (left.unwrap().unwrap(), right.unwrap().unwrap());
                assert_eq!(left, right, "seed {seed}, batch {batch}");
                *version = left.version;
            }
        }
        for id in 1..=ids {
            let id = Uuid::from_u64_pair(3, id);
            let [left, right] = [store.command(id).await, reference.command(id).await];
            let found = |known: Option<StoredCommand>| {
                known.map(|(command, context)| (command.record, context))
            };
            assert_eq!(found(left.unwrap()), found(right.unwrap()), "seed {seed}");
            let context = Uuid::from_u64_pair(5, id.as_u64_pair().1);
            let [left, right] = [store.context(context).await, reference.context(context).await];
            assert_eq!(left.unwrap(), right.unwrap(), "seed {seed}");
        }
    }
    println!("{counts:?}");
    let all = ["committed", "conflict", "aborted", "duplicate"];
    assert!(
        all.iter().all(|outcome| counts.get(*outcome).is_some_and(|count| *count > 20)),
        "{counts:?}"
    );
}

/// Describes an outcome without positions, since gaps differ between stores.
fn describe(outcome: &CommitOutcome) -> String {
    match outcome {
        CommitOutcome::Committed { .. } => "committed".to_owned(),
        CommitOutcome::VersionConflict { aggregate_id, stored } => {
            format!("conflict at {aggregate_id}: {stored:?}")
        }
        CommitOutcome::DependencyAborted { on } => format!("aborted on {on}"),
        CommitOutcome::DuplicateCommand { command, .. } => {
            format!("duplicate of {:?}", command.record.id)
        }
        other => format!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_context_is_stored_beside_a_conflict() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let (store, deposited) = with_two_accounts(&schema).await;
    let first = change(&deposited, 1, 1, 1);
    store.commit([first.clone()].into()).await;
    let mut stale = change(&deposited, 1, 7, 2);
    stale.context = Arc::clone(&first.context);
    Arc::make_mut(&mut stale.commands[0]).context_id = first.context.id;
    let fresh = change(&deposited, 2, 1, 3);
    let outcomes = store.commit([stale, fresh.clone()].into()).await;
    assert!(
        matches!(
            outcomes[..],
            [CommitOutcome::VersionConflict { .. }, CommitOutcome::Committed { .. }]
        ),
        "{outcomes:?}"
    );
    assert_eq!(store.context(fresh.context.id).await.unwrap(), Some(fresh.context));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unit_without_dependency_commits_on_a_foreign_version() {
    let Some(server) = TestServer::get() else { return };
    let schema = server.schema();
    let (store, deposited) = with_two_accounts(&schema).await;
    // Another process has written version 2. The second unit expects it, and does not depend on the
    // first one, which expects version 1.
    store.commit([change(&deposited, 1, 1, 1)].into()).await;
    let units = [(1, 1, 2), (1, 2, 3), (2, 1, 4)];
    let units = units.map(|(aggregate, version, id)| change(&deposited, aggregate, version, id));
    let outcomes = store.commit(units.into()).await;
    let found: Vec<String> = outcomes.iter().map(describe).collect();
    assert!(found[0].starts_with("conflict"), "{found:?}");
    assert_eq!(found[1..], ["committed", "committed"]);
}
