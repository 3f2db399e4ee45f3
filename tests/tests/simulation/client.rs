//! A client: sends random commands, gives up on some, and sends some again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fluvius_core::{
    AggregateId, CommandBundle, DomainContext, DomainRuntime, MemoryStore, Session,
};
use fluvius_testing::SeededRng;
use serde_json::json;
use uuid::Uuid;

use crate::run::small;
use fluvius_tests::bank::{self, Answer, SentCommands};

pub async fn work(
    domain: DomainRuntime,
    content: MemoryStore,
    accounts: u16,
    mut rng: SeededRng,
    sent: Arc<Mutex<Vec<SentCommands>>>,
) -> Result<(), String> {
    let session = domain.session(DomainContext::create(bank::SENDER));
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
            bank::check_stored_when_answered(&content, answer).await?;
        }
        sent.lock().expect("no client panics").push(SentCommands { commands, answer });
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
) -> Option<Answer> {
    let answer = bank::send(session, commands);
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
    let session = session.aggregate(AggregateId::new("bank-account", id));
    session.create_command(key, payload).map_err(|error| error.to_string())
}
