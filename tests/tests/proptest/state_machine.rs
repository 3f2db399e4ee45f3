//! Random commands with faults against the bank, beside a model of it and of its logs.
//!
//! The model predicts the answer and the rows of every command. After every step the stored states, the logs and
//! the view of each realm equal the model's (P4, P7). At the end the log reproduces every state (P6).
//!
//! Each run is repeated on every store with the same ids and times: at the end they hold the same rows.

use std::cell::RefCell;
use std::collections::BTreeMap;

use banking_domain::{Account, TransactionManagerDomain};
use fluvius_core::{
    AggregateId, CommandBundle, CommandStatus, Domain, DomainContext, DomainRuntime, ETag, Error,
    EventRecord, Json, LogEntry, Precondition, Response, Session, Store,
};
use fluvius_testing::SequentialIds;
use fluvius_tests::seeds;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::bank_model::{
    Bank, BankCommand, ModelAggregate, ModelRejection, action, aggregate_id, any_amount, identifier,
};
use crate::stores::{AnyStore, content};
use crate::{log_fold, property};

const CASES: u32 = 256;
/// Average number of steps of a case.
const STEPS: usize = 50;
const ACCOUNTS: usize = 5;
const REALMS: [Option<&str>; 3] = [None, Some("north"), Some("south")];
/// The command that a transfer invokes.
const INVOKED: &str = "receive-transfer";

#[test]
fn the_bank_behaves_like_its_model() {
    let steps = seeds::number("FLUVIUS_STEPS").and_then(|steps| usize::try_from(steps).ok());
    // From one step, so that a failing case can shrink; `STEPS` on average.
    let strategy = Model::sequential_strategy(1..2 * steps.unwrap_or(STEPS));
    property::check("the_bank_behaves_like_its_model", CASES, strategy, |(model, steps, seen)| {
        Machine::test_sequential(property::config(CASES), model, steps, seen);
        Ok(())
    });
    // An answer that never occurred was not tested.
    let often = [
        ("applied", 1_000),
        ("applied as a group", 50),
        ("applied once more", 50),
        ("rejected", 500),
        ("rejected once more", 50),
        ("not-found", 100),
        ("already-exists", 100),
        ("precondition-failed", 100),
        ("command-id-reused", 100),
        ("group-rejected", 100),
        ("group-rejected once more", 10),
        ("unknown-command", 100),
        ("resource-not-allowed", 50),
        ("invalid-payload", 50),
    ];
    TALLY.with_borrow(|tally| {
        for (answer, least) in often {
            assert!(tally.get(answer) > Some(&least), "{answer}: {tally:?}");
        }
    });
}

thread_local! {
    /// Number of answers by code.
    static TALLY: RefCell<BTreeMap<String, usize>> = const { RefCell::new(BTreeMap::new()) };
}

/// A command of a caller.
#[derive(Debug, Clone)]
struct Sent {
    id: Uuid,
    /// Index of its session; there is one per realm.
    realm: usize,
    account: usize,
    order: BankCommand,
    if_match: Option<Precondition>,
    /// Its fault, which is found before anything is loaded.
    fault: Option<Malformed>,
}

