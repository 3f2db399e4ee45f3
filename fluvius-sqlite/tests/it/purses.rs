//! Coins that go from one purse to another: their sum stays the same.

use std::sync::Arc;

use fluvius_core::query::StateQuery;
use fluvius_core::uuid::Uuid;
use fluvius_core::verify::verify;
use fluvius_core::{AggregateRoot, ContextRecord, Json, Store, UnitOfWork};

use crate::units::{context, json, root, with_data};

/// How many coins a pair has.
const COINS: u64 = 200;

/// Two purses that give each other coins, and nobody else.
pub(crate) struct Pair {
    context: Arc<ContextRecord>,
    roots: [AggregateRoot; 2],
    version: u64,
    coins: [u64; 2],
    /// What makes a state longer.
    note: String,
}

impl Pair {
    pub(crate) fn new(note_bytes: usize) -> Self {
        let coins = [COINS / 2; 2];
        let note = "x".repeat(note_bytes);
        Self { context: context(), roots: [root(), root()], version: 0, coins, note }
    }

    /// The next unit: the purses are made, and then a coin goes from one to the other.
    pub(crate) fn next(&mut self) -> UnitOfWork {
        if self.version > 0 {
            let from = usize::from(self.coins[0] == 0 || self.version.is_multiple_of(3));
            self.coins[from] -= 1;
            self.coins[1 - from] += 1;
        }
        let [mut unit, other] = [0, 1]
            .map(|at| with_data(&self.context, &self.roots[at], self.version, self.state(at)));
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

/// The store contradicts itself nowhere, and no coin was lost. Gives the identifiers of the units'
/// first commands in the order of the log.
pub(crate) async fn check(store: &impl Store) -> Vec<Uuid> {
    let found = verify(store).await.unwrap();
    assert!(found.is_sound(), "{found}");
    let states = store.query(&StateQuery::every(usize::MAX)).await.unwrap();
    let coins = |data: &Json| data.to_value()["coins"].as_u64().unwrap();
    let sum: u64 = states.iter().map(|state| coins(&state.data)).sum();
    let pairs = u64::try_from(states.len() / 2).unwrap();
    assert_eq!((states.len() % 2, sum), (0, pairs * COINS));
    let commands = store.commands(&crate::units::all()).await.unwrap();
    let (first, second): (Vec<_>, Vec<_>) =
        commands.into_iter().partition(|row| row.record.parent.is_none());
    let first: Vec<Uuid> = first.into_iter().map(|row| row.record.id).collect();
    let parents = second.into_iter().filter_map(|row| row.record.parent);
    assert!(parents.eq(first.iter().copied()), "a unit is there in part");
    first
}
