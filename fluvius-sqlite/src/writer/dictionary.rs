//! The dictionaries: names, command types and event types, each stored once.

use fluvius_store::{CommandRecord, EventRecord};
use rusqlite::{Params, params};

use super::cache::Map;
use super::transaction::Transaction;
use crate::error::Fault;
use crate::read::query_optional;

/// Numbers of dictionary entries.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    names: Map<Box<str>, i64>,
    /// By command key and event key; few types share one.
    command_types: Map<Box<str>, Vec<CommandType>>,
    event_types: Map<Box<str>, Vec<CommandType>>,
}

/// A command type, or an event type with an empty resource.
#[derive(Debug)]
struct CommandType {
    domain: Box<str>,
    revision: u32,
    resource: Box<str>,
    number: i64,
}

/// Largest number of cached entries.
const MAX_ENTRIES: usize = 10_000;

impl Dictionary {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Returns true if the cache is to be cleared.
    pub(super) fn is_large(&self) -> bool {
        self.names.len() + self.command_types.len() + self.event_types.len() > MAX_ENTRIES
    }

    /// Adds the entries of another dictionary.
    pub(super) fn extend(&mut self, other: Self) {
        self.names.extend(other.names);
        for (key, entries) in other.command_types {
            self.command_types.entry(key).or_default().extend(entries);
        }
        for (key, entries) in other.event_types {
            self.event_types.entry(key).or_default().extend(entries);
        }
    }

    fn command_type(&self, command: &CommandRecord) -> Option<i64> {
        let entries = self.command_types.get(&*command.command)?;
        find(entries, &command.domain, command.revision, &command.aggregate_id.resource)
    }

    fn event_type(&self, event: &EventRecord) -> Option<i64> {
        find(self.event_types.get(&*event.event)?, &event.domain, event.revision, "")
    }
}

fn find(entries: &[CommandType], domain: &str, revision: u32, resource: &str) -> Option<i64> {
    let found = entries.iter().find(|entry| {
        *entry.domain == *domain && entry.revision == revision && *entry.resource == *resource
    });
    found.map(|entry| entry.number)
}

impl Transaction<'_, '_, '_> {
    /// Returns the number of a name; inserts it if it is new.
    pub(super) fn name(&mut self, text: &str) -> Result<i64, Fault> {
        if let Some(number) = self.known_name(text)? {
            return Ok(number);
        }
        let number = self.insert("INSERT INTO name (text) VALUES (?1)", (text,))?;
        self.overlay.dictionary.names.insert(text.into(), number);
        Ok(number)
    }

    /// Returns the number of a name, if it is stored or pending.
    pub(super) fn known_name(&mut self, text: &str) -> Result<Option<i64>, Fault> {
        let known =
            self.cache.dictionary.names.get(text).or(self.overlay.dictionary.names.get(text));
        if let Some(number) = known {
            return Ok(Some(*number));
        }
        let found = self.find("SELECT id FROM name WHERE text = ?1", (text,))?;
        if let Some(number) = found {
            self.cache.dictionary.names.insert(text.into(), number);
        }
        Ok(found)
    }

    /// Returns the number of a command type; inserts it if it is new.
    pub(super) fn command_type(&mut self, command: &CommandRecord) -> Result<i64, Fault> {
        let known = self.cache.dictionary.command_type(command);
        if let Some(number) = known.or_else(|| self.overlay.dictionary.command_type(command)) {
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
        let entry =
            CommandType { domain: domain.into(), revision, resource: resource.into(), number };
        let dictionary =
            if found.is_some() { &mut self.cache.dictionary } else { &mut self.overlay.dictionary };
        dictionary.command_types.entry(key.into()).or_default().push(entry);
        Ok(number)
    }

    /// Returns the number of an event type; inserts it if it is new.
    pub(super) fn event_type(&mut self, event: &EventRecord) -> Result<i64, Fault> {
        let known = self.cache.dictionary.event_type(event);
        if let Some(number) = known.or_else(|| self.overlay.dictionary.event_type(event)) {
            return Ok(number);
        }
        let (domain, revision, key) = (&*event.domain, event.revision, &*event.event);
        let select = "SELECT id FROM event_type WHERE event = ?1 AND domain = ?2 AND revision = ?3";
        let insert = "INSERT INTO event_type (event, domain, revision) VALUES (?1, ?2, ?3)";
        let params = params![key, domain, revision];
        let found = self.find(select, params)?;
        let number = found.map_or_else(|| self.insert(insert, params), Ok)?;
        let entry = CommandType { domain: domain.into(), revision, resource: "".into(), number };
        let dictionary =
            if found.is_some() { &mut self.cache.dictionary } else { &mut self.overlay.dictionary };
        dictionary.event_types.entry(key.into()).or_default().push(entry);
        Ok(number)
    }

    fn find(&self, sql: &str, params: impl Params) -> Result<Option<i64>, Fault> {
        query_optional(self.connection, sql, params, |row| Ok(row.get(0)?))
    }

    fn insert(&self, sql: &str, params: impl Params) -> Result<i64, Fault> {
        let number = self.connection.prepare_cached(sql)?.insert(params)?;
        self.database.reach("name")?;
        Ok(number)
    }
}