/// A fault of a command that is found before anything is loaded.
#[derive(Debug, Clone, Copy)]
enum Malformed {
    UnknownKey(&'static str),
    Internal,
    WrongResource(&'static str),
    Payload(Broken),
}

/// A fault of a payload.
#[derive(Debug, Clone, Copy)]
enum Broken {
    NotAnObject,
    FieldMissing,
    FieldUnknown,
    WrongType,
    TooManyDigits,
    FieldTwice,
}

/// One step of a run.
#[derive(Debug, Clone)]
enum Step {
    One(Sent),
    Group(Vec<Sent>),
    /// An earlier step, unchanged.
    Again(Index),
    /// The id of an earlier command, for another one.
    Taken(Index, Sent),
    /// An earlier command, sent again from another realm.
    Foreign(Index),
    /// A group with one known id and one new id.
    HalfKnown(Index, Sent),
    /// A group with a duplicate id.
    Twice(Sent),
}

/// The model's prediction of the last step.
#[derive(Debug, Clone, Default)]
struct Expected {
    commands: Vec<Sent>,
    is_group: bool,
    /// Whether the answer is a replay.
    is_again: bool,
    answer: Option<Answer>,
    /// New rows of the command log, without those of invoked actions: id, status, code.
    rows: Vec<(Uuid, CommandStatus, Option<String>)>,
    invoked_count: usize,
    event_count: usize,
}

/// The answer to a step.
#[derive(Debug, Clone, PartialEq)]
enum Answer {
    /// For each command its version, and the account's state at that version.
    Applied(Vec<(u64, Account)>),
    SimpleRejection(ModelRejection),
    /// A group in which this command was rejected.
    GroupRejected(Uuid, ModelRejection),
}

/// The model: the bank in plain Rust, and the answers to its commands.
#[derive(Debug, Clone, Default)]
struct Model {
    bank: Bank,
    next_id: u128,
    /// Every step whose answer is recorded.
    kept: Vec<(Vec<Sent>, bool, Answer)>,
    last: Expected,
}

impl Model {
    /// Ids are generated when a step is applied, so that an id survives while a failing case shrinks.
    fn fresh(&mut self, mut sent: Sent) -> Sent {
        self.next_id += 1;
        sent.id = Uuid::from_u128(0xC0DE_0000_0000 + self.next_id);
        sent
    }

    fn kept(&self, index: &Index) -> Option<(Vec<Sent>, bool, Answer)> {
        let at = (!self.kept.is_empty()).then(|| index.index(self.kept.len()))?;
        Some(self.kept[at].clone())
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::One(sent) => {
                let sent = self.fresh(sent.clone());
                self.decide(vec![sent], false);
            }
            Step::Group(group) => {
                // One session sends them all.
                let realm = group[0].realm;
                let group = group.iter().map(|sent| Sent { realm, ..self.fresh(sent.clone()) });
                let group = group.collect();
                self.decide(group, true);
            }
            Step::Again(index) => match self.kept(index) {
                None => self.last = Expected::default(),
                Some((commands, is_group, answer)) => {
                    self.expect(commands, is_group, answer);
                    self.last.is_again = true;
                }
            },
            Step::Taken(index, sent) => {
                let mut sent = self.fresh(sent.clone());
                let Some((first, ..)) = self.kept(index) else {
                    return self.decide(vec![sent], false);
                };
                sent.id = first[0].id;
                let answer = match malformed(&sent) {
                    Some(rejection) => Answer::SimpleRejection(rejection),
                    None if is_same(&sent, &first[0]) => return self.last = Expected::default(),
                    None => Answer::SimpleRejection(ModelRejection::of("command-id-reused")),
                };
                self.expect(vec![sent], false, answer);
            }
            Step::Foreign(index) => match self.kept(index) {
                None => self.last = Expected::default(),
                Some((first, ..)) => {
                    let mut sent = first[0].clone();
                    sent.realm = (sent.realm + 1) % REALMS.len();
                    let answer = Answer::SimpleRejection(ModelRejection::of("command-id-reused"));
                    self.expect(vec![sent], false, answer);
                }
            },
            Step::HalfKnown(index, sent) => {
                let sent = self.fresh(sent.clone());
                let Some((first, ..)) = self.kept(index) else {
                    return self.decide(vec![sent], false);
                };
                let commands = vec![sent, first[0].clone()];
                let rejection = malformed(&commands[0]);
                let rejection = rejection.unwrap_or(ModelRejection::of("command-id-reused"));
                self.expect(commands, true, Answer::SimpleRejection(rejection));
            }
            Step::Twice(sent) => {
                let sent = self.fresh(sent.clone());
                // A duplicate id is found before the resources are checked.
                let rejection = match malformed(&sent) {
                    Some(rejection) if rejection.code != "resource-not-allowed" => rejection,
                    _ => ModelRejection::of("command-id-reused"),
                };
                self.expect(vec![sent.clone(), sent], true, Answer::SimpleRejection(rejection));
            }
        }
    }

    /// Returns a prediction without rows.
    fn expect(&mut self, commands: Vec<Sent>, is_group: bool, answer: Answer) {
        self.last = Expected { commands, is_group, answer: Some(answer), ..Expected::default() };
    }

    fn decide(&mut self, commands: Vec<Sent>, is_group: bool) {
        // All commands are decoded before the resource of any is checked.
        let faults = || commands.iter().filter_map(malformed);
        let undecoded = faults().find(|rejection| rejection.code != "resource-not-allowed");
        if let Some(rejection) = undecoded.or_else(|| faults().next()) {
            return self.expect(commands, is_group, Answer::SimpleRejection(rejection));
        }
        let before = self.bank.clone();
        let mut after = self.bank.clone();
        let mut applied = Vec::new();
        let mut rejected = None;
        for sent in &commands {
            match run(&before, &mut after, sent) {
                Ok(()) => {
                    let aggregate_id = &after.aggregate_ids[&sent.account];
                    applied.push((
                        aggregate_id.version(),
                        aggregate_id.states.last().unwrap().clone(),
                    ));
                }
                Err(rejection) => {
                    rejected = Some((sent.id, rejection));
                    break;
                }
            }
        }
        let mut expected = Expected { is_group, ..Expected::default() };
        let answer = match rejected {
            None => {
                let events = |bank: &Bank| -> u64 {
                    bank.aggregate_ids.values().map(ModelAggregate::version).sum()
                };
                expected.event_count = usize::try_from(events(&after) - events(&before)).unwrap();
                expected.invoked_count = expected.event_count - commands.len();
                self.bank = after;
                Answer::Applied(applied)
            }
            Some((id, rejection)) if is_group => Answer::GroupRejected(id, rejection),
            Some((_, rejection)) => Answer::SimpleRejection(rejection),
        };
        expected.rows = commands.iter().map(|sent| row(sent.id, &answer)).collect();
        self.kept.push((commands.clone(), is_group, answer.clone()));
        self.last = Expected { commands, answer: Some(answer), ..expected };
    }
}

/// Returns the row of a command whose step has this answer.
fn row(id: Uuid, answer: &Answer) -> (Uuid, CommandStatus, Option<String>) {
    let code =
        |rejection: &ModelRejection| rejection.action.clone().unwrap_or(rejection.code.to_owned());
    match answer {
        Answer::Applied(_) => (id, CommandStatus::Applied, None),
        Answer::SimpleRejection(rejection) => (id, CommandStatus::Rejected, Some(code(rejection))),
        Answer::GroupRejected(rejected, rejection) if *rejected == id => {
            (id, CommandStatus::Rejected, Some(code(rejection)))
        }
        Answer::GroupRejected(..) => {
            (id, CommandStatus::Rejected, Some("group-rejected".to_owned()))
        }
    }
}

/// Runs one command on the model: life cycle, then If-Match against the state before the group, then the
/// action.
fn run(before: &Bank, bank: &mut Bank, sent: &Sent) -> Result<(), ModelRejection> {
    let realm = REALMS[sent.realm];
    bank.admit(realm, sent.account, &sent.order)?;
    if let Some(expected) = sent.if_match {
        let (version, etag) =
            before.aggregate_ids.get(&sent.account).map_or((0, None), |aggregate_id| {
                let etag =
                    ETag::new(aggregate_id.version(), *aggregate_id.commands.last().unwrap());
                (aggregate_id.version(), Some(etag))
            });
        if !expected.holds(version, etag) {
            return Err(ModelRejection::of("precondition-failed"));
        }
    }
    bank.run(realm, sent.account, sent.id, &sent.order)
}

/// Returns the error of a command that is found before anything is loaded.
fn malformed(sent: &Sent) -> Option<ModelRejection> {
    sent.fault.map(|fault| match fault {
        Malformed::UnknownKey(_) | Malformed::Internal => ModelRejection::of("unknown-command"),
        Malformed::WrongResource(_) => ModelRejection::of("resource-not-allowed"),
        Malformed::Payload(_) => ModelRejection::of("invalid-payload"),
    })
}

/// Returns whether two commands are the same for deduplication.
fn is_same(one: &Sent, other: &Sent) -> bool {
    one.realm == other.realm
        && one.account == other.account
        && one.order.key() == other.order.key()
        && one.order.payload(one.account) == other.order.payload(other.account)
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        // The bank starts with some accounts, so that most commands find one.
        let deposit = || (0_i64..1_000_000).prop_map(|cents| Decimal::new(cents, 2));
        prop::collection::vec(deposit(), ACCOUNTS - 1)
            .prop_map(|deposits| {
                let mut model = Self::default();
                for (account, deposit) in deposits.into_iter().enumerate() {
                    let order = BankCommand::Open { deposit };
                    let realm = usize::from(account == 1);
                    let sent = Sent {
                        id: Uuid::nil(),
                        realm,
                        account,
                        order,
                        if_match: None,
                        fault: None,
                    };
                    model.step(&Step::One(sent));
                }
                model
            })
            .boxed()
    }

