//! Units of work that are handed to the store itself.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use banking_domain::{DepositMoney, OpenAccount, TransactionManagerDomain};
use fluvius_core::testing::CountedIds;
use fluvius_core::uuid::Uuid;
use fluvius_core::{
    AggregateRoot, Domain, DomainContext, Fate, Listener, MemoryStore, Refused, Store, UnitOfWork,
};
use fluvius_postgres::PostgresStore;
use fluvius_postgres::testing::PrivateServer;
use rust_decimal::Decimal;

use crate::{client, running_commits};

/// Keeps the units of work of a domain.
#[derive(Clone, Default)]
struct Units(Arc<Mutex<Vec<UnitOfWork>>>);

impl Listener for Units {
    fn committing(&self, unit: &UnitOfWork) -> Result<(), Refused> {
        self.0.lock().unwrap().push(unit.clone());
        Ok(())
    }
}

/// The opening of an account, a deposit on it, and the opening of another one.
pub(crate) async fn units() -> [UnitOfWork; 3] {
    let units = Units::default();
    let builder = TransactionManagerDomain::builder(MemoryStore::new());
    let builder = builder.ids(CountedIds::from(1)).listener(units.clone());
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

/// Units as if they were of a root, of commands, and of a context of their own.
pub(crate) fn of_root(units: &[UnitOfWork], id: u64) -> Vec<UnitOfWork> {
    let identifier = Uuid::from_u64_pair(1, id);
    let mut units = units.to_vec();
    for (number, unit) in (0..).zip(&mut units) {
        let rename = |root: &mut AggregateRoot| root.identifier = identifier;
        let ([command], [event], [state], [expected]) = (
            &mut unit.commands[..],
            &mut unit.events[..],
            &mut unit.states[..],
            &mut unit.expected[..],
        ) else {
            panic!("{unit:?}")
        };
        let (command, event) = (Arc::make_mut(command), Arc::make_mut(event));
        // Of one context all but the first to store it would wait for that one.
        Arc::make_mut(&mut unit.context).id = identifier;
        command.context_id = identifier;
        command.id = Uuid::from_u64_pair(2 + number, id);
        event.id = Uuid::from_u64_pair(20 + number, id);
        event.src_cmd = command.id;
        rename(&mut command.root);
        rename(&mut event.root);
        rename(&mut Arc::make_mut(state).root);
        rename(&mut expected.root);
    }
    units
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_position_that_no_row_has_taken_is_not_missed() {
    let Some(mut server) = PrivateServer::start_with(&[]) else { return };
    let store = PostgresStore::open(&server.url()).await.unwrap();
    let [opened, deposited, other] = units().await;
    // The last unit of the batch takes positions, and is not stored.
    let fates = store.commit([other, deposited].into()).await;
    assert!(matches!(fates[..], [Fate::Committed { .. }, Fate::Stale { .. }]), "{fates:?}");
    server.crash();
    server.start();
    loop {
        let fates = store.commit([opened.clone()].into()).await;
        match &fates[..] {
            [Fate::Committed { .. }] => break,
            // The connection was not known to be lost.
            [Fate::Unknown] => {}
            _ => panic!("{fates:?}"),
        }
        assert!(store.command(opened.commands[0].id).await.unwrap().is_none());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_was_dropped_is_not_stored_after_it_was_looked_for() {
    let Some(server) = PrivateServer::start_with(&[]) else { return };
    let store = PostgresStore::open(&server.url()).await.unwrap();
    let [opened, deposited, _] = units().await;
    let fates = store.commit([opened].into()).await;
    assert!(matches!(fates[..], [Fate::Committed { .. }]), "{fates:?}");
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
    let id = deposited.commands[0].id;
    assert!(store.command(id).await.unwrap().is_none());
    other.batch_execute("COMMIT").await.unwrap();
    while running_commits(&watcher).await > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(store.command(id).await.unwrap().is_none());
    let fates = store.commit([deposited].into()).await;
    assert!(matches!(fates[..], [Fate::Committed { .. }]), "{fates:?}");
}
