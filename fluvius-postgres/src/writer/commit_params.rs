//! A batch as the commit function takes it: units, aggregates and identifiers are numbers from 1.

use std::collections::{BTreeMap, HashMap};

use fluvius_core::uuid::Uuid;
use fluvius_core::{AggregateId, StoreError, UnitOfWork};
use tokio_postgres::types::ToSql;

use super::row_arrays::Rows;
use super::writer_connection::{Session, Types};
use crate::error::Fault;
use crate::read::saturating_i64;

/// What a unit of a batch is before it is sent.
pub(crate) const SOUND: i32 = 0;
pub(crate) const MALFORMED: i32 = 1;

/// The largest size that is sent: PostgreSQL takes no message of 1 GiB. A batch is far below it, since it is sent in
/// parts.
pub(crate) const BYTES_MAX: usize = 512 * 1024 * 1024;

/// Which states of a batch are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum States {
    /// The last one of each root: enough where every unit is stored.
    Last,
    All,
}

/// What is looked up and compared; the rows themselves are taken from the units.
#[derive(Debug)]
pub(crate) struct Draft<'b> {
    pub(crate) batch: &'b [UnitOfWork],
    /// Why a unit is malformed.
    pub(crate) malformed: HashMap<usize, StoreError>,
    /// The aggregates, sorted, each once.
    pub(crate) aggregate_ids: Vec<&'b AggregateId>,
    /// The identifiers of commands, each once.
    pub(crate) ids: Vec<Uuid>,
    /// How many rows are before a unit's own.
    pub(crate) offsets: Vec<u64>,
    is_in_step: bool,
    are_written: Vec<bool>,
    wanted: Vec<i64>,
    outcomes: Vec<i32>,
    depends_units: Vec<i32>,
    depends_on: Vec<i32>,
    expected_units: Vec<i32>,
    expected_aggregates: Vec<i32>,
    expected_versions: Vec<i64>,
    id_units: Vec<i32>,
    id_numbers: Vec<i32>,
    row_count: u64,
}

impl<'b> Draft<'b> {
    /// `first` is the number of units before these that are not sent with them: those that they depend on are stored.
    pub(crate) fn of(batch: &'b [UnitOfWork], first: usize) -> Self {
        let malformed: HashMap<usize, StoreError> = batch
            .iter()
            .enumerate()
            .filter_map(|(index, unit)| Some((index, unit.validate(first + index).err()?)))
            .collect();
        let mut draft = Self {
            batch,
            is_in_step: malformed.is_empty(),
            malformed,
            aggregate_ids: Vec::new(),
            ids: Vec::new(),
            offsets: Vec::new(),
            are_written: Vec::new(),
            wanted: Vec::new(),
            outcomes: Vec::new(),
            depends_units: Vec::new(),
            depends_on: Vec::new(),
            expected_units: Vec::new(),
            expected_aggregates: Vec::new(),
            expected_versions: Vec::new(),
            id_units: Vec::new(),
            id_numbers: Vec::new(),
            row_count: 0,
        };
        let numbers = draft.number_aggregates();
        draft.add_units(&numbers, first);
        draft
    }

    /// The units that are sent, with their numbers.
    pub(crate) fn sound(&self) -> impl Iterator<Item = (usize, &'b UnitOfWork)> {
        let units = self.batch.iter().enumerate();
        units.filter(|(index, _)| !self.malformed.contains_key(index))
    }

