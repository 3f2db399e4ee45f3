//! Limits of the processor: one update, one parse, one identifier, replays in memory.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

use bench_common::{BankCommand, OPENING, Rng, Uuid, account_id, next_command, ns_per_op, repeat};
use rust_decimal::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::records::{
    DepositArguments, DepositCommand, EventRecord, deposit_command, event_record,
};

/// The number of calls of a cheap operation per figure.
const COUNT: u32 = 1_000_000;

/// The number of events in a replay.
const EVENT_COUNT: u32 = 1_000_000;

pub(crate) async fn run() {
    update().await;
    let arguments = DepositArguments { amount: Decimal::new(1050, 2) };
    json::<DepositCommand>("command", &deposit_command()).await;
    json::<DepositArguments>("arguments", &arguments).await;
    json::<EventRecord>("event", &event_record()).await;
    identifiers().await;
    replays().await;
}

async fn update() {
    struct Account {
        balance: Decimal,
        version: u64,
    }
    let note = "HashMap<Uuid, Account> of 1,000, default hasher: get_mut, rule, Decimal add or \
                sub, version + 1";
    repeat("limit", "hashmap_account_update", "ns/op", note, || async {
        let account = || Account { balance: Decimal::from(OPENING), version: 1 };
        let mut accounts: HashMap<Uuid, Account> =
            (0..1000).map(|index| (account_id(index), account())).collect();
        let mut rng = Rng::new(3);
        ns_per_op(2 * COUNT, |_| {
            let id = account_id(rng.below(1000) as usize);
            let account = accounts.get_mut(&id).unwrap();
            match next_command(&mut rng) {
                BankCommand::Deposit(amount) => account.balance += amount,
                BankCommand::Withdraw(amount) if account.balance >= amount => {
                    account.balance -= amount;
                }
                BankCommand::Withdraw(_) => {}
                BankCommand::Open(amount) => account.balance = amount,
            }
            account.version += 1;
            black_box(&account.version);
        })
    })
    .await;
}

/// Measures `json_NAME_parse` and `json_NAME_serialize`.
async fn json<T: Serialize + DeserializeOwned>(name: &str, value: &T) {
    let text = serde_json::to_string(value).unwrap();
    let note = format!("serde_json::from_str, {} bytes", text.len());
    repeat("limit", &format!("json_{name}_parse"), "ns/op", &note, || async {
        ns_per_op(COUNT, |_| {
            black_box(serde_json::from_str::<T>(black_box(&text)).unwrap());
        })
    })
    .await;
    let note = "serde_json::to_string";
    repeat("limit", &format!("json_{name}_serialize"), "ns/op", note, || async {
        ns_per_op(COUNT, |_| {
            black_box(serde_json::to_string(black_box(value)).unwrap());
        })
    })
    .await;
}

async fn identifiers() {
    let note = "uuid v4 as the uuid crate makes it without fast-rng: one getrandom call each";
    repeat("limit", "uuid_v4_getrandom", "ns/op", note, || async {
        ns_per_op(COUNT, |_| {
            let mut bytes = [0_u8; 16];
            getrandom::fill(&mut bytes).unwrap();
            black_box(uuid::Builder::from_random_bytes(bytes).into_uuid());
        })
    })
    .await;
    let note = "uuid crate with fast-rng";
    repeat("limit", "uuid_v4", "ns/op", note, || async {
        ns_per_op(COUNT, |_| {
            black_box(Uuid::new_v4());
        })
    })
    .await;
    repeat("limit", "uuid_v7", "ns/op", note, || async {
        ns_per_op(COUNT, |_| {
            black_box(Uuid::now_v7());
        })
    })
    .await;
}

async fn replays() {
    let note = "fold 1,000,000 events in memory into one account";
    repeat("limit", "replay_1m_events_typed", "events/s", note, || async {
        let mut rng = Rng::new(9);
        let events: Vec<BankCommand> = (0..EVENT_COUNT).map(|_| next_command(&mut rng)).collect();
        let start = Instant::now();
        let mut balance = Decimal::from(OPENING);
        for event in &events {
            match event {
                BankCommand::Deposit(amount) => balance += amount,
                BankCommand::Withdraw(amount) => balance -= amount,
                BankCommand::Open(amount) => balance = *amount,
            }
        }
        black_box(balance);
        f64::from(EVENT_COUNT) / start.elapsed().as_secs_f64()
    })
    .await;
    let text = serde_json::to_string(&event_record()).unwrap();
    let note = "the same from 1,000,000 JSON texts (serde_json parse and fold)";
    repeat("limit", "replay_1m_events_json", "events/s", note, || async {
        let start = Instant::now();
        let mut balance = Decimal::from(OPENING);
        for _ in 0..EVENT_COUNT {
            let event: EventRecord = serde_json::from_str(black_box(&text)).unwrap();
            balance += event.amount;
        }
        black_box(balance);
        f64::from(EVENT_COUNT) / start.elapsed().as_secs_f64()
    })
    .await;
}
