//! Querying the aggregates of a resource, page by page.

use fluvius_core::query::{Cursor, Filter};
use fluvius_core::registry::AggregateDescription;
use serde_json::{Map, Value};

use super::Caller;
use crate::input::filter::{self, invalid};
use crate::input::params::short;
use crate::output::{Page, State};
use crate::problem::Problem;
use crate::settings::PageBounds;

/// Maximum number of rows of a page.
pub(crate) const MAX_LIMIT: usize = 500;
/// Length of the fingerprint at the start of a cursor.
const FINGERPRINT_LENGTH: usize = 16;

/// A query.
#[derive(Debug)]
pub(crate) struct QueryRequest<'a> {
    pub(crate) resource: &'static str,
    pub(crate) condition: Filter,
    /// The order: `a,-b`.
    pub(crate) sort: &'a str,
    /// The parts of the state to return: `a,b.c`.
    pub(crate) fields: Option<&'a str>,
    pub(crate) cursor: Option<&'a str>,
    pub(crate) limit: usize,
    pub(crate) with_closed: bool,
}

impl QueryRequest<'_> {
    /// Returns a page of the aggregates of the resource. It may be short or empty and have a next
    /// page, since the number of scanned aggregates is limited.
    ///
    /// # Errors
    /// `invalid-query`; the problems of a read.
    pub(crate) async fn read(self, caller: &Caller) -> Result<Page<State>, Problem> {
        let Self { resource, condition, sort, fields, cursor, limit, with_closed } = self;
        let not_found = || Problem::new("not-found", "unknown resource");
        let aggregate = caller.domain.aggregate(resource).ok_or_else(not_found)?;
        let descriptor = caller.domain.descriptor(resource).ok_or_else(not_found)?;
        let keys = filter::sort(sort, aggregate)?;
        let fields = fields.map(|fields| selection(fields, aggregate)).transpose()?;
        // A cursor belongs to one filter, order and realm, so that a page never skips rows unseen.
        let realm = caller.context().realm();
        let fingerprint = fingerprint(&format!("{condition:?} {keys:?} {realm:?} {with_closed}"));

        let statemgr = caller.session().statemgr();
        let PageBounds { scan_limit, scan_time } = caller.page_bounds;
        let query = statemgr.query_rows(resource).filter(condition).limit(limit);
        let mut query = query.scan_limit(scan_limit).scan_time(scan_time);
        for key in keys {
            query = query.sort(key);
        }
        if with_closed {
            query = query.with_closed();
        }
        if let Some(cursor) = cursor {
            query = query.after(read_cursor(cursor, &fingerprint)?);
        }
        let page = query.page().await.map_err(|error| caller.problem(&error))?;
        let mut rows = Vec::with_capacity(page.rows.len());
        for row in &page.rows {
            let mut state = State::of(row, descriptor).map_err(|error| caller.problem(&error))?;
            if let Some(fields) = &fields {
                state.data = selected(&state.data, fields);
            }
            rows.push(state);
        }
        Ok(Page { rows, next: page.next.map(|cursor| format!("{fingerprint}{cursor}")) })
    }
}

fn fingerprint(text: &str) -> String {
    // Long enough to detect a mistake; it is no protection.
    blake3::hash(text.as_bytes()).to_hex().chars().take(FINGERPRINT_LENGTH).collect()
}

fn read_cursor(text: &str, fingerprint: &str) -> Result<Cursor, Problem> {
    let wrong = || {
        invalid(
            "the cursor belongs to another filter, order or realm: send the `next` of a page with \
             the parameters of that page",
        )
    };
    let cursor = text.strip_prefix(fingerprint).ok_or_else(wrong)?;
    cursor.parse().map_err(|_| wrong())
}

/// Returns the paths of `fields=a,b.c`.
fn selection(text: &str, aggregate: &AggregateDescription) -> Result<Vec<Vec<String>>, Problem> {
    let paths = text.split(',').filter(|path| !path.is_empty());
    let paths = paths.map(|path| match aggregate.may_have_field(path) {
        true => Ok(path.split('.').map(str::to_owned).collect()),
        false => Err(invalid(format!("the state has no field `{}`", short(path)))),
    });
    paths.collect()
}

/// Returns the selected members of a state.
fn selected(state: &Value, paths: &[Vec<String>]) -> Value {
    let mut selected = Value::Object(Map::new());
    for path in paths {
        let found = path.iter().try_fold(state, |value, name| value.get(name));
        if let Some(value) = found {
            insert(&mut selected, path, value.clone());
        }
    }
    selected
}

fn insert(into: &mut Value, path: &[String], value: Value) {
    let Some((name, rest)) = path.split_first() else {
        *into = value;
        return;
    };
    if let Some(members) = into.as_object_mut() {
        let member = members.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
        insert(member, rest, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selection_keeps_the_structure() {
        let state = json!({ "a": { "b": 1, "c": 2 }, "d": [1], "e": null });
        let paths = |text: &str| -> Vec<Vec<String>> {
            text.split(',').map(|path| path.split('.').map(str::to_owned).collect()).collect()
        };
        let of = |text| selected(&state, &paths(text));
        assert_eq!(of("a.b,d"), json!({ "a": { "b": 1 }, "d": [1] }));
        assert_eq!(of("a.b,a.c"), json!({ "a": { "b": 1, "c": 2 } }));
        assert_eq!(of("a,a.b"), json!({ "a": { "b": 1, "c": 2 } }));
        assert_eq!(of("x,a.x,e"), json!({ "e": null }));
    }
}
