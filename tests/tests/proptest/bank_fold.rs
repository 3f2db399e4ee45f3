//! The bank under random commands: money is conserved, and the log reproduces every state.

use std::collections::BTreeMap;

use banking_domain::{Account, TransactionManagerDomain};
use fluvius_core::verify::verify;
use fluvius_core::{
    CommandBundle, Domain, DomainContext, DomainRuntime, EventRecord, MemoryStore, Response,
    Session, Store,
};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use crate::bank_model::{Bank, BankCommand, Exact, action, aggregate_id, any_amount, identifier};
use crate::{log_fold, property};

const ACCOUNTS: usize = 20;
const STEPS: std::ops::Range<usize> = 150..260;
/// Maximum of versions between two snapshots in the log.
const WHOLE_EVERY: usize = 64;

/// The next step of a caller.
#[derive(Debug, Clone)]
enum Step {
    One(usize, BankCommand),
    Group(Vec<(usize, BankCommand)>),
    /// The step this far back, again under the same ids.
    Again(usize),
}

#[test]
fn money_is_conserved_and_the_log_has_every_state() {
    property::check(
        "money_is_conserved_and_the_log_has_every_state",
        12,
        (prop::collection::vec(any_amount(), ACCOUNTS), prop::collection::vec(any_step(), STEPS)),
        |(deposits, steps)| {
            let run = property::block_on(Run::of(&deposits, &steps));
            run.assert_conserved();
            let verified = property::block_on(verify(&run.store).into_future()).unwrap();
            prop_assert!(verified.is_sound(), "{verified}");
            for account in 0..ACCOUNTS {
                run.assert_log_gives_states(account);
            }
            Ok(())
        },
    );
}

#[test]
fn dropped_and_swapped_deltas_are_found() {
    property::check(
        "dropped_and_swapped_deltas_are_found",
        1,
        prop::collection::vec(any_busy_step(), 200..201),
        |steps| {
            let deposits = vec![Decimal::new(100_000_000, 2); ACCOUNTS];
            let run = property::block_on(Run::of(&deposits, &steps));
            let (rows, states) = (&run.rows[&0], &run.stored[&0]);
            assert!(rows.len() > WHOLE_EVERY + 1, "only {} versions", rows.len());
            let mutants = log_fold::assert_mutants_are_found::<Account>(rows, states, action);
            assert!(mutants.found > 3 * rows.len(), "{mutants:?}");
            Ok(())
        },
    );
}

#[test]
fn a_snapshot_hides_no_wrong_patch_before_it() {
    let deposits = vec![Decimal::new(100_000_000, 2); ACCOUNTS];
    let steps: Vec<Step> = (1..100)
        .map(|cents| Step::One(0, BankCommand::Deposit { amount: Decimal::new(cents, 2) }))
        .collect();
    let run = property::block_on(Run::of(&deposits, &steps));
    let rows = &run.rows[&0];
    assert!(rows[WHOLE_EVERY].delta.is_snapshot());
    // A patch that changes a field beside those of its event. No later event touches the field, so
    // every later patch still applies, and the snapshot at version 65 is correct again.
    let mut broken = rows.clone();
    let patch = broken[29].delta.to_json();
    let more = patch.as_str().replacen(
        '[',
        r#"[{"op":"replace","path":"/owner_name","value":"Mallory"},"#,
        1,
    );
    let more = fluvius_core::Json::parse(more).unwrap();
    broken[29].delta = fluvius_core::StateDelta::from_json(&more).unwrap();
    let found = log_fold::fold::<Account>(&broken, action, |_, _| Ok(()));
    assert_eq!(found, Err(log_fold::Fault::Whole { version: 65 }));
}

/// Result of a run.
struct Run {
    domain: DomainRuntime,
    store: MemoryStore,
    session: Session,
    model: Bank,
    /// Deposits minus withdrawals, by the answers of the domain.
    money: Exact,
    /// Each account's stored state at every version, read from the store.
    stored: BTreeMap<usize, Vec<Value>>,
    rows: BTreeMap<usize, Vec<EventRecord>>,
    sent: Vec<Sent>,
    balances: Exact,
}

/// A step that was sent, and its answer.
#[derive(Clone)]
struct Sent {
    commands: Vec<CommandBundle>,
    is_group: bool,
    answer: Result<Vec<Response>, String>,
}

