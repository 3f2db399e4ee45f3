//! The events of one aggregate.
//!
//! Every 16th event is indexed, and each event refers to the previous one. So any version is found
//! in a few steps, and a commit does not write to an index as large as the log.

use fluvius_store::{AggregateId, ContextRecord, EventRecord, LogEntry, LogQuery};
use rusqlite::Connection;

use super::{Part, query_optional, saturating_i64};
use crate::error::Fault;
use crate::read::rows::{self, select_context, select_event};

/// Largest number of events in one part: loads of commands wait for one part at most.
const EVENTS_AT_ONCE: u64 = 250;

/// Minimum number of events read for a page with conditions, since most may not meet them.
const EVENTS_WITH_CONDITIONS_MIN: u64 = 64;

/// Distance of indexed versions, as in the schema.
const INDEXED_EVERY: u64 = 16;

const INDEXED: &str =
    "SELECT position FROM event WHERE aggregate = ?1 AND version = ?2 AND version % 16 = 0";
const PREVIOUS: &str = "SELECT previous FROM event WHERE position = ?1";
const EVENT: &str = concat!(select_event!(), " WHERE e.position = ?1");

/// The end of an aggregate's chain of events.
struct Head {
    number: i64,
    version: u64,
    event: i64,
}

/// Returns the events of an aggregate with versions from `first` to `last`, or the first part of
/// them.
pub(crate) fn history(
    connection: &Connection,
    aggregate_id: &AggregateId,
    first: u64,
    last: u64,
) -> Result<Part<LogEntry<EventRecord>>, Fault> {
    let transaction = connection.unchecked_transaction()?;
    let Some(head) = head(&transaction, aggregate_id)? else { return Ok(Part::last(Vec::new())) };
    let (first, last) = (first.max(1), last.min(head.version));
    if first > last {
        return Ok(Part::last(Vec::new()));
    }
    let end = last.min(first.saturating_add(EVENTS_AT_ONCE - 1));
    let rows = between(&transaction, &head, first, end)?;
    Ok(Part { rows, next: (end < last).then_some(end + 1) })
}

/// Returns the events of an aggregate that a query of a log matches. It reads up to the limit, or
/// up to the size of one part.
///
/// The next part begins at the position of the returned part. The caller holds a read transaction.
pub(crate) fn of_aggregate(
    connection: &Connection,
    aggregate_id: &AggregateId,
    query: &LogQuery,
) -> Result<Part<LogEntry<EventRecord>>, Fault> {
    let limit = u64::try_from(query.limit).unwrap_or(u64::MAX);
    if limit == 0 {
        return Ok(Part::last(Vec::new()));
    }
    let has_conditions = query.has_conditions();
    let count = if has_conditions { limit.max(EVENTS_WITH_CONDITIONS_MIN) } else { limit };
    let count = count.min(EVENTS_AT_ONCE);
    let Some(head) = head(connection, aggregate_id)? else { return Ok(Part::last(Vec::new())) };
    let first = first_behind(connection, &head, query.after.position())?;
    let last = match query.before {
        Some(before) => first_behind(connection, &head, before.position().saturating_sub(1))? - 1,
        None => head.version,
    };
    if first > last {
        return Ok(Part::last(Vec::new()));
    }
    let (start, end) = match query.descending {
        true => (first.max(last.saturating_sub(count - 1)), last),
        false => (first, last.min(first.saturating_add(count - 1))),
    };
    let mut rows = between(connection, &head, start, end)?;
    if !rows.is_sorted_by(|one, next| one.position < next.position)
        || rows.iter().any(|row| !query.has_position(row.position))
    {
        return Err(Fault::damaged("event", "the positions of an aggregate do not rise"));
    }
    let is_end = if query.descending { start == first } else { end == last };
    if query.descending {
        rows.reverse();
    }
    let next = rows.last().filter(|_| !is_end).map(|row| row.position);
    if has_conditions {
        let mut admitted = Vec::with_capacity(rows.len());
        for row in rows {
            let context = context_of(connection, row.position)?;
            let record = &row.record;
            let key = Some(record.key());
            if query.admits(aggregate_id, Some(&record.domain), key, context.as_ref()) {
                admitted.push(row);
            }
        }
        rows = admitted;
    }
    Ok(Part { rows, next })
}

