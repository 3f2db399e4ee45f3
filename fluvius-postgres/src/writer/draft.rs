//! A batch as the commit function takes it: units, roots and identifiers are numbers from 1.

use std::collections::{BTreeMap, HashMap};

use fluvius_core::uuid::Uuid;
use fluvius_core::{AggregateRoot, ContextRecord, StoreError, UnitOfWork};
use tokio_postgres::types::ToSql;

use super::records::Records;
use super::session::Types;
use crate::error::Fault;
use crate::read::clamped;
use crate::rows::{text_of, word_of};

/// What a unit of a batch is before it is sent.
pub(crate) const SOUND: i32 = 0;
pub(crate) const MALFORMED: i32 = 1;

/// More than this is not sent: PostgreSQL takes no message of 1 GiB.
const BATCH_BYTES_MAX: usize = 512 * 1024 * 1024;

/// What is looked up and compared; the rows themselves are taken from the units.
#[derive(Debug)]
pub(crate) struct Draft<'b> {
    pub(crate) batch: &'b [UnitOfWork],
    /// Why a unit is malformed.
    pub(crate) malformed: HashMap<usize, StoreError>,
    /// The roots, sorted, each once.
    pub(crate) roots: Vec<&'b AggregateRoot>,
    /// The identifiers of commands, each once.
    pub(crate) ids: Vec<Uuid>,
    /// How many rows are before a unit's own.
    pub(crate) offsets: Vec<u64>,
    is_in_step: bool,
    are_written: Vec<bool>,
    wanted: Vec<i64>,
    fates: Vec<i32>,
    depends_units: Vec<i32>,
    depends_on: Vec<i32>,
    expected_units: Vec<i32>,
    expected_roots: Vec<i32>,
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
            .filter_map(|(index, unit)| Some((index, unit.check_shape(first + index).err()?)))
            .collect();
        let mut draft = Self {
            batch,
            is_in_step: malformed.is_empty(),
            malformed,
            roots: Vec::new(),
            ids: Vec::new(),
            offsets: Vec::new(),
            are_written: Vec::new(),
            wanted: Vec::new(),
            fates: Vec::new(),
            depends_units: Vec::new(),
            depends_on: Vec::new(),
            expected_units: Vec::new(),
            expected_roots: Vec::new(),
            expected_versions: Vec::new(),
            id_units: Vec::new(),
            id_numbers: Vec::new(),
            row_count: 0,
        };
        let numbers = draft.number_roots();
        draft.add_units(&numbers, first);
        draft
    }

    /// The units that are sent, with their numbers.
    pub(crate) fn sound(&self) -> impl Iterator<Item = (usize, &'b UnitOfWork)> {
        let units = self.batch.iter().enumerate();
        units.filter(|(index, _)| !self.malformed.contains_key(index))
    }

    fn number_roots(&mut self) -> BTreeMap<&'b AggregateRoot, usize> {
        let mut numbers = BTreeMap::new();
        for (_, unit) in self.sound() {
            numbers.extend(unit.expected.iter().map(|expected| (&expected.root, 0)));
        }
        for (number, (root, place)) in numbers.iter_mut().enumerate() {
            *place = number;
            self.roots.push(root);
        }
        self.are_written = vec![false; self.roots.len()];
        self.wanted = vec![-1; self.roots.len()];
        numbers
    }

    fn add_units(&mut self, numbers: &BTreeMap<&'b AggregateRoot, usize>, first: usize) {
        let mut id_numbers: HashMap<Uuid, usize> = HashMap::new();
        let mut versions = vec![None; self.roots.len()];
        for (index, unit) in self.batch.iter().enumerate() {
            self.offsets.push(self.row_count);
            if self.malformed.contains_key(&index) {
                self.fates.push(MALFORMED);
                continue;
            }
            self.fates.push(SOUND);
            let number = number(index);
            for on in unit.depends_on.iter().filter_map(|on| on.checked_sub(first)) {
                self.depends_units.push(number);
                self.depends_on.push(self::number(on));
            }
            for expected in &unit.expected {
                let Some(root) = numbers.get(&expected.root).copied() else { continue };
                let version = clamped(expected.version);
                self.expected_units.push(number);
                self.expected_roots.push(self::number(root));
                self.expected_versions.push(version);
                match versions[root] {
                    None => (self.wanted[root], versions[root]) = (version, Some(version)),
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
                if let Some(root) = numbers.get(&state.root).copied() {
                    self.are_written[root] = true;
                    versions[root] = Some(clamped(state.version));
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
    ) -> Result<Vec<Box<dyn ToSql + Sync + Send + 't>>, Fault> {
        let rows = self.rows(types)?;
        let resources: Vec<String> =
            self.roots.iter().map(|root| root.resource.to_string()).collect();
        let identifiers: Vec<Uuid> = self.roots.iter().map(|root| root.identifier).collect();
        let mut params: Vec<Box<dyn ToSql + Sync + Send + 't>> = vec![
            Box::new(durability),
            Box::new(resources),
            Box::new(identifiers),
            Box::new(self.are_written.clone()),
            Box::new(self.wanted.clone()),
            Box::new(self.is_in_step),
            Box::new(clamped(self.row_count)),
            Box::new(self.fates.clone()),
            Box::new(self.depends_units.clone()),
            Box::new(self.depends_on.clone()),
            Box::new(self.expected_units.clone()),
            Box::new(self.expected_roots.clone()),
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

    fn rows<'t>(&self, types: &'t Types) -> Result<Rows<'t>, Fault> {
        let mut rows = Rows::new(types);
        let mut contexts = HashMap::new();
        for (index, unit) in self.sound() {
            let number = number(index);
            let mut position = clamped(self.offsets[index]);
            rows.add_states(unit, number, &self.roots);
            rows.add_commands(unit, number, &mut position)?;
            rows.add_events(unit, number, &mut position);
            rows.add_messages(unit, number, &mut position);
            rows.add_activities(unit, number, &mut position)?;
            if unit.row_count() > 0 {
                let next = contexts.len();
                let context = *contexts.entry(unit.context.id).or_insert(next);
                if context == next {
                    rows.add_context(&unit.context)?;
                }
                rows.contexts.units.push(number);
                rows.contexts.numbers.push(self::number(context));
            }
            if rows.len() > BATCH_BYTES_MAX {
                return Err(StoreError::permanent(format!(
                    "the units of a batch have more than {BATCH_BYTES_MAX} bytes"
                ))
                .into());
            }
        }
        Ok(rows)
    }
}

/// The rows of one table, and of which unit each is; of a state also its root, of a context its number.
struct OfTable<'t> {
    records: Records<'t>,
    units: Vec<i32>,
    numbers: Vec<i32>,
}

