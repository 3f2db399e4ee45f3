//! Coins that go from one purse to another: their sum stays the same.

use std::sync::Arc;

use fluvius_core::CommandRecord;
use fluvius_core::query::StateQuery;
use fluvius_core::uuid::Uuid;
use fluvius_core::verify::verify;
use fluvius_core::{AggregateId, ContextRecord, Json, Store, StoreError, UnitOfWork};

use crate::units::{aggregate_id, all, context, json, with_data};

/// Coins of a pair.
const COINS: u64 = 200;

/// Two purses that transfer coins to each other only.
pub(crate) struct Pair {
    context: Arc<ContextRecord>,
    aggregate_ids: [AggregateId; 2],
    version: u64,
    coins: [u64; 2],
    /// Padding of the state.
    note: String,
}

impl Pair {
    pub(crate) fn new(note_bytes: usize) -> Self {
        let coins = [COINS / 2; 2];
        let note = "x".repeat(note_bytes);
        Self {
            context: context(),
            aggregate_ids: [aggregate_id(), aggregate_id()],
            version: 0,
            coins,
            note,
        }
    }

    /// The next unit: the purses are made, and then a coin goes from one to the other.
    pub(crate) fn next(&mut self) -> UnitOfWork {
        if self.version > 0 {
            let from = usize::from(self.coins[0] == 0 || self.version.is_multiple_of(3));
            self.coins[from] -= 1;
            self.coins[1 - from] += 1;
        }
        let [mut unit, other] = [0, 1].map(|at| {
            with_data(&self.context, &self.aggregate_ids[at], self.version, self.state(at))
        });
        self.version += 1;
        unit.expected.extend(other.expected);
        unit.states.extend(other.states);
        for mut command in other.commands {
            Arc::make_mut(&mut command).parent = Some(unit.commands[0].id);
            unit.commands.push(command);
        }
        unit.events.extend(other.events);
        unit.messages.extend(other.messages);
        unit.activities.extend(other.activities);
        unit
    }

    fn state(&self, at: usize) -> Json {
        json(&format!(r#"{{"coins":{},"note":"{}"}}"#, self.coins[at], self.note))
    }
}

/// The identifiers of the units' first commands in the order of the log, where the store
/// contradicts itself nowhere, no unit is there in part and no coin was lost; or what is wrong.
pub(crate) async fn look(store: &impl Store) -> Result<Vec<Uuid>, String> {
    let told = |error: StoreError| error.to_string();
    let found = verify(store).await.map_err(told)?;
    if !found.is_sound() {
        return Err(found.to_string());
    }
    let states = store.query(&StateQuery::every(usize::MAX)).await.map_err(told)?;
    let coins = |data: &Json| data.to_value()["coins"].as_u64().unwrap_or(0);
    let sum: u64 = states.iter().map(|state| coins(&state.data)).sum();
    if 2 * sum != COINS * u64::try_from(states.len()).unwrap() {
        return Err(format!("{} purses have {sum} coins", states.len()));
    }
    let commands = store.read_log::<CommandRecord>(&all()).await.map_err(told)?.rows;
    let (first, second): (Vec<_>, Vec<_>) =
        commands.into_iter().partition(|row| row.record.parent.is_none());
    let first: Vec<Uuid> = first.into_iter().map(|row| row.record.id).collect();
    let parents = second.into_iter().filter_map(|row| row.record.parent);
    if !parents.eq(first.iter().copied()) {
        return Err("a unit is there in part".to_owned());
    }
    Ok(first)
}

/// As [`look`], where nothing may be wrong.
pub(crate) async fn check(store: &impl Store) -> Vec<Uuid> {
    look(store).await.unwrap()
}