    fn number_aggregates(&mut self) -> BTreeMap<&'b AggregateId, usize> {
        let mut numbers = BTreeMap::new();
        for (_, unit) in self.sound() {
            numbers.extend(unit.expected.iter().map(|expected| (&expected.aggregate_id, 0)));
        }
        for (number, (aggregate_id, place)) in numbers.iter_mut().enumerate() {
            *place = number;
            self.aggregate_ids.push(aggregate_id);
        }
        self.are_written = vec![false; self.aggregate_ids.len()];
        self.wanted = vec![-1; self.aggregate_ids.len()];
        numbers
    }

    fn add_units(&mut self, numbers: &BTreeMap<&'b AggregateId, usize>, first: usize) {
        let mut id_numbers: HashMap<Uuid, usize> = HashMap::new();
        let mut versions = vec![None; self.aggregate_ids.len()];
        for (index, unit) in self.batch.iter().enumerate() {
            self.offsets.push(self.row_count);
            if self.malformed.contains_key(&index) {
                self.outcomes.push(MALFORMED);
                continue;
            }
            self.outcomes.push(SOUND);
            let number = number(index);
            for on in unit.depends_on.iter().filter_map(|on| on.checked_sub(first)) {
                self.depends_units.push(number);
                self.depends_on.push(self::number(on));
            }
            for expected in &unit.expected {
                let Some(aggregate_id) = numbers.get(&expected.aggregate_id).copied() else {
                    continue;
                };
                let version = saturating_i64(expected.version);
                self.expected_units.push(number);
                self.expected_aggregates.push(self::number(aggregate_id));
                self.expected_versions.push(version);
                match versions[aggregate_id] {
                    None => {
                        (self.wanted[aggregate_id], versions[aggregate_id]) =
                            (version, Some(version))
                    }
                    Some(current) => self.is_in_step &= current == version,
                }
            }
            for command in &unit.commands {
                let next = id_numbers.len();
                let id = *id_numbers.entry(command.id).or_insert(next);
                if id == next {
                    self.ids.push(command.id);
                } else {
                    self.is_in_step = false;
                }
                self.id_units.push(number);
                self.id_numbers.push(self::number(id));
            }
            for state in &unit.states {
                if let Some(aggregate_id) = numbers.get(&state.aggregate_id).copied() {
                    self.are_written[aggregate_id] = true;
                    versions[aggregate_id] = Some(saturating_i64(state.version));
                }
            }
            self.row_count += unit.row_count() as u64;
        }
    }

    /// The parameters of the commit function, in its order.
    pub(crate) fn params<'t>(
        &self,
        types: &'t Types,
        durability: &'static str,
        process: i64,
        states: States,
    ) -> Result<Vec<Box<dyn ToSql + Sync + Send + 't>>, Fault> {
        let last_units = match states {
            States::Last => Some(self.last_units()),
            States::All => None,
        };
        let rows = self.rows(types, last_units.as_deref(), |_| false)?;
        let (resources, identifiers) = self.aggregate_columns();
        let mut params: Vec<Box<dyn ToSql + Sync + Send + 't>> = vec![
            Box::new(durability),
            Box::new(process),
            Box::new(resources),
            Box::new(identifiers),
            Box::new(self.are_written.clone()),
            Box::new(self.wanted.clone()),
            Box::new(self.is_in_step),
            Box::new(states == States::Last),
            Box::new(saturating_i64(self.row_count)),
            Box::new(self.outcomes.clone()),
            Box::new(self.depends_units.clone()),
            Box::new(self.depends_on.clone()),
            Box::new(self.expected_units.clone()),
            Box::new(self.expected_aggregates.clone()),
            Box::new(self.expected_versions.clone()),
            Box::new(self.ids.clone()),
            Box::new(self.id_units.clone()),
            Box::new(self.id_numbers.clone()),
        ];
        let Rows { states, commands, events, messages, activities, contexts } = rows;
        params.push(Box::new(states.records));
        params.push(Box::new(states.units));
        params.push(Box::new(states.numbers));
        for of_unit in [commands, events, messages, activities] {
            params.push(Box::new(of_unit.records));
            params.push(Box::new(of_unit.units));
        }
        params.push(Box::new(contexts.records));
        params.push(Box::new(contexts.units));
        params.push(Box::new(contexts.numbers));
        Ok(params)
    }

    /// Whether one statement may store the batch, which locks all of its aggregates as if they were written: they are there,
    /// and a unit that has several writes them all.
    pub(crate) fn is_of_changes(&self) -> bool {
        let are_there = self.wanted.iter().all(|version| *version > 0);
        let is_of_changes = |unit: &UnitOfWork| {
            unit.expected.len() == 1
                || !unit.expected.is_empty() && unit.expected.len() == unit.states.len()
        };
        self.is_in_step && self.row_count > 0 && are_there && self.batch.iter().all(is_of_changes)
    }

    /// Whether the batch has only commands, events and states to store.
    pub(crate) fn is_plain(&self, has_context: impl Fn(Uuid) -> bool) -> bool {
        self.batch.iter().all(|unit| {
            unit.messages.is_empty() && unit.activities.is_empty() && has_context(unit.context.id)
        })
    }

    /// Whether a plain batch of changes is one command with its event.
    pub(crate) fn is_of_one_change(&self) -> bool {
        let [unit] = self.batch else { return false };
        [unit.commands.len(), unit.events.len(), unit.states.len()] == [1; 3]
    }

    /// The parameters of those statements, in their order.
    pub(crate) fn params_of_changes<'t>(
        &self,
        session: &'t Session,
        durability: &'static str,
        process: i64,
    ) -> Result<Vec<Box<dyn ToSql + Sync + Send + 't>>, Fault> {
        let has_context = |id| session.has_context(id);
        let rows = self.rows(&session.types, Some(&self.last_units()), has_context)?;
        let (resources, identifiers) = self.aggregate_columns();
        let mut params: Vec<Box<dyn ToSql + Sync + Send + 't>> = vec![
            Box::new(durability),
            Box::new(process),
            Box::new(resources),
            Box::new(identifiers),
            Box::new(self.wanted.clone()),
            Box::new(self.are_written.clone()),
            Box::new(self.are_alone()),
            Box::new(saturating_i64(self.row_count)),
            Box::new(self.ids.clone()),
            Box::new(rows.states.records),
            Box::new(rows.states.numbers),
            Box::new(rows.contexts.records),
            Box::new(self.aggregates_of(&rows.contexts.units)),
            Box::new(rows.contexts.numbers),
        ];
        let row_aggregates = self.unit_aggregates().zip(self.batch);
        let row_aggregates = row_aggregates
            .flat_map(|(aggregate_id, unit)| std::iter::repeat_n(aggregate_id, unit.row_count()));
        params.push(Box::new(row_aggregates.collect::<Vec<i32>>()));
        for of_unit in [rows.commands, rows.events, rows.messages, rows.activities] {
            params.push(Box::new(of_unit.records));
        }
        Ok(params)
    }

    /// An aggregate of each unit.
    pub(crate) fn unit_aggregates(&self) -> impl Iterator<Item = i32> {
        self.batch.iter().enumerate().map(|(index, _)| {
            let place = self.expected_units.binary_search(&number(index));
            place.map_or(0, |place| self.expected_aggregates[place])
        })
    }

    /// An aggregate of each of these units.
    fn aggregates_of(&self, units: &[i32]) -> Vec<i32> {
        let aggregate_ids: Vec<i32> = self.unit_aggregates().collect();
        let aggregate_id =
            |unit: &i32| usize::try_from(*unit - 1).ok().and_then(|unit| aggregate_ids.get(unit));
        units.iter().map(|unit| aggregate_id(unit).copied().unwrap_or(0)).collect()
    }

    /// Which aggregates only one unit has, which has no other, stands on no unit, and has none on it.
    fn are_alone(&self) -> Vec<bool> {
        let mut aggregate_counts = vec![0; self.batch.len() + 1];
        for unit in &self.expected_units {
            aggregate_counts[index_of(*unit)] += 1;
        }
        for unit in self.depends_units.iter().chain(&self.depends_on) {
            aggregate_counts[index_of(*unit)] += 1;
        }
        let mut unit_counts = vec![0; self.aggregate_ids.len() + 1];
        let mut are_alone = vec![true; self.aggregate_ids.len()];
        for (unit, aggregate_id) in self.expected_units.iter().zip(&self.expected_aggregates) {
            let aggregate_id = index_of(*aggregate_id);
            unit_counts[aggregate_id] += 1;
            are_alone[aggregate_id - 1] &=
                unit_counts[aggregate_id] == 1 && aggregate_counts[index_of(*unit)] == 1;
        }
        are_alone
    }

    fn aggregate_columns(&self) -> (Vec<String>, Vec<Uuid>) {
        self.aggregate_ids
            .iter()
            .map(|aggregate_id| (aggregate_id.resource.to_string(), aggregate_id.id))
            .unzip()
    }

    /// What is sent at first: only the last state of each aggregate where that leaves out more than half of them. Where a
    /// unit falls all are to be sent, and with them the whole batch again.
    pub(crate) fn states_at_first(&self) -> States {
        let aggregate_count = self.are_written.iter().filter(|is_written| **is_written).count();
        let state_count: usize = self.sound().map(|(_, unit)| unit.states.len()).sum();
        if self.is_in_step && state_count > 2 * aggregate_count {
            States::Last
        } else {
            States::All
        }
    }

    /// The last unit that writes each aggregate.
    fn last_units(&self) -> Vec<i32> {
        let mut last = vec![0; self.aggregate_ids.len()];
        for (index, unit) in self.sound() {
            for state in &unit.states {
                if let Ok(aggregate_id) = self.aggregate_ids.binary_search(&&state.aggregate_id) {
                    last[aggregate_id] = number(index);
                }
            }
        }
        last
    }

    /// `has_context`: of which contexts the rows are left out.
    fn rows<'t>(
        &self,
        types: &'t Types,
        last_units: Option<&[i32]>,
        has_context: impl Fn(Uuid) -> bool,
    ) -> Result<Rows<'t>, Fault> {
        let mut rows = Rows::new(types);
        let mut contexts = HashMap::new();
        for (index, unit) in self.sound() {
            let number = number(index);
            let mut position = saturating_i64(self.offsets[index]);
            rows.add_states(unit, number, &self.aggregate_ids, last_units);
            rows.add_commands(unit, number, &mut position)?;
            rows.add_events(unit, number, &mut position);
            rows.add_messages(unit, number, &mut position);
            rows.add_activities(unit, number, &mut position)?;
            // A number is that of a row that is sent: what is left out has none.
            if unit.row_count() > 0 && !has_context(unit.context.id) {
                let next = contexts.len();
                let context = *contexts.entry(unit.context.id).or_insert(next);
                if context == next {
                    rows.add_context(&unit.context)?;
                }
                rows.contexts.units.push(number);
                rows.contexts.numbers.push(self::number(context));
            }
            if rows.len() > BYTES_MAX {
                return Err(too_large().into());
            }
        }
        Ok(rows)
    }
}

pub(crate) fn too_large() -> StoreError {
    StoreError::permanent(format!("a unit of work has more than {BYTES_MAX} bytes"))
}

fn index_of(number: i32) -> usize {
    usize::try_from(number).unwrap_or(0)
}

/// A place as the function counts: from 1.
pub(crate) fn number(place: usize) -> i32 {
    i32::try_from(place).map_or(i32::MAX, |place| place.saturating_add(1))
}