impl Run {
    async fn of(deposits: &[Decimal], steps: &[Step]) -> Self {
        let store = MemoryStore::new();
        let domain = TransactionManagerDomain::runtime(store.clone()).await.unwrap();
        let session = domain.session(DomainContext::create("property"));
        let mut run = Self {
            domain,
            store,
            session,
            model: Bank::default(),
            money: Exact::default(),
            stored: (0..ACCOUNTS).map(|account| (account, Vec::new())).collect(),
            rows: BTreeMap::new(),
            sent: Vec::new(),
            balances: Exact::default(),
        };
        for (account, deposit) in deposits.iter().enumerate() {
            run.step(&Step::One(account, BankCommand::Open { deposit: *deposit })).await;
        }
        for step in steps {
            run.step(step).await;
        }
        for account in 0..ACCOUNTS {
            run.read(account).await;
        }
        run.ask_again().await;
        run
    }

    async fn step(&mut self, step: &Step) {
        let orders = match step {
            Step::One(account, order) => vec![(*account, order.clone())],
            Step::Group(orders) => orders.clone(),
            Step::Again(back) => {
                let at = self.sent.len() - 1 - back % self.sent.len();
                let first = self.sent[at].clone();
                let (_, again) = self.send(first.commands, first.is_group).await;
                assert_same(&first.answer, &again);
                return self.observe().await;
            }
        };
        let commands: Vec<CommandBundle> = orders
            .iter()
            .map(|(account, order)| {
                let session = self.session.aggregate(aggregate_id(*account));
                session.create_command(order.key(), order.payload(*account)).unwrap()
            })
            .collect();

        let mut model = self.model.clone();
        let expected = orders.iter().zip(&commands).try_for_each(|((account, order), command)| {
            model.run(None, *account, command.id, order)
        });
        let is_group = matches!(step, Step::Group(_));
        let (sent, answer) = self.send(commands, is_group).await;
        match (&answer, expected) {
            (Ok(_), Ok(())) => self.model = model,
            (Err(code), Err(rejection)) => {
                let rejected = rejection.action.unwrap_or_else(|| rejection.code.to_owned());
                let expected =
                    if is_group { format!("group-rejected: {rejected}") } else { rejected };
                assert_eq!(*code, expected);
            }
            (answer, expected) => panic!("{step:?}: {answer:?}, the model says {expected:?}"),
        }
        if answer.is_ok() {
            for (_, order) in &orders {
                match order {
                    BankCommand::Open { deposit: amount } | BankCommand::Deposit { amount } => {
                        self.money.add(*amount);
                    }
                    BankCommand::Withdraw { amount } => self.money.subtract(*amount),
                    BankCommand::Transfer { .. } | BankCommand::Close => {}
                }
            }
        }
        for response in answer.iter().flatten() {
            self.keep(&response.aggregate_id.id, response.version, response.data.to_value());
        }
        self.sent.push(Sent { commands: sent, is_group, answer });
        self.observe().await;
    }

    async fn send(
        &self,
        commands: Vec<CommandBundle>,
        is_group: bool,
    ) -> (Vec<CommandBundle>, Result<Vec<Response>, String>) {
        let answer = if is_group {
            self.session.process_atomic(commands.clone()).await
        } else {
            self.session.process_command(commands[0].clone()).await.map(|response| vec![response])
        };
        let answer = answer.map_err(|error| match &error {
            fluvius_core::Error::GroupRejected { source, .. } => {
                format!("group-rejected: {}", source.code())
            }
            error => error.code().to_owned(),
        });
        (commands, answer)
    }

    /// Reads the stored states of every account. A group may give an account several versions at
    /// once; the states between are those of the responses, or of the model.
    async fn observe(&mut self) {
        for account in 0..ACCOUNTS {
            let Some(record) = Store::load(&self.store, &aggregate_id(account)).await.unwrap()
            else {
                assert!(!self.model.aggregate_ids.contains_key(&account));
                continue;
            };
            let expected_account = &self.model.aggregate_ids[&account];
            assert_eq!(record.version, expected_account.version());
            assert_eq!(record.closed_at.is_some(), expected_account.closed);
            let stored = self.stored.get_mut(&account).unwrap();
            let last = usize::try_from(record.version).unwrap() - 1;
            let between = stored.len().min(last)..last;
            stored.extend(expected_account.states[between].iter().map(log_fold::value_of));
            self.keep(&identifier(account), record.version, record.data.to_value());
        }
    }

    fn keep(&mut self, identifier_kept: &Uuid, version: u64, state: Value) {
        let account = (0..ACCOUNTS).find(|account| identifier(*account) == *identifier_kept);
        let stored = self.stored.get_mut(&account.unwrap()).unwrap();
        let at = usize::try_from(version).unwrap() - 1;
        match stored.get(at) {
            Some(expected_account) => assert_eq!(*expected_account, state, "version {version}"),
            None if at == stored.len() => stored.push(state),
            None => {}
        }
    }