fn head(connection: &Connection, aggregate_id: &AggregateId) -> Result<Option<Head>, Fault> {
    const SQL: &str = "SELECT a.number, s.version, s.event FROM name AS r JOIN aggregate AS a ON \
        a.resource = r.id JOIN state AS s ON s.aggregate = a.number WHERE r.text = ?1 AND \
        a.identifier = ?2";
    query_optional(connection, SQL, (&aggregate_id.resource, aggregate_id.id), |row| {
        Ok(Head { number: row.get(0)?, version: version(row.get(1)?)?, event: row.get(2)? })
    })
}

/// Returns the first version after a position, or one beyond the last version.
fn first_behind(connection: &Connection, head: &Head, after: u64) -> Result<u64, Fault> {
    if after == 0 {
        return Ok(1);
    }
    // The positions of an aggregate rise with its versions. First, a binary search among the
    // indexed events and the end of the chain.
    let (mut low, mut high) = (0, head.version / INDEXED_EVERY + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let version = ((middle + 1) * INDEXED_EVERY).min(head.version);
        if position_of(connection, head, version)? > saturating_i64(after) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    // Then a walk along the chain, back from the first indexed event after the position.
    let mut version = ((low + 1) * INDEXED_EVERY).min(head.version);
    let mut position = position_of(connection, head, version)?;
    if position <= saturating_i64(after) {
        return Ok(version + 1);
    }
    while version > 1 {
        let Some(previous) = previous_of(connection, position)? else {
            return Err(missing(version - 1));
        };
        if previous <= saturating_i64(after) {
            break;
        }
        (position, version) = (previous, version - 1);
    }
    Ok(version)
}

/// Returns the events of these versions, which must exist.
fn between(
    connection: &Connection,
    head: &Head,
    first: u64,
    last: u64,
) -> Result<Vec<LogEntry<EventRecord>>, Fault> {
    let mut at = Some(position_of(connection, head, last)?);
    let mut rows = Vec::new();
    for version in (first..=last).rev() {
        let found = query_optional(connection, EVENT, (at,), |row| {
            Ok((rows::event(row)?, row.get(rows::EVENT_PREVIOUS)?))
        })?;
        let Some((event, previous)) = found.filter(|(event, _)| event.record.version == version)
        else {
            return Err(missing(version));
        };
        rows.push(event);
        at = previous;
    }
    rows.reverse();
    Ok(rows)
}

/// Returns the position of a version, which must exist.
fn position_of(connection: &Connection, head: &Head, version: u64) -> Result<i64, Fault> {
    let indexed = version.next_multiple_of(INDEXED_EVERY);
    let (mut position, from) = if indexed <= head.version {
        let params = (head.number, saturating_i64(indexed));
        let found = query_optional(connection, INDEXED, params, |row| Ok(row.get(0)?))?;
        (found.ok_or_else(|| missing(indexed))?, indexed)
    } else {
        (head.event, head.version)
    };
    for step in (version..from).rev() {
        position = previous_of(connection, position)?.ok_or_else(|| missing(step))?;
    }
    Ok(position)
}

/// Returns the position of the previous event.
fn previous_of(connection: &Connection, position: i64) -> Result<Option<i64>, Fault> {
    Ok(query_optional(connection, PREVIOUS, (position,), |row| Ok(row.get(0)?))?.flatten())
}

/// Returns the context of the command of an event.
fn context_of(connection: &Connection, position: u64) -> Result<Option<ContextRecord>, Fault> {
    const SQL: &str = concat!(
        select_context!(),
        " WHERE x.number = (SELECT c.context FROM event AS e JOIN command AS c ON c.position = \
         e.command WHERE e.position = ?1)"
    );
    query_optional(connection, SQL, (saturating_i64(position),), rows::context)
}

fn version(number: i64) -> Result<u64, Fault> {
    u64::try_from(number).map_err(|error| Fault::damaged("state", error))
}

fn missing(version: u64) -> Fault {
    Fault::damaged("event", format!("version {version} of an aggregate is missing"))
}

#[cfg(test)]
mod tests;
