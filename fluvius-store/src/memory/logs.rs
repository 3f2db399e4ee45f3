//! Pages of the logs.

use std::ops::Range;
use std::sync::Arc;

use uuid::Uuid;

use super::tables::Tables;
use crate::aggregate_id::AggregateId;
use crate::error::StoreError;
use crate::query::LogQuery;
use crate::record::{
    AnyRecord, CommandRecord, ContextRecord, LogEntry, LogKind, LogPage, LogRecord, ResumeToken,
};

type Row<T> = LogEntry<Arc<T>>;

/// The parts of a row, and of the rows that it refers to, with conditions in a query.
struct Facts<'a> {
    aggregate_id: &'a AggregateId,
    domain: Option<&'a str>,
    context: Option<&'a ContextRecord>,
}

impl Tables {
    pub(super) fn log(
        &self,
        kind: LogKind,
        query: &LogQuery,
    ) -> Result<LogPage<AnyRecord>, StoreError> {
        match (kind, &query.aggregate_id) {
            (LogKind::Commands, _) => {
                self.page(query, in_range(&self.commands, query).iter(), |row| Facts {
                    aggregate_id: &row.aggregate_id,
                    domain: Some(&row.domain),
                    context: self.context_row(row.context_id),
                })
            }
            (LogKind::Events, None) => {
                self.page_of_events(query, in_range(&self.events, query).iter())
            }
            (LogKind::Events, Some(aggregate_id)) => {
                // Reads only the aggregate's own events, so a log of many aggregates is not
                // scanned.
                let own = self.events_of(aggregate_id);
                let position = |index: &usize| self.events.get(*index).map(|row| row.position);
                let own = &own[range(own, query, |index| position(index).unwrap_or(u64::MAX))];
                let rows = own.iter().filter_map(|index| self.events.get(*index));
                self.page_of_events(query, rows)
            }
            (LogKind::Messages, _) => {
                self.page(query, in_range(&self.messages, query).iter(), |row| Facts {
                    aggregate_id: &row.aggregate_id,
                    domain: self.command_row(row.command_id).map(|command| &*command.domain),
                    context: self.context_of_command(row.command_id),
                })
            }
            (LogKind::Activities, _) => {
                self.page(query, in_range(&self.activities, query).iter(), |row| {
                    let context = self.context_row(row.context_id);
                    let domain = context.map(|context| &*context.domain);
                    Facts { aggregate_id: &row.aggregate_id, domain, context }
                })
            }
        }
    }

    fn page_of_events<'a>(
        &'a self,
        query: &LogQuery,
        rows: impl DoubleEndedIterator<Item = &'a Row<crate::record::EventRecord>>,
    ) -> Result<LogPage<AnyRecord>, StoreError> {
        self.page(query, rows, |row| Facts {
            aggregate_id: &row.aggregate_id,
            domain: Some(&row.domain),
            context: self.context_of_command(row.command_id),
        })
    }

    /// Returns a page of the rows in a query's range.
    fn page<'a, T: LogRecord>(
        &'a self,
        query: &LogQuery,
        rows: impl DoubleEndedIterator<Item = &'a Row<T>>,
        facts: impl Fn(&'a T) -> Facts<'a>,
    ) -> Result<LogPage<AnyRecord>, StoreError> {
        let newest = self.position;
        query.after.check(self.row_at(query.after.position()), newest)?;
        if let Some(before) = query.before {
            before.check_upper(self.row_at(before.position()), newest)?;
        }
        Ok(match query.descending {
            true => self.scan(query, rows.rev(), facts),
            false => self.scan(query, rows, facts),
        })
    }

    /// Scans the rows of a range, until a limit or the end is reached.
    fn scan<'a, T: LogRecord>(
        &'a self,
        query: &LogQuery,
        mut rows: impl Iterator<Item = &'a Row<T>>,
        facts: impl Fn(&'a T) -> Facts<'a>,
    ) -> LogPage<AnyRecord> {
        let mut found = Vec::new();
        let mut scanned_to = query.start(self.position);
        let has_end = query.descending || query.before.is_some();
        for _ in 0..query.scan_limit.max(1) {
            if found.len() >= query.limit {
                break;
            }
            let Some(row) = rows.next() else {
                return LogPage::new(found, self.end(query), self.position).with_last(true);
            };
            scanned_to = ResumeToken::new(row.position, row.record.row_id());
            let Facts { aggregate_id, domain, context } = facts(&row.record);
            if query.admits(aggregate_id, domain, row.record.row_key(), context) {
                found.push(LogEntry {
                    position: row.position,
                    record: T::clone(&row.record).into(),
                });
            }
        }
        let page = LogPage::new(found, scanned_to, self.position);
        let is_last = page.is_last() && !has_end;
        page.with_last(is_last)
    }

    /// Returns the end of a range: the newest row in it, or its lower bound.
    fn end(&self, query: &LogQuery) -> ResumeToken {
        if query.descending {
            return query.after;
        }
        let before = query.before.map_or(u64::MAX, |before| before.position());
        // Positions have no gaps in this store.
        let position = before.saturating_sub(1).min(self.position);
        let row_id = self.row_at(position).filter(|_| position > query.after.position());
        row_id.map_or(query.after, |row_id| ResumeToken::new(position, row_id))
    }

    /// Returns the identifier of the row at a position, in any of the logs.
    fn row_at(&self, position: u64) -> Option<Uuid> {
        row_at(&self.commands, position)
            .or_else(|| row_at(&self.events, position))
            .or_else(|| row_at(&self.messages, position))
            .or_else(|| row_at(&self.activities, position))
    }

    fn command_row(&self, id: Uuid) -> Option<&CommandRecord> {
        Some(&self.commands.get(*self.command_index.get(&id)?)?.record)
    }

    fn context_of_command(&self, id: Uuid) -> Option<&ContextRecord> {
        self.context_row(self.command_row(id)?.context_id)
    }

    fn context_row(&self, id: Uuid) -> Option<&ContextRecord> {
        self.contexts.get(&id).map(Arc::as_ref)
    }
}

/// Returns the rows of a log in the range of a query.
fn in_range<'a, T>(log: &'a [Row<T>], query: &LogQuery) -> &'a [Row<T>] {
    &log[range(log, query, |row| row.position)]
}

/// Returns the range of a query among items in position order.
fn range<T>(items: &[T], query: &LogQuery, position: impl Fn(&T) -> u64) -> Range<usize> {
    let start = items.partition_point(|item| position(item) <= query.after.position());
    let end = match query.before {
        Some(before) => items.partition_point(|item| position(item) < before.position()),
        None => items.len(),
    };
    start..end.max(start)
}

fn row_at<T: LogRecord>(log: &[Row<T>], position: u64) -> Option<Uuid> {
    let index = log.binary_search_by_key(&position, |row| row.position).ok()?;
    log.get(index).map(|row| row.record.row_id())
}