    async fn read(&mut self, account: usize) {
        let page = self.domain.log().for_aggregate(aggregate_id(account)).events().await.unwrap();
        assert!(page.next.is_none());
        self.rows.insert(account, page.rows.into_iter().map(|row| row.record).collect());
        if let Some(record) = Store::load(&self.store, &aggregate_id(account)).await.unwrap() {
            self.balances.add(record.data.decode::<Account>().unwrap().balance);
        }
    }

    /// Sends every command again: the first responses, read back from the history.
    async fn ask_again(&self) {
        for sent in &self.sent {
            let (_, again) = self.send(sent.commands.clone(), sent.is_group).await;
            assert_same(&sent.answer, &again);
        }
        for account in 0..ACCOUNTS {
            let page =
                self.domain.log().for_aggregate(aggregate_id(account)).events().await.unwrap();
            assert_eq!(page.rows.len(), self.rows[&account].len(), "a replay stores nothing");
        }
    }

    fn assert_conserved(&self) {
        assert_eq!(self.balances, self.money, "balances are deposits minus withdrawals");
        let mut model = Exact::default();
        for aggregate_id in self.model.aggregate_ids.values() {
            model.add(aggregate_id.states.last().unwrap().balance);
        }
        assert_eq!(self.balances, model);
    }

    fn assert_log_gives_states(&self, account: usize) {
        let (rows, stored) = (&self.rows[&account], &self.stored[&account]);
        assert_eq!(log_fold::check::<Account>(rows, stored, action), Ok(()), "account {account}");
        assert_eq!(log_fold::replay::<Account>(rows, action), *stored, "account {account}");
        let by_model = self
            .model
            .aggregate_ids
            .get(&account)
            .map_or(&[][..], |aggregate_id| &aggregate_id.states);
        let by_model: Vec<Value> = by_model.iter().map(log_fold::value_of).collect();
        assert_eq!(by_model, *stored, "account {account}");
        for (row, at) in rows.iter().zip(0..) {
            assert!(
                at % WHOLE_EVERY != 0 || row.delta.is_snapshot(),
                "version {} is a snapshot",
                at + 1
            );
        }
    }
}

/// A replayed response is the first one. Its state is the same value, though its keys may be in
/// another order.
fn assert_same(first: &Result<Vec<Response>, String>, again: &Result<Vec<Response>, String>) {
    let comparable = |answer: &Result<Vec<Response>, String>| {
        answer.clone().map(|responses| {
            let comparable = |response: &Response| {
                let about = (response.command_id, response.command, response.event);
                (about, response.version, response.etag, response.data.to_value())
            };
            responses.iter().map(comparable).collect::<Vec<_>>()
        })
    };
    assert_eq!(comparable(first), comparable(again));
}

/// Half of all commands go to the first account, so that it has many versions.
fn any_account() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0), 0..ACCOUNTS]
}

fn any_order() -> impl Strategy<Value = (usize, BankCommand)> {
    let order = prop_oneof![
        8 => any_amount().prop_map(|amount| BankCommand::Deposit { amount }),
        6 => any_amount().prop_map(|amount| BankCommand::Withdraw { amount }),
        8 => (any_amount(), any_account())
            .prop_map(|(amount, to)| BankCommand::Transfer { amount, to }),
        1 => Just(BankCommand::Close),
        1 => any_amount().prop_map(|deposit| BankCommand::Open { deposit }),
    ];
    (any_account(), order)
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        16 => any_order().prop_map(|(account, order)| Step::One(account, order)),
        2 => prop::collection::vec(any_order(), 1..5).prop_map(Step::Group),
        2 => any::<usize>().prop_map(Step::Again),
    ]
}

/// Small deposits and withdrawals of the first account, nearly always accepted.
fn any_busy_step() -> impl Strategy<Value = Step> {
    let cents = (1_i64..10_000).prop_map(|cents| Decimal::new(cents, 2));
    (cents, 0..4, 1..ACCOUNTS).prop_map(|(amount, kind, other)| match kind {
        0 => Step::One(0, BankCommand::Deposit { amount }),
        1 => Step::One(0, BankCommand::Withdraw { amount }),
        2 => Step::One(0, BankCommand::Transfer { amount, to: other }),
        _ => Step::One(other, BankCommand::Transfer { amount, to: 0 }),
    })
}
