//! The system under test: the bank on every store.

use banking_domain::{Account, TransactionManagerDomain};
use fluvius_core::{
    AggregateId, CommandBundle, Domain, DomainContext, DomainRuntime, ETag, Error, EventRecord,
    Json, LogEntry, Response, Session, Store,
};
use fluvius_testing::SequentialIds;
use proptest_state_machine::StateMachineTest;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::bank_model::{BankCommand, ModelRejection, action, aggregate_id, identifier};
use crate::stores::{AnyStore, content};
use crate::{log_fold, property};

use super::model::*;
use super::*;

/// The system under test.
pub(super) struct Machine;

/// The bank on every store.
pub(super) struct Bench {
    pub(super) runtime: Runtime,
    pub(super) sides: Vec<Side>,
}

/// The bank on one store.
pub(super) struct Side {
    pub(super) domain: DomainRuntime,
    pub(super) store: AnyStore,
    /// One session per realm.
    pub(super) sessions: Vec<Session>,
    /// End of the logs after the last step.
    pub(super) position: u64,
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
    pub(super) async fn new(store: AnyStore) -> Self {
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

    pub(super) async fn send(
        &self,
        commands: &[Sent],
        is_group: bool,
    ) -> Result<Vec<Response>, Error> {
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

    pub(super) async fn events(&self, of: Option<AggregateId>) -> Vec<LogEntry<EventRecord>> {
        let mut log = self.domain.log().limit(usize::MAX);
        if let Some(aggregate_id) = of {
            log = log.for_aggregate(aggregate_id);
        }
        log.events().await.unwrap().rows
    }

    /// Checks that the log reproduces every state.
    pub(super) async fn assert_folds(&self, model: &Model) {
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
    pub(super) async fn assert_rows(&mut self, expected: &Expected, answer: &Answer) {
        let log = self.domain.log().after(self.position);
        let commands = log.clone().commands().await.unwrap().rows;
        let events = log.clone().events().await.unwrap().rows;
        let (sent, invoked): (Vec<_>, Vec<_>) =
            commands.iter().partition(|row| row.record.parent.is_none());
        let rows: Vec<_> = sent
            .iter()
            .map(|row| {
                (row.record.id, row.record.status, row.record.code.as_deref().map(str::to_owned))
            })
            .collect();
        assert_eq!(rows, expected.rows);
        for (row, command) in sent.iter().zip(&expected.commands) {
            assert_eq!(
                (row.record.key(), &row.record.aggregate_id),
                (command.order.key(), &aggregate_id(command.account))
            );
            assert_eq!(row.record.payload.to_value(), command.order.payload(command.account));
        }
        assert_eq!(invoked.len(), expected.invoked_count);
        for row in invoked {
            assert_eq!(row.record.key(), INVOKED);
            assert_eq!(row.record.id, fluvius_testing::invoked_id(row.record.parent.unwrap(), 1));
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
    pub(super) async fn assert_aggregate(&self, model: &Model, account: usize) {
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
                assert_eq!(*seen, *expected_account.states.last().unwrap());
            }
        }
        let last = self.store.history(&aggregate_id(account), version, u64::MAX).await.unwrap();
        assert_eq!(last.len(), 1, "one event per version, and none after the last");
    }
}

pub(super) fn assert_answer(
    commands: &[Sent],
    expected: &Answer,
    found: &Result<Vec<Response>, Error>,
) {
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
        (Answer::Rejected(rejection), Err(error)) => {
            assert_eq!(*rejection, rejection_of(error))
        }
        (Answer::GroupRejected(id, rejection), Err(Error::GroupRejected { rejected, source })) => {
            assert_eq!((rejected, rejection), (id, &rejection_of(source)));
        }
        _ => panic!("{commands:?}: expected {expected:?}, found {found:?}"),
    }
}

pub(super) fn rejection_of(error: &Error) -> ModelRejection {
    let action = matches!(error, Error::Rejected { .. }).then(|| error.code().to_owned());
    ModelRejection { code: error.framework_code(), action }
}

pub(super) fn bundle(sent: &Sent) -> CommandBundle {
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
        if_match: sent.if_match.clone(),
    }
}

impl Broken {
    /// Returns an invalid payload; a command without fields has fewer kinds of faults.
    pub(super) fn of(self, order: &BankCommand, mut payload: Value) -> String {
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
