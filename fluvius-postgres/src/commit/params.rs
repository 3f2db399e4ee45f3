//! The parameters of a batch, for `commit_batch` and for the update statements. Units, aggregates
//! and command ids are numbered from 1.

use std::collections::{BTreeMap, HashMap};

use fluvius_store::uuid::Uuid;
use fluvius_store::{AggregateId, StoreError, UnitOfWork};
use tokio_postgres::types::ToSql;

use super::outcome_code;
use super::row_arrays::RowArrays;
use super::writer_connection::RowTypes;
use crate::error::Fault;
use crate::read::saturating_i64;

/// The largest size of a unit of work: PostgreSQL accepts no message of 1 GiB. A batch is sent in
/// far smaller parts.
pub(crate) const MAX_UNIT_BYTES: usize = 512 * 1024 * 1024;

/// The states of a batch to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum States {
    /// The last state of each aggregate, which is enough if all units commit.
    Last,
    All,
}

/// The checks of a batch, as parameters. The rows are encoded from its units.
#[derive(Debug)]
pub(crate) struct BatchParams<'b> {
    pub(crate) batch: &'b [UnitOfWork],
    /// The error of each malformed unit.
    pub(crate) malformed: HashMap<usize, StoreError>,
    /// The aggregates of the batch, sorted and without duplicates.
    pub(crate) aggregate_ids: Vec<&'b AggregateId>,
    /// The command ids, without duplicates.
    pub(crate) ids: Vec<Uuid>,
    /// The number of rows before those of each unit.
    pub(crate) offsets: Vec<u64>,
    /// Set if all units commit, provided that no command id is taken and all aggregates are at
    /// their first versions.
    is_consistent: bool,
    /// By aggregate: set if the batch writes it.
    pub(super) are_written: Vec<bool>,
    /// By aggregate: the version that the batch expects first.
    pub(super) first_versions: Vec<i64>,
    /// By unit: an outcome code.
    outcomes: Vec<i32>,
    depends_units: Vec<i32>,
    depends_on: Vec<i32>,
    expected_units: Vec<i32>,
    expected_aggregates: Vec<i32>,
    expected_versions: Vec<i64>,
    id_units: Vec<i32>,
    id_numbers: Vec<i32>,
    pub(super) row_count: u64,
}

impl<'b> BatchParams<'b> {
    /// Prepares units. `first` is the number of earlier units of the batch, which are not sent
    /// again. Their dependencies among these are committed.
    pub(crate) fn new(batch: &'b [UnitOfWork], first: usize) -> Self {
        let malformed: HashMap<usize, StoreError> = batch
            .iter()
            .enumerate()
            .filter_map(|(index, unit)| Some((index, unit.validate(first + index).err()?)))
            .collect();
        let mut params = Self {
            batch,
            is_consistent: malformed.is_empty(),
            malformed,
            aggregate_ids: Vec::new(),
            ids: Vec::new(),
            offsets: Vec::new(),
            are_written: Vec::new(),
            first_versions: Vec::new(),
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
        let indexes = params.index_aggregates();
        params.add_units(&indexes, first);
        params
    }

    /// The units that are sent, with their indexes.
    fn valid_units(&self) -> impl Iterator<Item = (usize, &'b UnitOfWork)> {
        let units = self.batch.iter().enumerate();
        units.filter(|(index, _)| !self.malformed.contains_key(index))
    }

    fn index_aggregates(&mut self) -> BTreeMap<&'b AggregateId, usize> {
        let mut indexes = BTreeMap::new();
        for (_, unit) in self.valid_units() {
            indexes.extend(unit.expected.iter().map(|expected| (&expected.aggregate_id, 0)));
        }
        for (index, (aggregate_id, place)) in indexes.iter_mut().enumerate() {
            *place = index;
            self.aggregate_ids.push(aggregate_id);
        }
        self.are_written = vec![false; self.aggregate_ids.len()];
        self.first_versions = vec![-1; self.aggregate_ids.len()];
        indexes
    }

