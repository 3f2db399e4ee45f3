//! A client: sends commands at random, gives some of them up, and sends some again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fluvius_core::testing::SeededRng;
use fluvius_core::{
    AggregateRoot, CommandBundle, DomainContext, DomainRuntime, Error, MemoryStore, Response,
    Session, Store,
};
use serde_json::json;
use uuid::Uuid;

use crate::run::{Summary, small};

/// A command, or a group, and the answer that came.
#[derive(Debug, Clone)]
pub struct Sent {
    pub commands: Vec<CommandBundle>,
    pub answer: Option<Result<Vec<Response>, Error>>,
}

pub async fn work(
    domain: DomainRuntime,
    content: MemoryStore,
    accounts: u16,
    mut rng: SeededRng,
    sent: Arc<Mutex<Vec<Sent>>>,
) -> Result<(), String> {
    let session = domain.session(DomainContext::create("simulation"));
    for _ in 0..4 + rng.below(10) {
        let mut commands = vec![command(&session, accounts, &mut rng)?];
        if rng.happens(150) {
            commands.push(command(&session, accounts, &mut rng)?);
        }
        let again = rng.happens(100).then(|| {
            let sent = sent.lock().expect("no client panics");
            (!sent.is_empty()).then(|| rng.pick(&sent).commands.clone())
        });
        let commands = again.flatten().unwrap_or(commands);
        let patience = rng.happens(150).then(|| Duration::from_micros(rng.below(5_000)));
        let answer = send(&session, commands.clone(), patience).await;
        if let Some(answer) = &answer {
            is_stored_when_answered(&content, answer).await?;
        }
        sent.lock().expect("no client panics").push(Sent { commands, answer });
        if rng.happens(300) {
            tokio::time::sleep(Duration::from_micros(rng.below(2_000))).await;
        }
    }
    Ok(())
}

async fn send(
    session: &Session,
    commands: Vec<CommandBundle>,
    patience: Option<Duration>,
) -> Option<Result<Vec<Response>, Error>> {
    let answer = async {
        match <[CommandBundle; 1]>::try_from(commands) {
            Ok([command]) => session.process_command(command).await.map(|response| vec![response]),
            Err(commands) => session.process_atomic(commands).await,
        }
    };
    match patience {
        Some(patience) => tokio::time::timeout(patience, answer).await.ok(),
        None => Some(answer.await),
    }
}

fn command(session: &Session, accounts: u16, rng: &mut SeededRng) -> Result<CommandBundle, String> {
    let mut account = || Uuid::from_u128(1 + u128::from(small(rng, accounts)));
    let (id, other) = (account(), account());
    let amount = format!("{}.00", 1 + rng.below(120));
    let (key, payload) = match rng.below(10) {
        0..3 => ("deposit-money", json!({ "amount": amount })),
        3..6 => ("withdraw-money", json!({ "amount": amount })),
        6..9 => ("transfer-money", json!({ "amount": amount, "recipient_id": other })),
        _ => ("close-account", json!({})),
    };
    let session = session.on(AggregateRoot::new("bank-account", id));
    session.create_command(key, payload).map_err(|error| error.to_string())
}

/// No answer comes before what it tells is stored.
async fn is_stored_when_answered(
    content: &MemoryStore,
    answer: &Result<Vec<Response>, Error>,
) -> Result<(), String> {
    let Ok(responses) = answer else { return Ok(()) };
    for response in responses {
        let stored = content.load(&response.root).await.map_err(|error| error.to_string())?;
        let version = stored.map_or(0, |stored| stored.version);
        if version < response.version {
            return Err(format!("answered before it was stored: {response}"));
        }
    }
    Ok(())
}

/// Sends everything again, under the same identifiers, until each has an answer.
pub async fn settle(
    domain: &DomainRuntime,
    sent: &mut [Sent],
    summary: &mut Summary,
) -> Result<(), String> {
    let session = domain.session(DomainContext::create("simulation"));
    for one in sent {
        let again = in_peace(&session, one).await?;
        match &one.answer {
            Some(Ok(first)) => {
                summary.applied += 1;
                let again = again.map_err(|error| format!("was applied, is now {error:?}"))?;
                if *first != again {
                    return Err(format!("two answers to one command:\n{first:?}\n{again:?}"));
                }
            }
            Some(Err(error)) if is_kept(error) => {
                summary.refused += 1;
                match again {
                    Err(again) if again.to_string() == error.to_string() => {}
                    again => return Err(format!("was refused with {error:?}, is now {again:?}")),
                }
            }
            open => {
                match open {
                    Some(_) => summary.faults += 1,
                    None => summary.unanswered += 1,
                }
                summary.settled_later += 1;
                one.answer = Some(again);
            }
        }
    }
    Ok(())
}

/// The answer that a command has, or gets now. One that is still in work may have met a fault.
async fn in_peace(session: &Session, one: &Sent) -> Result<Result<Vec<Response>, Error>, String> {
    for _ in 0..3 {
        let answer = send(session, one.commands.clone(), None).await.ok_or("no answer in peace")?;
        if !matches!(&answer, Err(error) if is_fault_of_the_store(error)) {
            return Ok(answer);
        }
    }
    Err("the store is in peace, and still faults come".to_owned())
}

fn is_fault_of_the_store(error: &Error) -> bool {
    matches!(error.code(), "store" | "store-unavailable" | "outcome-unknown")
}

/// Whether an answer is in the log.
fn is_kept(error: &Error) -> bool {
    matches!(error.code(), "rejected" | "not-found" | "already-exists" | "group-refused")
}
