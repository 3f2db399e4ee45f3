//! Replayed responses: byte-identical, hash maps included, and never for a sender that the policy
//! denies.

use std::collections::{BTreeSet, HashMap};

use fluvius_core::{
    Aggregate, AggregateId, Authorization, Domain, DomainContext, DomainRuntime, MemoryStore,
    Policy, PolicyRequest, PolicyState, Session, SimpleRejection, aggregate,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use fluvius_tests::fixture::{self, id};
use fluvius_tests::gate;

/// Pieces by name, in hash maps at several levels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Basket {
    pub zebra: u8,
    pub pieces: HashMap<String, u32>,
    pub shelves: HashMap<Uuid, HashMap<u32, String>>,
    pub names: BTreeSet<String>,
    pub apple: f64,
    #[serde(flatten)]
    pub more: HashMap<String, Value>,
}

#[aggregate(resource = "basket")]
impl Basket {
    /// Take a basket.
    #[action(evt_key = "basket-taken")]
    pub fn take_basket(count: u32) -> Result<Self, SimpleRejection> {
        let names = || (0..count).map(|number| format!("piece \"{number}\" é"));
        let inner: HashMap<u32, String> = (0..count).zip(names()).collect();
        Ok(Self {
            zebra: 1,
            pieces: names().zip(0..).collect(),
            shelves: (0..u128::from(count)).map(|at| (id(at), inner.clone())).collect(),
            names: names().collect(),
            apple: 1e21,
            more: names()
                .map(|name| (format!("more {name}"), json!({ "b": 1, "a": [2] })))
                .collect(),
        })
    }

    /// Put a piece into the basket.
    #[action(evt_key = "basket-filled")]
    pub fn fill_basket(&mut self, name: String) -> Result<(), SimpleRejection> {
        if name.is_empty() {
            return Err(SimpleRejection::new("no-name", "the piece has no name"));
        }
        self.pieces.insert(name, 1);
        self.apple += 0.1;
        Ok(())
    }

    /// Count the pieces.
    #[action(evt_key = "basket-counted")]
    pub fn count_basket(&mut self) -> Result<HashMap<String, u32>, SimpleRejection> {
        Ok(self.pieces.clone())
    }

    /// Look into the basket.
    #[action]
    pub fn look_into_basket(&self) -> Result<(), SimpleRejection> {
        Ok(())
    }

    /// Look into the basket once the gate opens.
    #[action]
    pub async fn look_later(&self, gate: String) -> Result<(), SimpleRejection> {
        gate::gate(&gate).pass().await;
        Ok(())
    }

    /// Give the basket back.
    #[action(evt_key = "basket-returned")]
    pub fn return_basket(self) -> Result<(), SimpleRejection> {
        Ok(())
    }
}

#[derive(Domain)]
#[domain(aggregates(Basket))]
pub struct BasketDomain;

fn basket() -> AggregateId {
    Basket::aggregate_id(id(1))
}

/// The commands of a basket, each with a fixed id.
fn life() -> Vec<(&'static str, Value)> {
    vec![
        ("take-basket", json!({ "count": 12 })),
        ("fill-basket", json!({ "name": "x" })),
        ("count-basket", json!({})),
        ("look-into-basket", json!({})),
        ("fill-basket", json!({ "name": "" })),
        ("fill-basket", json!({ "name": "y" })),
        ("return-basket", json!({})),
    ]
}

/// Sends each command. Returns its answer as text, or its code.
async fn answers(session: &Session) -> Vec<String> {
    let mut answers = Vec::new();
    for (number, (key, payload)) in (100..).zip(life()) {
        let command = fixture::command(session, &basket(), key, payload).with_id(id(number));
        answers.push(match session.process_command(command).await {
            Ok(response) => format!("{} {} {}", response.version, response.etag, response.data),
            Err(error) => error.code().to_owned(),
        });
    }
    answers
}

#[tokio::test]
async fn replays_of_hash_maps_are_byte_identical() {
    let store = MemoryStore::new();
    let mut first = None;
    for _ in 0..3 {
        let domain = BasketDomain::runtime(store.clone()).await.unwrap();
        let session = domain.session(DomainContext::create("test"));
        let found = answers(&session).await;
        assert_eq!(*first.get_or_insert_with(|| found.clone()), found);
        domain.shutdown().await;
    }
    assert_eq!(first.unwrap()[4], "no-name");
}