    fn transitions(model: &Self) -> BoxedStrategy<Step> {
        let sent = any_sent(model);
        prop_oneof![
            14 => sent.clone().prop_map(Step::One),
            3 => prop::collection::vec(sent.clone(), 1..4).prop_map(Step::Group),
            2 => any::<Index>().prop_map(Step::Again),
            1 => (any::<Index>(), sent.clone()).prop_map(|(index, sent)| Step::Taken(index, sent)),
            1 => any::<Index>().prop_map(Step::Foreign),
            1 => (any::<Index>(), sent.clone())
                .prop_map(|(index, sent)| Step::HalfKnown(index, sent)),
            1 => sent.prop_map(Step::Twice),
        ]
        .boxed()
    }

    fn apply(mut model: Self, step: &Step) -> Self {
        model.step(step);
        model
    }
}

fn any_sent(model: &Model) -> BoxedStrategy<Sent> {
    let realm = prop_oneof![8 => Just(0_usize), 2 => Just(1), 1 => Just(2)];
    let order = prop_oneof![
        5 => any_amount().prop_map(|amount| BankCommand::Deposit { amount }),
        4 => any_amount().prop_map(|amount| BankCommand::Withdraw { amount }),
        6 => (any_amount(), 0..ACCOUNTS).prop_map(|(amount, to)| BankCommand::Transfer { amount, to }),
        1 => Just(BankCommand::Close),
        2 => prop_oneof![Just(Decimal::ZERO), any_amount()]
            .prop_map(|deposit| BankCommand::Open { deposit }),
    ];
    // Preconditions come from the model at the time of the draw: some still hold when the step is applied,
    // some do not.
    let expected_account: Vec<(u64, Vec<Uuid>)> = (0..ACCOUNTS)
        .map(|account| {
            let aggregate_id = model.bank.aggregate_ids.get(&account);
            aggregate_id.map_or((0, Vec::new()), |aggregate_id| {
                (aggregate_id.version(), aggregate_id.commands.clone())
            })
        })
        .collect();
    (realm, 0..ACCOUNTS, order, any_condition(), any_fault())
        .prop_map(move |(realm, account, order, condition, fault)| {
            let (version, ref commands) = expected_account[account];
            let etag = |back: usize| {
                let version = version.saturating_sub(back as u64);
                let command = usize::try_from(version).unwrap().checked_sub(1);
                let command = command.and_then(|at| commands.get(at).copied());
                Precondition::ETag(ETag::new(version, command.unwrap_or(Uuid::from_u128(7))))
            };
            let if_match = condition.map(|condition| match condition {
                Condition::Version(back) => Precondition::Version(version.saturating_sub(back)),
                Condition::ETag(back) => etag(back),
                Condition::Foreign => Precondition::ETag(ETag::new(version, Uuid::from_u128(8))),
            });
            Sent { id: Uuid::nil(), realm, account, order, if_match, fault }
        })
        .boxed()
}

