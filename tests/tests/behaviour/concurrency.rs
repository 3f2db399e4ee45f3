//! Concurrent commands: no command waits for another aggregate, and none is lost or applied twice.

use banking_domain::{
    Account, DepositMoney, OpenAccount, TransactionManagerDomain, TransferMoney, WithdrawMoney,
};
use fluvius_core::Versioned;
use fluvius_core::{
    Aggregate, AggregateId, CommandBundle, Domain, DomainContext, DomainRuntime, Error, Session,
};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt, future};
use rust_decimal::Decimal;
use serde_json::json;

use fluvius_tests::faulty_store::ScriptedStore;
use fluvius_tests::fixture::{self, id};
use fluvius_tests::gate::gate;
use fluvius_tests::probe::{Probe, Run, Step, probes};
use fluvius_tests::store_snapshot::StoreSnapshot;

fn account(number: u128) -> AggregateId {
    Account::aggregate_id(id(number))
}

/// A bank over a store that yields in its calls, with this many accounts of 1000.
async fn bank(accounts: u128) -> (ScriptedStore, DomainRuntime, Session) {
    let store = ScriptedStore::default();
    let domain = TransactionManagerDomain::runtime(store.clone()).await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    for number in 1..=accounts {
        let open = OpenAccount {
            account_number: number.to_string(),
            owner_name: "John Doe".to_owned(),
            initial_deposit: Decimal::ONE_THOUSAND,
        };
        session.send(id(number), open).await.unwrap();
    }
    store.yield_in_calls();
    (store, domain, session)
}

fn balances(log: &StoreSnapshot) -> Vec<Decimal> {
    let rows = log.states.values();
    rows.map(|row| row.data.decode::<Account>().unwrap().balance).collect()
}

/// Checks that versions have no gaps, and that commands and events refer to each other.
fn check_whole(log: &StoreSnapshot) {
    for (aggregate_id, row) in &log.states {
        let events = log.events.iter().filter(|event| event.record.aggregate_id == *aggregate_id);
        let versions: Vec<u64> = events.map(|event| event.record.version).collect();
        assert_eq!(versions, (1..=row.version).collect::<Vec<_>>(), "{aggregate_id}");
    }
    for event in &log.events {
        let commands = log.commands.iter().filter(|row| row.record.id == event.record.command_id);
        let [command] = commands.collect::<Vec<_>>()[..] else { panic!("{event:?}") };
        assert_eq!(
            (&command.record.aggregate_id, &command.record.code),
            (&event.record.aggregate_id, &None)
        );
    }
    let applied = log.commands.iter().filter(|row| row.record.code.is_none());
    assert_eq!(applied.count(), log.events.len());
    for row in &log.commands {
        let events =
            log.events.iter().filter(|event| event.record.command_id == row.record.id).count();
        assert_eq!(events, usize::from(row.record.code.is_none()), "{row:?}");
    }
}

#[tokio::test]
async fn a_slow_action_blocks_no_other_aggregate() {
    let fixture = probes(20).await;
    let name = "the slow action";
    let slow = Run { steps: vec![Step::Add(1), Step::Wait(name.to_owned())] };
    let session = fixture.session.clone();
    let slow = tokio::spawn(async move { session.send(id(1), slow).await });
    gate(name).arrival().await;
    for number in 2..=20 {
        let one = Run { steps: vec![Step::Add(1)] };
        assert_eq!(fixture.session.send(id(number), one).await.unwrap().version, 2);
    }
    // Actions of other aggregates may read the aggregate in its stored state, and invoke it.
    let steps = vec![Step::Fetch(id(1)), Step::Invoke(id(1), vec![Step::Add(10)])];
    let said = fixture.session.send(id(2), Run { steps }).await.unwrap().data;
    assert_eq!(said, ["(0, 1)"]);
    let stored = fixture.session.statemgr().fetch::<Probe>(id(1)).await.unwrap();
    assert_eq!((stored.value, Versioned::version(&stored)), (10, 2));
    // The slow action is decided again on the new state.
    gate(name).open(2);
    assert_eq!(slow.await.unwrap().unwrap().version, 3);
    let stored = fixture.session.statemgr().fetch::<Probe>(id(1)).await.unwrap();
    assert_eq!((stored.value, Versioned::version(&stored)), (11, 3));
}