#[tokio::test]
async fn a_small_change_of_a_hash_map_is_a_patch() {
    let store = MemoryStore::new();
    for number in 0..3 {
        let domain = BasketDomain::runtime(store.clone()).await.unwrap();
        let session = domain.session(DomainContext::create("test"));
        if number == 0 {
            session.send(id(1), TakeBasket { count: 30 }).await.unwrap();
        }
        session.send(id(1), FillBasket { name: format!("n{number}") }).await.unwrap();
        let events = domain.log().events().await.unwrap().rows;
        let change = events.last().unwrap().record.delta.to_json();
        assert!(change.len() < 200, "{change}");
    }
}

/// Allows readers to see baskets.
#[derive(Clone)]
struct Readers;

impl Policy for Readers {
    async fn authorize(&self, _: &PolicyRequest<'_>) -> Authorization {
        Authorization::Allow
    }

    async fn authorize_with_state(
        &self,
        request: &PolicyRequest<'_>,
        state: Option<&PolicyState<'_>>,
    ) -> Authorization {
        let is_reader = request.context.roles().iter().any(|role| role == "reader");
        match state.and_then(|state| state.state::<Basket>()) {
            Some(_) if !is_reader => Authorization::deny("for readers"),
            _ => Authorization::Allow,
        }
    }
}

/// Returns a domain with the policy, a sender with the reader role, and the same sender without it.
async fn senders() -> (DomainRuntime, Session, Session) {
    let builder = BasketDomain::builder(MemoryStore::new()).policy(Readers);
    let domain = builder.build().await.unwrap();
    let user = DomainContext::create("desk").with_user(id(7));
    let reader = domain.session(user.clone().with_role("reader"));
    let former = domain.session(user);
    (domain, reader, former)
}

async fn denials(domain: &DomainRuntime) -> Vec<Uuid> {
    let activities = domain.log().activities().await.unwrap().rows;
    assert!(activities.iter().all(|row| row.record.code.as_deref() == Some("permission-denied")));
    activities.iter().map(|row| row.record.command_id).collect()
}

#[tokio::test]
async fn a_denied_sender_gets_no_replay() {
    let (domain, reader, former) = senders().await;
    let first = answers(&reader).await;
    assert_eq!(answers(&reader).await, first, "the reader is still allowed");
    assert!(denials(&domain).await.is_empty());

    // Independent of the first answer and of later changes: the basket is closed now.
    let found = answers(&former).await;
    assert_eq!(found, vec!["permission-denied"; life().len()]);
    let ids: Vec<Uuid> = (100..).take(life().len()).map(id).collect();
    assert_eq!(denials(&domain).await, ids, "one activity per denial");
    assert_eq!(answers(&reader).await, first);
}

#[tokio::test]
async fn a_denied_sender_gets_no_replay_of_a_group() {
    let (domain, reader, former) = senders().await;
    let group = |session: &Session| {
        life()[..3]
            .iter()
            .zip(100..)
            .map(|((key, payload), number)| {
                fixture::command(session, &basket(), key, payload.clone()).with_id(id(number))
            })
            .collect::<Vec<_>>()
    };
    let first = reader.process_atomic(group(&reader)).await.unwrap();
    let again = reader.process_atomic(group(&reader)).await.unwrap();
    assert!(first.iter().zip(&again).all(|(one, other)| one.data.as_str() == other.data.as_str()));
    let denied = former.process_atomic(group(&former)).await.unwrap_err();
    assert_eq!(denied.code(), "permission-denied");
    assert_eq!(denials(&domain).await, [id(100)]);
}

#[tokio::test]
async fn a_denied_sender_does_not_join_a_command_in_flight() {
    let (domain, reader, former) = senders().await;
    reader.send(id(1), TakeBasket { count: 1 }).await.unwrap();
    let gate = "denied join";
    let send = |session: &Session| {
        let look = LookLater { gate: gate.to_owned() };
        let session = session.clone();
        tokio::spawn(async move { session.send(id(1), look).with_id(id(50)).await })
    };
    let first = send(&reader);
    gate::gate(gate).arrival().await;
    let (joined, denied) = (send(&reader), send(&former));
    tokio::task::yield_now().await;
    gate::gate(gate).open(1);
    assert!(first.await.unwrap().is_ok());
    assert!(joined.await.unwrap().is_ok());
    assert_eq!(denied.await.unwrap().unwrap_err().code(), "permission-denied");
    assert_eq!(denials(&domain).await, [id(50)]);
}

#[tokio::test]
async fn command_id_reused_needs_no_authorization() {
    let (domain, reader, former) = senders().await;
    answers(&reader).await;
    let stranger = domain.session(DomainContext::create("desk").with_user(id(8)));
    let command = fixture::command(&stranger, &basket(), "take-basket", json!({ "count": 12 }));
    let error = stranger.process_command(command.with_id(id(100))).await.unwrap_err();
    assert_eq!(error.code(), "command-id-reused");
    drop(former);
}
