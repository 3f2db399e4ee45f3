//! Upcasts that are missing, fail, panic or give an invalid state: `invalid-state`, and the runtime
//! continues.

use std::convert::Infallible;

use fluvius_core::uuid::Uuid;
use fluvius_core::{
    ActionContext, ContextError, Domain, Error, Json, Store, UpcastError, UpcastInput, aggregate,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::revision_1;
use crate::revision_1_store::{ADA, NOTED, WITHDRAWN, aggregate_id, sender};

over_each_store! {
    a_failed_state_upcast_is_invalid_state
    a_failed_event_upcast_is_invalid_state
    fetching_such_a_state_is_a_fault
    a_replay_with_a_failed_upcast_is_outcome_unknown
    a_replayed_state_needs_no_event_upcast
    data_of_an_older_revision_needs_an_upcast
}

/// An account whose owner selects the upcast's behaviour.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    pub owner: String,
    pub balance: i64,
}

#[aggregate(resource = "account", revision = 2, upcast = faulty_upcast)]
impl Account {
    #[action(evt_key = "deposited")]
    pub fn deposit(&mut self, amount: i64) -> Result<(), Infallible> {
        self.balance += amount;
        Ok(())
    }

    #[action(evt_key = "withdrawn")]
    pub fn withdraw(&mut self, cents: i64) -> Result<i64, Infallible> {
        self.balance -= cents;
        Ok(self.balance)
    }

    #[action(evt_key = "noted")]
    pub fn note(&self, #[arg(default)] text: String) -> Result<(), Infallible> {
        let _ = text;
        Ok(())
    }

    #[action]
    pub fn look(&self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action(evt_key = "account-closed")]
    pub fn close(self) -> Result<(), Infallible> {
        Ok(())
    }

    #[action(evt_key = "topped-up")]
    pub async fn top_up(&mut self, cx: &mut ActionContext, from: Uuid) -> Result<(), ContextError> {
        // The command ends with the fault, whatever the action returns.
        let _ = cx.fetch::<Self>(from).await;
        Ok(())
    }
}