/// The expected version of a caller.
#[derive(Debug, Clone, Copy)]
enum Condition {
    /// The current version, or this many before it.
    Version(u64),
    /// The current etag, or the one of this many versions before.
    ETag(usize),
    /// An etag of the current version, from another history.
    Foreign,
}

fn any_condition() -> impl Strategy<Value = Option<Condition>> {
    prop_oneof![
        12 => Just(None),
        2 => Just(Some(Condition::Version(0))),
        1 => Just(Some(Condition::Version(1))),
        2 => Just(Some(Condition::ETag(0))),
        1 => Just(Some(Condition::ETag(1))),
        1 => Just(Some(Condition::Foreign)),
    ]
}

fn any_fault() -> impl Strategy<Value = Option<Malformed>> {
    let broken = [
        Broken::NotAnObject,
        Broken::FieldMissing,
        Broken::FieldUnknown,
        Broken::WrongType,
        Broken::TooManyDigits,
        Broken::FieldTwice,
    ];
    prop_oneof![
        24 => Just(None),
        1 => select(vec!["", "deposit", "Deposit-Money", "money-deposited"])
            .prop_map(|key| Some(Malformed::UnknownKey(key))),
        1 => Just(Some(Malformed::Internal)),
        1 => select(vec!["", "bank-accounts", "Bank-Account", "user"])
            .prop_map(|resource| Some(Malformed::WrongResource(resource))),
        2 => select(broken.to_vec()).prop_map(|broken| Some(Malformed::Payload(broken))),
    ]
}

