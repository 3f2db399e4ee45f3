//! What many rows have in common and is stored once: names, kinds of commands and of events.

use fluvius_core::{CommandRecord, EventRecord};
use rusqlite::{Params, params};

use super::cache::Map;
use super::session::Open;
use crate::error::Fault;
use crate::read::one;

/// The numbers of what is stored once.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: Map<Box<str>, i64>,
    /// By the key of the command, and that of the event: few kinds have one in common.
    command_kinds: Map<Box<str>, Vec<Kind>>,
    event_kinds: Map<Box<str>, Vec<Kind>>,
}

/// A kind of commands or of events; of events the resource is empty.
#[derive(Debug)]
struct Kind {
    domain: Box<str>,
    revision: u32,
    resource: Box<str>,
    number: i64,
}

/// How many of each are known at the most.
const COUNT_MAX: usize = 10_000;

impl Names {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether there are more than should be kept in memory.
    pub(super) fn are_many(&self) -> bool {
        self.names.len() + self.command_kinds.len() + self.event_kinds.len() > COUNT_MAX
    }

    /// Adds those of another.
    pub(super) fn extend(&mut self, other: Self) {
        self.names.extend(other.names);
        for (key, kinds) in other.command_kinds {
            self.command_kinds.entry(key).or_default().extend(kinds);
        }
        for (key, kinds) in other.event_kinds {
            self.event_kinds.entry(key).or_default().extend(kinds);
        }
    }

    fn command_kind(&self, command: &CommandRecord) -> Option<i64> {
        let kinds = self.command_kinds.get(&*command.command)?;
        find(kinds, &command.domain, command.revision, &command.aggregate_id.resource)
    }

    fn event_kind(&self, event: &EventRecord) -> Option<i64> {
        find(self.event_kinds.get(&*event.event)?, &event.domain, event.revision, "")
    }
}

fn find(kinds: &[Kind], domain: &str, revision: u32, resource: &str) -> Option<i64> {
    let found = kinds.iter().find(|kind| {
        *kind.domain == *domain && kind.revision == revision && *kind.resource == *resource
    });
    found.map(|kind| kind.number)
}

impl Open<'_, '_, '_> {
    /// The number of a name, which is stored where it is not there.
    pub(super) fn name(&mut self, text: &str) -> Result<i64, Fault> {
        if let Some(number) = self.known_name(text)? {
            return Ok(number);
        }
        let number = self.insert("INSERT INTO name (text) VALUES (?1)", (text,))?;
        self.draft.names.names.insert(text.into(), number);
        Ok(number)
    }

    /// The number of a name, if it is stored or drafted.
    pub(super) fn known_name(&mut self, text: &str) -> Result<Option<i64>, Fault> {
        let known = self.cache.names.names.get(text).or(self.draft.names.names.get(text));
        if let Some(number) = known {
            return Ok(Some(*number));
        }
        let found = self.find("SELECT id FROM name WHERE text = ?1", (text,))?;
        if let Some(number) = found {
            self.cache.names.names.insert(text.into(), number);
        }
        Ok(found)
    }

    /// The number of a command's kind, which is stored where it is not there.
    pub(super) fn command_kind(&mut self, command: &CommandRecord) -> Result<i64, Fault> {
        let known = self.cache.names.command_kind(command);
        if let Some(number) = known.or_else(|| self.draft.names.command_kind(command)) {
            return Ok(number);
        }
        let (domain, revision) = (&*command.domain, command.revision);
        let (key, resource) = (&*command.command, &*command.aggregate_id.resource);
        let select = "SELECT id FROM command_type \
            WHERE command = ?1 AND resource = ?2 AND domain = ?3 AND revision = ?4";
        let insert = "INSERT INTO command_type (command, resource, domain, revision) \
            VALUES (?1, ?2, ?3, ?4)";
        let params = params![key, resource, domain, revision];
        let found = self.find(select, params)?;
        let number = found.map_or_else(|| self.insert(insert, params), Ok)?;
        let kind = Kind { domain: domain.into(), revision, resource: resource.into(), number };
        let names = if found.is_some() { &mut self.cache.names } else { &mut self.draft.names };
        names.command_kinds.entry(key.into()).or_default().push(kind);
        Ok(number)
    }

    /// The number of an event's kind, which is stored where it is not there.
    pub(super) fn event_kind(&mut self, event: &EventRecord) -> Result<i64, Fault> {
        let known = self.cache.names.event_kind(event);
        if let Some(number) = known.or_else(|| self.draft.names.event_kind(event)) {
            return Ok(number);
        }
        let (domain, revision, key) = (&*event.domain, event.revision, &*event.event);
        let select = "SELECT id FROM event_type WHERE event = ?1 AND domain = ?2 AND revision = ?3";
        let insert = "INSERT INTO event_type (event, domain, revision) VALUES (?1, ?2, ?3)";
        let params = params![key, domain, revision];
        let found = self.find(select, params)?;
        let number = found.map_or_else(|| self.insert(insert, params), Ok)?;
        let kind = Kind { domain: domain.into(), revision, resource: "".into(), number };
        let names = if found.is_some() { &mut self.cache.names } else { &mut self.draft.names };
        names.event_kinds.entry(key.into()).or_default().push(kind);
        Ok(number)
    }

    fn find(&self, sql: &str, params: impl Params) -> Result<Option<i64>, Fault> {
        one(self.connection, sql, params, |row| Ok(row.get(0)?))
    }

    fn insert(&self, sql: &str, params: impl Params) -> Result<i64, Fault> {
        let number = self.connection.prepare_cached(sql)?.insert(params)?;
        self.place.reach("name")?;
        Ok(number)
    }
}