fn faulty_upcast(_: u32, written: UpcastInput<'_>, json: &mut Value) -> Result<(), UpcastError> {
    match written {
        UpcastInput::State => {}
        UpcastInput::Event("account-opened") => return Err("this test upcasts no event".into()),
        UpcastInput::Event("withdrawn") => {
            json["data"] = "\0".into();
            return Ok(());
        }
        _ => panic!("hunter2"),
    }
    json["balance"] = json["cents"].take();
    match json["owner"].as_str().unwrap_or_default() {
        "fails" => return Err("no account has this name".into()),
        "locates" => {
            Json::from_value(&json!({ "deep": [json["balance"]] }))?.decode::<Deep>()?;
        }
        "panics" => panic!("hunter2"),
        "unstorable" => json["owner"] = "\0".into(),
        "misfit" => json["balance"] = "much".into(),
        "lacking" => *json = json!({ "owner": "lacking" }),
        "no-object" => *json = Value::Null,
        _ => {}
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
struct Deep {
    #[expect(dead_code, reason = "read by serde only")]
    deep: Vec<bool>,
}

#[derive(Debug, Clone, Copy, Domain)]
#[domain(aggregates(Account), namespace = "evolving")]
pub struct FaultyUpcastDomain;

/// Owner, path of the error, and its message.
const UPCAST_FAULTS: [(&str, &str, &str); 7] = [
    ("fails", ".", "upcast from revision 1 to 2: no account has this name"),
    (
        "locates",
        "deep[0]",
        "upcast from revision 1 to 2: invalid type: integer `7`, expected a boolean",
    ),
    ("panics", ".", "the upcast from revision 1 to 2 panicked"),
    ("unstorable", "owner", "upcast to revision 2: U+0000 cannot be stored"),
    ("misfit", "balance", "upcast to revision 2: invalid type: string \"much\", expected i64"),
    ("lacking", "balance", "upcast to revision 2: missing field `balance`"),
    ("no-object", ".", "upcast to revision 2: invalid type: null, expected struct Account"),
];

fn id(index: usize) -> Uuid {
    Uuid::from_u128(100 + u128::try_from(index).unwrap())
}

/// Writes an account for each fault, and a valid one, which is the last.
async fn open_all(store: impl Store) {
    let domain = revision_1::EvolvingDomain::runtime(store).await.unwrap();
    let session = domain.session(sender());
    let owners = UPCAST_FAULTS.map(|(owner, ..)| owner).into_iter().chain(["fine"]);
    for (index, owner) in owners.enumerate() {
        let (owner, remark) = (owner.to_owned(), String::new());
        session.send(id(index), revision_1::Open { owner, cents: 7, remark }).await.unwrap();
    }
    domain.shutdown().await;
}

#[track_caller]
fn check_invalid(error: &Error, of: Uuid, path: &str, message: &str) {
    match error {
        Error::InvalidState { aggregate_id: found, revision, path: at, message: why } => {
            assert_eq!((found, *revision, at.as_str()), (&aggregate_id(of), 1, path), "{why}");
            assert!(why.starts_with(message), "{why}");
            assert!(!why.contains("hunter2"), "{why}");
        }
        other => panic!("{other:?}"),
    }
}

async fn a_failed_state_upcast_is_invalid_state(store: impl Store + Clone) {
    open_all(store.clone()).await;
    let domain = FaultyUpcastDomain::runtime(store).await.unwrap();
    let session = domain.session(sender());
    let statemgr = session.statemgr();
    for (index, (owner, path, message)) in UPCAST_FAULTS.into_iter().enumerate() {
        let id = id(index);
        let before = statemgr.fetch_record(&aggregate_id(id)).await.unwrap();
        for (key, payload) in [
            ("deposit", json!({ "amount": 1 })),
            ("note", json!({})),
            ("look", json!({})),
            ("close", json!({})),
        ] {
            let command = session.aggregate(aggregate_id(id)).create_command(key, payload).unwrap();
            check_invalid(&session.process_command(command).await.unwrap_err(), id, path, message);
        }
        check_invalid(&statemgr.fetch::<Account>(id).await.unwrap_err(), id, path, message);
        check_invalid(&statemgr.fetch_at::<Account>(id, 1).await.unwrap_err(), id, path, message);
        let by_owner = fluvius_core::query::Field::text("owner").eq(owner);
        let found = statemgr.find_all::<Account>(by_owner).await;
        check_invalid(&found.unwrap_err(), id, path, message);
        assert_eq!(statemgr.fetch_record(&aggregate_id(id)).await.unwrap(), before, "{owner}");
        assert_eq!(statemgr.history(&aggregate_id(id), ..).await.unwrap().len(), 1, "{owner}");
    }
    let fine = session.send(id(UPCAST_FAULTS.len()), Deposit { amount: 1 }).await.unwrap();
    assert_eq!((fine.version, fine.data.balance), (2, 8));
}

async fn a_failed_event_upcast_is_invalid_state(store: impl Store) {
    let domain = FaultyUpcastDomain::runtime(store).await.unwrap();
    let events = domain.statemgr().history(&aggregate_id(ADA), ..).await.unwrap();
    let message = |key, of_upcast| format!("the row of `{key}` does not decode: {of_upcast}");
    for (index, key, path, of_upcast) in [
        (1, "deposited", ".", "the upcast from revision 1 to 2 panicked"),
        (2, "withdrawn", "data", "upcast to revision 2: U+0000 cannot be stored"),
    ] {
        let error = AccountEvent::try_from(&events[index].record).unwrap_err();
        check_invalid(&error.into(), ADA, path, &message(key, of_upcast));
    }
}

async fn fetching_such_a_state_is_a_fault(store: impl Store + Clone) {
    open_all(store.clone()).await;
    let domain = FaultyUpcastDomain::runtime(store).await.unwrap();
    let session = domain.session(sender());
    let fine = id(UPCAST_FAULTS.len());
    for (index, (_, path, message)) in UPCAST_FAULTS.into_iter().enumerate() {
        let error = session.send(fine, TopUp { from: id(index) }).await.unwrap_err();
        check_invalid(&error, id(index), path, message);
    }
    assert_eq!(session.statemgr().fetch_record(&aggregate_id(fine)).await.unwrap().version, 1);
}

async fn a_replay_with_a_failed_upcast_is_outcome_unknown(store: impl Store) {
    let domain = FaultyUpcastDomain::runtime(store).await.unwrap();
    let session = domain.session(sender());
    let withdraw = Withdraw { cents: 2_000 };
    let error = session.send(ADA, withdraw).with_id(WITHDRAWN).await.unwrap_err();
    // The command was applied, which `invalid-state` would deny.
    assert!(matches!(error, Error::OutcomeUnknown { id } if id == WITHDRAWN), "{error:?}");
    assert_eq!(session.statemgr().fetch_record(&aggregate_id(ADA)).await.unwrap().version, 7);
}

async fn a_replayed_state_needs_no_event_upcast(store: impl Store) {
    let domain = FaultyUpcastDomain::runtime(store).await.unwrap();
    let session = domain.session(sender());
    let note = Note { text: "a good customer".to_owned() };
    let again = session.send(ADA, note).with_id(NOTED).await.unwrap();
    assert_eq!((again.version, again.data.balance), (4, 8_500));
}

/// The same account, without upcasts.
mod bare {
    use super::*;

    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub struct Account {
        pub owner: String,
    }

    #[aggregate(resource = "account", revision = 2, upcast = none)]
    impl Account {
        #[action(evt_key = "deposited")]
        pub fn deposit(&mut self, cents: i64) -> Result<(), Infallible> {
            let _ = cents;
            Ok(())
        }
    }

    #[derive(Debug, Clone, Copy, Domain)]
    #[domain(aggregates(Account), namespace = "evolving")]
    pub struct BareDomain;
}

async fn data_of_an_older_revision_needs_an_upcast(store: impl Store) {
    let domain = bare::BareDomain::runtime(store).await.unwrap();
    let session = domain.session(sender());
    // Although the state would decode without an upcast.
    let message = "revision 1 wrote it, and no upcast to revision 2 is named: name one, \
                   `#[aggregate(revision = 2, upcast = ..)]`";
    let error = session.send(ADA, bare::Deposit { cents: 1 }).await.unwrap_err();
    check_invalid(&error, ADA, ".", message);
    let error = session.statemgr().fetch::<bare::Account>(ADA).await.unwrap_err();
    check_invalid(&error, ADA, ".", message);
    let event = session.statemgr().history(&aggregate_id(ADA), 2..=2).await.unwrap().remove(0);
    let error = bare::AccountEvent::try_from(&event.record).unwrap_err();
    check_invalid(
        &error.into(),
        ADA,
        ".",
        &format!("the row of `deposited` does not decode: {message}"),
    );
}