#[tokio::test]
async fn commands_of_one_aggregate_are_decided_in_order() {
    let fixture = probes(1).await;
    let name = "the first in the queue";
    let session = fixture.session.clone();
    let first = Run { steps: vec![Step::Wait(name.to_owned())] };
    let first = tokio::spawn(async move { session.send(id(1), first).await });
    gate(name).arrival().await;
    let mut waiting: Vec<_> =
        (0..10).map(|_| fixture.session.send(id(1), Run { steps: vec![] }).into_future()).collect();
    for command in &mut waiting {
        assert!(future::poll_immediate(command).await.is_none());
    }
    gate(name).open(1);
    first.await.unwrap().unwrap();
    let versions: Vec<u64> =
        future::join_all(waiting).await.into_iter().map(|answer| answer.unwrap().version).collect();
    assert_eq!(versions, (3..=12).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_deposits_lose_no_update() {
    let (store, _domain, session) = bank(1).await;
    let tasks: FuturesUnordered<_> = (0..64)
        .map(|task: u32| {
            let session = session.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    if task.is_multiple_of(2) {
                        let amount = Decimal::new(125, 2);
                        session.send(id(1), DepositMoney { amount }).await.unwrap();
                    } else {
                        let amount = Decimal::new(100, 2);
                        session.send(id(1), WithdrawMoney { amount }).await.unwrap();
                    }
                }
            })
        })
        .collect();
    tasks.for_each(|task| async { task.unwrap() }).await;
    let log = StoreSnapshot::of(&store).await;
    assert_eq!(balances(&log), [Decimal::new(108_000, 2)]);
    assert_eq!(log.version(&account(1)), 641);
    check_whole(&log);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn transfers_in_both_directions_do_not_deadlock() {
    let (store, _domain, session) = bank(2).await;
    let tasks: FuturesUnordered<_> = (0..64_u32)
        .map(|task| {
            let session = session.clone();
            tokio::spawn(async move {
                let (from, to) = if task.is_multiple_of(2) { (1, 2) } else { (2, 1) };
                let mut conflicts = 0;
                for _ in 0..5 {
                    let transfer =
                        TransferMoney { amount: Decimal::new(101, 2), recipient_id: id(to) };
                    match session.send(id(from), transfer).await {
                        Ok(_) => {}
                        Err(Error::Conflict { .. }) => conflicts += 1,
                        Err(error) => panic!("{error:?}"),
                    }
                }
                conflicts
            })
        })
        .collect();
    let conflicts: usize =
        tasks.map(Result::unwrap).fold(0, |sum, one| async move { sum + one }).await;
    let log = StoreSnapshot::of(&store).await;
    assert_eq!(balances(&log).iter().sum::<Decimal>(), Decimal::TWO * Decimal::ONE_THOUSAND);
    assert_eq!(log.events.len(), 2 + 2 * (320 - conflicts));
    check_whole(&log);
    assert_eq!(conflicts, 0, "a transfer ended in a conflict");
}

fn transfer(session: &Session, from: u128, to: u128) -> CommandBundle {
    let payload = json!({ "amount": "1.00", "recipient": id(to) });
    fixture::command(session, &account(from), "transfer-money", payload)
}

#[tokio::test]
async fn a_future_dropped_at_any_poll_leaves_all_or_nothing() {
    let (store, mut domain, mut session) = bank(2).await;
    let mut sent = Vec::new();
    for polls in 1.. {
        assert!(polls < 1_000, "the command never ends");
        let command = transfer(&session, 1, 2);
        sent.push(command.clone());
        let mut future = session.process_command(command).boxed();
        let mut is_ready = false;
        for _ in 0..polls {
            is_ready |= future::poll_immediate(&mut future).await.is_some();
            if is_ready {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(future);
        (domain, session) = again(&store, domain).await;
        let log = StoreSnapshot::of(&store).await;
        check_whole(&log);
        assert_eq!(balances(&log).iter().sum::<Decimal>(), Decimal::TWO * Decimal::ONE_THOUSAND);
        // Neither aggregate is blocked.
        for number in [1, 2] {
            let amount = Decimal::ONE;
            session.send(id(number), DepositMoney { amount }).await.unwrap();
            session.send(id(number), WithdrawMoney { amount }).await.unwrap();
        }
        if is_ready {
            break;
        }
    }
    assert!(sent.len() > 2, "too few points to drop at: {}", sent.len());
    // The same commands, sent again, are all applied once.
    for command in &sent {
        session.process_command(command.clone()).await.unwrap();
    }
    let log = StoreSnapshot::of(&store).await;
    let moved = Decimal::from(sent.len());
    let thousand = Decimal::ONE_THOUSAND;
    assert_eq!(balances(&log), [thousand - moved, thousand + moved]);
}

/// Restarts the domain after all accepted commands have ended.
async fn again(store: &ScriptedStore, domain: DomainRuntime) -> (DomainRuntime, Session) {
    domain.shutdown().await;
    let domain = TransactionManagerDomain::runtime(store.clone()).await.unwrap();
    let session = domain.session(DomainContext::create("test"));
    (domain, session)
}

/// Returns random numbers from `FLUVIUS_SEED`, or from a seed that is printed.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let seed = fluvius_tests::seeds::seed();
        let seed = seed.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0 | 1);
        println!("FLUVIUS_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[tokio::test]
async fn futures_dropped_at_random_leave_all_or_nothing() {
    let (store, mut domain, mut session) = bank(4).await;
    let mut dice = Dice::new();
    let mut sent = Vec::new();
    for _ in 0..20 {
        let mut callers: Vec<_> = (0..16)
            .map(|_| {
                let from = 1 + u128::from(dice.below(4));
                let to = 1 + (from + u128::from(dice.below(3))) % 4;
                let command = transfer(&session, from, to);
                sent.push(command.clone());
                let session = session.clone();
                async move { session.process_command(command).await }.boxed()
            })
            .collect();
        // One is never polled, and so never accepted.
        drop(callers.pop());
        for _ in 0..dice.below(200) {
            let index = usize::try_from(dice.below(callers.len() as u64)).unwrap();
            let ended = future::poll_immediate(&mut callers[index]).await.is_some();
            tokio::task::yield_now().await;
            if ended || dice.below(10) == 0 {
                drop(callers.swap_remove(index));
            }
            if callers.is_empty() {
                break;
            }
        }
        drop(callers);
        (domain, session) = again(&store, domain).await;
        let log = StoreSnapshot::of(&store).await;
        check_whole(&log);
        let sum: Decimal = balances(&log).iter().sum();
        assert_eq!(sum, Decimal::from(4_000));
    }
    let before = StoreSnapshot::of(&store).await;
    let settled = before.events.len() - 4;
    assert!(settled > 0 && settled < 2 * sent.len(), "{settled} of {}", sent.len());
    for command in sent.clone() {
        session.process_command(command).await.unwrap();
    }
    let log = StoreSnapshot::of(&store).await;
    check_whole(&log);
    assert_eq!(log.events.len(), 4 + 2 * sent.len(), "each command is applied once");
}