/// The system under test.
struct Machine;

/// The bank on every store.
struct Bench {
    runtime: Runtime,
    sides: Vec<Side>,
}

/// The bank on one store.
struct Side {
    domain: DomainRuntime,
    store: AnyStore,
    /// One session per realm.
    sessions: Vec<Session>,
    /// End of the logs after the last step.
    position: u64,
}

impl StateMachineTest for Machine {
    type SystemUnderTest = Bench;
    type Reference = Model;

    fn init_test(model: &Model) -> Bench {
        let runtime = property::runtime();
        let sides = runtime.block_on(async {
            let mut sides = Vec::new();
            for store in AnyStore::all().await {
                sides.push(Side::new(store).await);
            }
            for (commands, is_group, answer) in &model.kept {
                for side in &mut sides {
                    let found = side.send(commands, *is_group).await;
                    assert_answer(commands, answer, &found);
                }
            }
            for side in &mut sides {
                side.position = side.events(None).await.last().map_or(0, |row| row.position);
            }
            sides
        });
        Bench { runtime, sides }
    }

    fn apply(mut bench: Bench, model: &Model, _: Step) -> Bench {
        let expected = &model.last;
        let Some(answer) = &expected.answer else { return bench };
        bench.runtime.block_on(async {
            for side in &mut bench.sides {
                let found = side.send(&expected.commands, expected.is_group).await;
                assert_answer(&expected.commands, answer, &found);
                side.assert_rows(expected, answer).await;
            }
        });
        count(expected, answer);
        bench
    }

    fn check_invariants(bench: &Bench, model: &Model) {
        bench.runtime.block_on(async {
            for account in 0..ACCOUNTS {
                bench.sides[0].assert_aggregate(model, account).await;
            }
            // The others are slower: one account per step, in rotation, and all at the end.
            for side in &bench.sides[1..] {
                let account = usize::try_from(side.position).unwrap() % ACCOUNTS;
                side.assert_aggregate(model, account).await;
            }
        });
    }

    fn teardown(bench: Bench, model: Model) {
        bench.runtime.block_on(async {
            let mut contents = Vec::new();
            for side in &bench.sides {
                for account in 0..ACCOUNTS {
                    side.assert_aggregate(&model, account).await;
                }
                side.assert_folds(&model).await;
                contents.push(content(&side.store).await);
            }
            for content in &contents[1..] {
                assert_eq!(*content, contents[0], "the contents of the stores differ");
            }
        });
    }
}

impl Side {
    async fn new(store: AnyStore) -> Self {
        let builder = TransactionManagerDomain::builder(store.clone());
        let builder =
            builder.id_generator(SequentialIds::from(1)).clock(property::Ticks::default());
        let domain = builder.build().await.unwrap();
        let sessions = REALMS
            .iter()
            .map(|realm| {
                let context = DomainContext::create("state machine");
                domain.session(match realm {
                    Some(realm) => context.with_realm(*realm),
                    None => context,
                })
            })
            .collect();
        Self { domain, store, sessions, position: 0 }
    }

    async fn send(&self, commands: &[Sent], is_group: bool) -> Result<Vec<Response>, Error> {
        // A group is sent by the session of its first command.
        let session = &self.sessions[commands[0].realm];
        let bundles: Vec<CommandBundle> = commands.iter().map(bundle).collect();
        if is_group {
            session.process_atomic(bundles).await
        } else {
            let answer = session.process_command(bundles[0].clone()).await;
            answer.map(|response| vec![response])
        }
    }