struct Rows<'t> {
    states: OfTable<'t>,
    commands: OfTable<'t>,
    events: OfTable<'t>,
    messages: OfTable<'t>,
    activities: OfTable<'t>,
    contexts: OfTable<'t>,
}

impl<'t> Rows<'t> {
    fn new(types: &'t Types) -> Self {
        let of = |of| OfTable { records: Records::new(of), units: Vec::new(), numbers: Vec::new() };
        Self {
            states: of(&types.state),
            commands: of(&types.command),
            events: of(&types.event),
            messages: of(&types.message),
            activities: of(&types.activity),
            contexts: of(&types.context),
        }
    }

    fn len(&self) -> usize {
        let all = [
            &self.states,
            &self.commands,
            &self.events,
            &self.messages,
            &self.activities,
            &self.contexts,
        ];
        all.iter().map(|table| table.records.len()).sum()
    }

    fn add_states(&mut self, unit: &UnitOfWork, number: i32, roots: &[&AggregateRoot]) {
        for state in &unit.states {
            let Ok(root) = roots.binary_search(&&state.root) else { continue };
            self.states.units.push(number);
            self.states.numbers.push(self::number(root));
            self.states.records.row(|row| {
                row.text(&state.root.resource);
                row.uuid(state.root.identifier);
                row.number(clamped(state.version));
                row.text(&state.etag.to_string());
                row.number(state.revision.into());
                row.text(state.data.as_str());
                row.time(state.created);
                row.optional_uuid(state.creator);
                row.time(state.updated);
                row.optional_uuid(state.updater);
                row.optional_time(state.deleted);
                row.optional_text(state.realm.as_deref());
            });
        }
    }