    fn add_units(&mut self, indexes: &BTreeMap<&'b AggregateId, usize>, first: usize) {
        let mut id_indexes: HashMap<Uuid, usize> = HashMap::new();
        let mut versions = vec![None; self.aggregate_ids.len()];
        for (index, unit) in self.batch.iter().enumerate() {
            self.offsets.push(self.row_count);
            if self.malformed.contains_key(&index) {
                self.outcomes.push(outcome_code::MALFORMED);
                continue;
            }
            self.outcomes.push(outcome_code::COMMITTED);
            let unit_number = number(index);
            for on in unit.depends_on.iter().filter_map(|on| on.checked_sub(first)) {
                self.depends_units.push(unit_number);
                self.depends_on.push(number(on));
            }
            for expected in &unit.expected {
                let Some(aggregate) = indexes.get(&expected.aggregate_id).copied() else {
                    continue;
                };
                let version = saturating_i64(expected.version);
                self.expected_units.push(unit_number);
                self.expected_aggregates.push(number(aggregate));
                self.expected_versions.push(version);
                match versions[aggregate] {
                    None => {
                        (self.first_versions[aggregate], versions[aggregate]) =
                            (version, Some(version))
                    }
                    Some(current) => self.is_consistent &= current == version,
                }
            }
            for command in &unit.commands {
                let next = id_indexes.len();
                let id = *id_indexes.entry(command.id).or_insert(next);
                if id == next {
                    self.ids.push(command.id);
                } else {
                    self.is_consistent = false;
                }
                self.id_units.push(unit_number);
                self.id_numbers.push(number(id));
            }
            for state in &unit.states {
                if let Some(aggregate) = indexes.get(&state.aggregate_id).copied() {
                    self.are_written[aggregate] = true;
                    versions[aggregate] = Some(saturating_i64(state.version));
                }
            }
            self.row_count += unit.row_count() as u64;
        }
    }