    async fn events(&self, of: Option<AggregateId>) -> Vec<LogEntry<EventRecord>> {
        let mut log = self.domain.log().limit(usize::MAX);
        if let Some(aggregate_id) = of {
            log = log.for_aggregate(aggregate_id);
        }
        log.events().await.unwrap().rows
    }

    /// Checks that the log reproduces every state.
    async fn assert_folds(&self, model: &Model) {
        for account in 0..ACCOUNTS {
            let rows = self.events(Some(aggregate_id(account))).await;
            let rows: Vec<EventRecord> = rows.into_iter().map(|row| row.record).collect();
            let expected_account = model.bank.aggregate_ids.get(&account);
            let states: Vec<Value> = expected_account
                .map_or(&[][..], |aggregate_id| &aggregate_id.states)
                .iter()
                .map(log_fold::value_of)
                .collect();
            assert_eq!(log_fold::check::<Account>(&rows, &states, action), Ok(()));
            assert!(rows.windows(2).all(|two| two[0].occurred_at <= two[1].occurred_at));
        }
        let positions: Vec<u64> = self.events(None).await.iter().map(|row| row.position).collect();
        assert!(positions.is_sorted_by(|one, other| one < other));
    }

    /// Checks that the step has added exactly the predicted rows.
    async fn assert_rows(&mut self, expected: &Expected, answer: &Answer) {
        let log = self.domain.log().after(self.position);
        let commands = log.clone().commands().await.unwrap().rows;
        let events = log.clone().events().await.unwrap().rows;
        let (sent, invoked): (Vec<_>, Vec<_>) =
            commands.iter().partition(|row| row.parent.is_none());
        let rows: Vec<_> = sent
            .iter()
            .map(|row| (row.id, row.status, row.code.as_deref().map(str::to_owned)))
            .collect();
        assert_eq!(rows, expected.rows);
        for (row, command) in sent.iter().zip(&expected.commands) {
            assert_eq!(
                (row.key(), &row.aggregate_id),
                (command.order.key(), &aggregate_id(command.account))
            );
            assert_eq!(row.payload.to_value(), command.order.payload(command.account));
        }
        assert_eq!(invoked.len(), expected.invoked_count);
        for row in invoked {
            assert_eq!(row.key(), INVOKED);
            assert_eq!(row.id, fluvius_testing::invoked_id(row.parent.unwrap(), 1));
        }
        assert_eq!(events.len(), expected.event_count);
        if !matches!(answer, Answer::Applied(_)) {
            assert!(events.is_empty(), "a rejected command adds only its own row");
        }
        let messages = log.clone().messages().await.unwrap().rows;
        let activities = log.activities().await.unwrap().rows;
        assert!(messages.is_empty() && activities.is_empty());
        let positions = commands.iter().map(|row| row.position);
        let positions = positions.chain(events.iter().map(|row| row.position));
        self.position = positions.max().unwrap_or(self.position);
    }

    /// Checks that the stored aggregate is the model's, and that only its realm sees it.
    async fn assert_aggregate(&self, model: &Model, account: usize) {
        let stored = self.store.load(&aggregate_id(account)).await.unwrap();
        let expected_account = model.bank.aggregate_ids.get(&account);
        let Some((stored, expected_account)) = stored.as_ref().zip(expected_account) else {
            assert_eq!(stored.is_some(), expected_account.is_some());
            return;
        };
        let version = expected_account.version();
        assert_eq!(stored.version, version);
        assert_eq!(stored.etag, ETag::new(version, *expected_account.commands.last().unwrap()));
        assert_eq!(
            stored.data.to_value(),
            log_fold::value_of(expected_account.states.last().unwrap())
        );
        assert_eq!(stored.closed_at.is_some(), expected_account.closed);
        assert_eq!(stored.realm.as_deref(), expected_account.realm);
        for (session, realm) in self.sessions.iter().zip(REALMS) {
            let seen = session.statemgr().find::<Account>(identifier(account)).await.unwrap();
            assert_eq!(seen.is_some(), !expected_account.closed && realm == expected_account.realm);
            if let Some(seen) = seen {
                assert_eq!(seen.into_state(), *expected_account.states.last().unwrap());
            }
        }
        let last = self.store.history(&aggregate_id(account), version, u64::MAX).await.unwrap();
        assert_eq!(last.len(), 1, "one event per version, and none after the last");
    }
}

