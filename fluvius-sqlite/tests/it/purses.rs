//! Transfers of coins between purses, which keep the sum of the coins.

use std::sync::Arc;

use fluvius_core::CommandRecord;
use fluvius_core::query::StateQuery;
use fluvius_core::uuid::Uuid;
use fluvius_core::verify::verify;
use fluvius_core::{AggregateId, ContextRecord, Json, Store, StoreError, UnitOfWork};

use crate::units::{aggregate_id, all, context, json, with_data};

/// Number of coins of a pair.
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

    /// Returns the next unit. The first one creates the purses; each later one transfers a coin.
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

/// Returns the ids of the first command of each unit, in the order of the log.
///
/// # Errors
///
/// The store is inconsistent, a unit is stored in part, or coins were lost.
pub(crate) async fn look(store: &impl Store) -> Result<Vec<Uuid>, String> {
    let text = |error: StoreError| error.to_string();
    let found = verify(store).await.map_err(text)?;
    if !found.is_sound() {
        return Err(found.to_string());
    }
    let states = store.query(&StateQuery::every(usize::MAX)).await.map_err(text)?;
    let coins = |data: &Json| data.to_value()["coins"].as_u64().unwrap_or(0);
    let sum: u64 = states.iter().map(|state| coins(&state.data)).sum();
    if 2 * sum != COINS * u64::try_from(states.len()).unwrap() {
        return Err(format!("{} purses have {sum} coins", states.len()));
    }
    let commands = store.read_log::<CommandRecord>(&all()).await.map_err(text)?.rows;
    let (first, second): (Vec<_>, Vec<_>) =
        commands.into_iter().partition(|row| row.record.parent.is_none());
    let first: Vec<Uuid> = first.into_iter().map(|row| row.record.id).collect();
    let parents = second.into_iter().filter_map(|row| row.record.parent);
    if !parents.eq(first.iter().copied()) {
        return Err("a unit is stored in part".to_owned());
    }
    Ok(first)
}

/// As [`look`]; panics on an error.
pub(crate) async fn check(store: &impl Store) -> Vec<Uuid> {
    look(store).await.unwrap()
}