    fn add_commands(
        &mut self,
        unit: &UnitOfWork,
        number: i32,
        position: &mut i64,
    ) -> Result<(), Fault> {
        for command in &unit.commands {
            let status = word_of(&command.status)?;
            *position += 1;
            self.commands.units.push(number);
            self.commands.records.row(|row| {
                row.number(*position);
                row.uuid(command.id);
                row.optional_uuid(command.parent);
                row.text(&command.domain);
                row.number(command.revision.into());
                row.text(&command.command);
                row.text(&command.root.resource);
                row.uuid(command.root.identifier);
                row.text(command.payload.as_str());
                row.bytes(command.payload_hash.as_bytes());
                row.uuid(command.context_id);
                row.text(&status);
                row.optional_text(command.code.as_deref());
                row.optional_text(command.response.as_ref().map(|response| response.as_str()));
                row.time(command.received);
            });
        }
        Ok(())
    }

    fn add_events(&mut self, unit: &UnitOfWork, number: i32, position: &mut i64) {
        for event in &unit.events {
            *position += 1;
            self.events.units.push(number);
            self.events.records.row(|row| {
                row.number(*position);
                row.uuid(event.id);
                row.text(&event.domain);
                row.number(event.revision.into());
                row.text(&event.event);
                row.text(&event.root.resource);
                row.uuid(event.root.identifier);
                row.number(clamped(event.version));
                row.uuid(event.src_cmd);
                row.text(event.args.as_str());
                row.optional_text(event.data.as_ref().map(|data| data.as_str()));
                row.text(event.change.to_json().as_str());
                row.time(event.occurred);
            });
        }
    }

    fn add_messages(&mut self, unit: &UnitOfWork, number: i32, position: &mut i64) {
        for message in &unit.messages {
            *position += 1;
            self.messages.units.push(number);
            self.messages.records.row(|row| {
                row.number(*position);
                row.uuid(message.id);
                row.text(&message.key);
                row.text(message.data.as_str());
                row.uuid(message.src_cmd);
                row.text(&message.root.resource);
                row.uuid(message.root.identifier);
            });
        }
    }

    fn add_activities(
        &mut self,
        unit: &UnitOfWork,
        number: i32,
        position: &mut i64,
    ) -> Result<(), Fault> {
        for activity in &unit.activities {
            let kind = word_of(&activity.kind)?;
            *position += 1;
            self.activities.units.push(number);
            self.activities.records.row(|row| {
                row.number(*position);
                row.uuid(activity.id);
                row.text(&activity.root.resource);
                row.uuid(activity.root.identifier);
                row.uuid(activity.context_id);
                row.uuid(activity.src_cmd);
                row.text(&activity.message);
                row.text(&kind);
                row.optional_text(activity.label.as_deref());
                row.optional_text(activity.code.as_deref());
                row.optional_text(activity.data.as_ref().map(|data| data.as_str()));
            });
        }
        Ok(())
    }

    fn add_context(&mut self, context: &ContextRecord) -> Result<(), Fault> {
        let transport = word_of(&context.transport)?;
        let (headers, roles) = (text_of(&context.headers)?, text_of(&context.roles)?);
        self.contexts.records.row(|row| {
            row.uuid(context.id);
            row.text(&context.domain);
            row.number(context.revision.into());
            row.text(&transport);
            row.text(&context.source);
            row.text(&headers);
            row.optional_uuid(context.actor.user_id);
            row.optional_uuid(context.actor.profile_id);
            row.optional_uuid(context.actor.organization_id);
            row.text(&roles);
            row.optional_text(context.realm.as_deref());
            row.optional_uuid(context.correlation);
            row.optional_uuid(context.causation);
        });
        Ok(())
    }
}

/// A place as the function counts: from 1.
fn number(place: usize) -> i32 {
    i32::try_from(place).map_or(i32::MAX, |place| place.saturating_add(1))
}