fn assert_answer(commands: &[Sent], expected: &Answer, found: &Result<Vec<Response>, Error>) {
    match (expected, found) {
        (Answer::Applied(expected), Ok(responses)) => {
            assert_eq!(responses.len(), expected.len());
            for ((response, (version, state)), sent) in responses.iter().zip(expected).zip(commands)
            {
                assert_eq!((response.command_id, response.version), (sent.id, *version));
                assert_eq!(response.etag, ETag::new(*version, sent.id));
                assert_eq!(response.aggregate_id, aggregate_id(sent.account));
                assert_eq!(response.data.to_value(), log_fold::value_of(state));
            }
        }
        (Answer::SimpleRejection(rejection), Err(error)) => {
            assert_eq!(*rejection, rejection_of(error))
        }
        (
            Answer::GroupRejected(id, rejection),
            Err(Error::GroupRejected { refused: rejected, source }),
        ) => {
            assert_eq!((rejected, rejection), (id, &rejection_of(source)));
        }
        _ => panic!("{commands:?}: expected {expected:?}, found {found:?}"),
    }
}

fn count(expected: &Expected, answer: &Answer) {
    let what = match answer {
        Answer::Applied(_) if expected.is_group && !expected.rows.is_empty() => {
            "applied as a group".to_owned()
        }
        Answer::Applied(_) => "applied".to_owned(),
        Answer::SimpleRejection(rejection) => rejection.code.to_owned(),
        Answer::GroupRejected(..) => "group-rejected".to_owned(),
    };
    let again = if expected.is_again { " once more" } else { "" };
    TALLY.with_borrow_mut(|tally| *tally.entry(what + again).or_default() += 1);
}

fn rejection_of(error: &Error) -> ModelRejection {
    ModelRejection { code: error.code(), action: error.rejection_code().map(str::to_owned) }
}

fn bundle(sent: &Sent) -> CommandBundle {
    let mut aggregate_id = aggregate_id(sent.account);
    let mut key = sent.order.key();
    let mut payload = sent.order.payload(sent.account);
    let mut broken = None;
    match sent.fault {
        None => {}
        Some(Malformed::UnknownKey(other)) => key = other,
        Some(Malformed::Internal) => {
            key = INVOKED;
            payload = json!({ "amount": 1, "sender_id": Uuid::nil() });
        }
        Some(Malformed::WrongResource(resource)) => aggregate_id.resource = resource.into(),
        Some(Malformed::Payload(how)) => {
            broken = Some(how.of(&sent.order, payload.clone()));
        }
    }
    CommandBundle {
        id: sent.id,
        command: key.to_owned(),
        aggregate_id,
        payload: Json::parse(broken.unwrap_or(payload.to_string())).unwrap(),
        if_match: sent.if_match,
    }
}

impl Broken {
    /// Returns an invalid payload; a command without fields has fewer kinds of faults.
    fn of(self, order: &BankCommand, mut payload: Value) -> String {
        let has_fields = *order != BankCommand::Close;
        let field =
            if matches!(order, BankCommand::Open { .. }) { "initial_deposit" } else { "amount" };
        let text = payload.to_string();
        let fields = payload.as_object_mut().unwrap();
        match self {
            Self::NotAnObject => return "[]".to_owned(),
            Self::FieldTwice if has_fields => {
                return text.replacen('{', &format!("{{\"{field}\":1,"), 1);
            }
            Self::FieldMissing if has_fields => drop(fields.remove(field)),
            Self::WrongType if has_fields => {
                fields.insert(field.to_owned(), json!({ "cents": 1 }));
            }
            Self::TooManyDigits if has_fields => {
                fields.insert(field.to_owned(), json!("123456789012345678901234567890.5"));
            }
            _ => drop(fields.insert("unknown".to_owned(), json!(1))),
        }
        payload.to_string()
    }
}