    /// Returns the parameters of `commit_batch`, in its order.
    pub(crate) fn commit_params<'t>(
        &self,
        types: &'t RowTypes,
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
            Box::new(self.first_versions.clone()),
            Box::new(self.is_consistent),
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
        let RowArrays { states, commands, events, messages, activities, contexts } = rows;
        params.push(Box::new(states.rows));
        params.push(Box::new(states.units));
        params.push(Box::new(states.numbers));
        for table in [commands, events, messages, activities] {
            params.push(Box::new(table.rows));
            params.push(Box::new(table.units));
        }
        params.push(Box::new(contexts.rows));
        params.push(Box::new(contexts.units));
        params.push(Box::new(contexts.numbers));
        Ok(params)
    }

    /// Returns true if an update statement may store the batch. Such a statement needs a row for
    /// each aggregate, and locks each as if it were written. So all aggregates must be present, and
    /// a unit with several aggregates must write all of them.
    pub(crate) fn is_update(&self) -> bool {
        let are_present = self.first_versions.iter().all(|version| *version > 0);
        let is_update = |unit: &UnitOfWork| {
            unit.expected.len() == 1
                || !unit.expected.is_empty() && unit.expected.len() == unit.states.len()
        };
        self.is_consistent && self.row_count > 0 && are_present && self.batch.iter().all(is_update)
    }

    /// Returns true if the batch has only commands, events and states to store.
    pub(crate) fn is_plain(&self, has_context: impl Fn(Uuid) -> bool) -> bool {
        self.batch.iter().all(|unit| {
            unit.messages.is_empty() && unit.activities.is_empty() && has_context(unit.context.id)
        })
    }

    /// The number of an aggregate of each unit, 0 if it has none.
    pub(crate) fn unit_aggregates(&self) -> impl Iterator<Item = i32> {
        self.batch.iter().enumerate().map(|(index, _)| {
            let found = self.expected_units.binary_search(&number(index));
            found.map_or(0, |found| self.expected_aggregates[found])
        })
    }

    /// The number of an aggregate of each of these units.
    pub(super) fn aggregates_of(&self, units: &[i32]) -> Vec<i32> {
        let aggregates: Vec<i32> = self.unit_aggregates().collect();
        let aggregate = |unit: &i32| index(*unit).and_then(|unit| aggregates.get(unit)).copied();
        units.iter().map(|unit| aggregate(unit).unwrap_or(0)).collect()
    }

    /// By aggregate: set if its units have no other aggregate, and depend on each other only. If it
    /// has another version than they expect, they all abort, and no other unit does.
    pub(super) fn are_independent(&self) -> Vec<bool> {
        let mut counts = vec![0_usize; self.batch.len()];
        for unit in self.expected_units.iter().filter_map(|unit| index(*unit)) {
            counts[unit] += 1;
        }
        let aggregates: Vec<i32> = self.unit_aggregates().collect();
        let mut are_independent = vec![true; self.aggregate_ids.len()];
        let mut exclude = |aggregate: i32| {
            let place = index(aggregate).and_then(|index| are_independent.get_mut(index));
            if let Some(is_independent) = place {
                *is_independent = false;
            }
        };
        let expected = self.expected_units.iter().zip(&self.expected_aggregates);
        for ((unit, aggregate), version) in expected.zip(&self.expected_versions) {
            let is_only = index(*unit).is_some_and(|unit| counts[unit] == 1);
            // A later version is that of an earlier unit. Without a dependency on that unit, this
            // unit would not abort with it.
            let first = index(*aggregate).and_then(|index| self.first_versions.get(index));
            let aborts = first == Some(version) || self.depends_units.binary_search(unit).is_ok();
            if !is_only || !aborts {
                exclude(*aggregate);
            }
        }
        let aggregate_of = |unit: i32| index(unit).and_then(|unit| aggregates.get(unit)).copied();
        for (unit, on) in self.depends_units.iter().zip(&self.depends_on) {
            let pair = [aggregate_of(*unit), aggregate_of(*on)];
            if pair[0] != pair[1] {
                pair.into_iter().flatten().for_each(&mut exclude);
            }
        }
        are_independent
    }

    /// The indexes of the sent units that a unit depends on.
    pub(super) fn dependencies(&self, unit: i32) -> Vec<usize> {
        let first = self.depends_units.partition_point(|other| *other < unit);
        let pairs = self.depends_units[first..].iter().zip(&self.depends_on[first..]);
        let own = pairs.take_while(|(other, _)| **other == unit);
        own.filter_map(|(_, on)| index(*on)).collect()
    }

    pub(super) fn aggregate_columns(&self) -> (Vec<String>, Vec<Uuid>) {
        let ids = self.aggregate_ids.iter();
        ids.map(|aggregate_id| (aggregate_id.resource.to_string(), aggregate_id.id)).unzip()
    }

    /// The states that the first call sends: the last one of each aggregate if that omits more than
    /// half of them. If a unit then fails to commit, a second call sends the batch with all states.
    pub(crate) fn initial_states(&self) -> States {
        let aggregate_count = self.are_written.iter().filter(|is_written| **is_written).count();
        let state_count: usize = self.valid_units().map(|(_, unit)| unit.states.len()).sum();
        if self.is_consistent && state_count > 2 * aggregate_count {
            States::Last
        } else {
            States::All
        }
    }

    /// By aggregate: the number of the last unit that writes it.
    pub(super) fn last_units(&self) -> Vec<i32> {
        let mut last = vec![0; self.aggregate_ids.len()];
        for (index, unit) in self.valid_units() {
            for state in &unit.states {
                if let Ok(aggregate) = self.aggregate_ids.binary_search(&&state.aggregate_id) {
                    last[aggregate] = number(index);
                }
            }
        }
        last
    }

    /// Encodes the rows, but for the contexts that the server has.
    pub(super) fn rows<'t>(
        &self,
        types: &'t RowTypes,
        last_units: Option<&[i32]>,
        has_context: impl Fn(Uuid) -> bool,
    ) -> Result<RowArrays<'t>, Fault> {
        let mut rows = RowArrays::new(types);
        let mut contexts = HashMap::new();
        for (index, unit) in self.valid_units() {
            let unit_number = number(index);
            let mut position = saturating_i64(self.offsets[index]);
            rows.add_states(unit, unit_number, &self.aggregate_ids, last_units);
            rows.add_commands(unit, unit_number, &mut position)?;
            rows.add_events(unit, unit_number, &mut position);
            rows.add_messages(unit, unit_number, &mut position);
            rows.add_activities(unit, unit_number, &mut position)?;
            if unit.row_count() > 0 && !has_context(unit.context.id) {
                let next = contexts.len();
                let context = *contexts.entry(unit.context.id).or_insert(next);
                if context == next {
                    rows.add_context(&unit.context)?;
                }
                rows.contexts.units.push(unit_number);
                rows.contexts.numbers.push(number(context));
            }
            if rows.len() > MAX_UNIT_BYTES {
                return Err(too_large().into());
            }
        }
        Ok(rows)
    }
}

pub(crate) fn too_large() -> StoreError {
    StoreError::permanent(format!("a unit of work has more than {MAX_UNIT_BYTES} bytes"))
}

/// The number of an index.
pub(crate) fn number(index: usize) -> i32 {
    i32::try_from(index).map_or(i32::MAX, |index| index.saturating_add(1))
}

/// The index of a number; `None` for 0.
pub(crate) fn index(number: i32) -> Option<usize> {
    usize::try_from(number).ok()?.checked_sub(1)
}
