//! The model: the bank in plain Rust, and its predictions of answers and rows.

use banking_domain::Account;
use fluvius_core::{CommandStatus, ETag, Precondition};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest_state_machine::ReferenceStateMachine;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::bank_model::{Bank, BankCommand, ModelAggregate, ModelRejection};

use super::strategies::*;
use super::*;

/// A command of a caller.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) id: Uuid,
    /// Index of its session; there is one per realm.
    pub(super) realm: usize,
    pub(super) account: usize,
    pub(super) order: BankCommand,
    pub(super) if_match: Option<Precondition>,
    /// Its fault, which is found before anything is loaded.
    pub(super) fault: Option<Malformed>,
}

/// A fault of a command that is found before anything is loaded.
#[derive(Debug, Clone, Copy)]
pub(super) enum Malformed {
    UnknownKey(&'static str),
    Internal,
    WrongResource(&'static str),
    Payload(Broken),
}

/// A fault of a payload.
#[derive(Debug, Clone, Copy)]
pub(super) enum Broken {
    NotAnObject,
    FieldMissing,
    FieldUnknown,
    WrongType,
    TooManyDigits,
    FieldTwice,
}

/// One step of a run.
#[derive(Debug, Clone)]
pub(super) enum Step {
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
pub(super) struct Expected {
    pub(super) commands: Vec<Sent>,
    pub(super) is_group: bool,
    /// Set if the answer is a replay.
    pub(super) is_again: bool,
    pub(super) answer: Option<Answer>,
    /// New rows of the command log, without those of invoked actions: id, status, code.
    pub(super) rows: Vec<(Uuid, CommandStatus, Option<String>)>,
    pub(super) invoked_count: usize,
    pub(super) event_count: usize,
}

/// The answer to a step.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Answer {
    /// For each command its version, and the account's state at that version.
    Applied(Vec<(u64, Account)>),
    Rejected(ModelRejection),
    /// A group in which this command was rejected.
    GroupRejected(Uuid, ModelRejection),
}

/// The model: the bank in plain Rust, and the answers to its commands.
#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) bank: Bank,
    pub(super) next_id: u128,
    /// Every step whose answer is recorded.
    pub(super) kept: Vec<(Vec<Sent>, bool, Answer)>,
    pub(super) last: Expected,
}

impl Model {
    /// Ids are generated when a step is applied, so that an id survives while a failing case
    /// shrinks.
    pub(super) fn fresh(&mut self, mut sent: Sent) -> Sent {
        self.next_id += 1;
        sent.id = Uuid::from_u128(0xC0DE_0000_0000 + self.next_id);
        sent
    }

    pub(super) fn kept(&self, index: &Index) -> Option<(Vec<Sent>, bool, Answer)> {
        let at = (!self.kept.is_empty()).then(|| index.index(self.kept.len()))?;
        Some(self.kept[at].clone())
    }

    pub(super) fn step(&mut self, step: &Step) {
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
                    Some(rejection) => Answer::Rejected(rejection),
                    None if is_same(&sent, &first[0]) => return self.last = Expected::default(),
                    None => Answer::Rejected(ModelRejection::of("command-id-reused")),
                };
                self.expect(vec![sent], false, answer);
            }
            Step::Foreign(index) => match self.kept(index) {
                None => self.last = Expected::default(),
                Some((first, ..)) => {
                    let mut sent = first[0].clone();
                    sent.realm = (sent.realm + 1) % REALMS.len();
                    let answer = Answer::Rejected(ModelRejection::of("command-id-reused"));
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
                self.expect(commands, true, Answer::Rejected(rejection));
            }
            Step::Twice(sent) => {
                let sent = self.fresh(sent.clone());
                // A duplicate id is found before the resources are checked.
                let rejection = match malformed(&sent) {
                    Some(rejection) if rejection.code != "resource-not-allowed" => rejection,
                    _ => ModelRejection::of("command-id-reused"),
                };
                self.expect(vec![sent.clone(), sent], true, Answer::Rejected(rejection));
            }
        }
    }

    /// Returns a prediction without rows.
    pub(super) fn expect(&mut self, commands: Vec<Sent>, is_group: bool, answer: Answer) {
        self.last = Expected { commands, is_group, answer: Some(answer), ..Expected::default() };
    }

    pub(super) fn decide(&mut self, commands: Vec<Sent>, is_group: bool) {
        // All commands are decoded before the resource of any is checked.
        let faults = || commands.iter().filter_map(malformed);
        let undecoded = faults().find(|rejection| rejection.code != "resource-not-allowed");
        if let Some(rejection) = undecoded.or_else(|| faults().next()) {
            return self.expect(commands, is_group, Answer::Rejected(rejection));
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
            Some((_, rejection)) => Answer::Rejected(rejection),
        };
        expected.rows = commands.iter().map(|sent| row(sent.id, &answer)).collect();
        self.kept.push((commands.clone(), is_group, answer.clone()));
        self.last = Expected { commands, answer: Some(answer), ..expected };
    }
}

/// Returns the row of a command whose step has this answer.
pub(super) fn row(id: Uuid, answer: &Answer) -> (Uuid, CommandStatus, Option<String>) {
    let code =
        |rejection: &ModelRejection| rejection.action.clone().unwrap_or(rejection.code.to_owned());
    match answer {
        Answer::Applied(_) => (id, CommandStatus::Applied, None),
        Answer::Rejected(rejection) => (id, CommandStatus::Rejected, Some(code(rejection))),
        Answer::GroupRejected(rejected, rejection) if *rejected == id => {
            (id, CommandStatus::Rejected, Some(code(rejection)))
        }
        Answer::GroupRejected(..) => {
            (id, CommandStatus::Rejected, Some("group-rejected".to_owned()))
        }
    }
}

/// Runs one command on the model: life cycle, then If-Match against the state before the group,
/// then the action.
pub(super) fn run(before: &Bank, bank: &mut Bank, sent: &Sent) -> Result<(), ModelRejection> {
    let realm = REALMS[sent.realm];
    bank.admit(realm, sent.account, &sent.order)?;
    if let Some(expected) = &sent.if_match {
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
pub(super) fn malformed(sent: &Sent) -> Option<ModelRejection> {
    sent.fault.map(|fault| match fault {
        Malformed::UnknownKey(_) | Malformed::Internal => ModelRejection::of("unknown-command"),
        Malformed::WrongResource(_) => ModelRejection::of("resource-not-allowed"),
        Malformed::Payload(_) => ModelRejection::of("invalid-payload"),
    })
}

/// Returns true if two commands are the same for deduplication.
pub(super) fn is_same(one: &Sent, other: &Sent) -> bool {
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
