//! Faults of a store that change values.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, SubsecRound, Utc};
use fluvius_core::json::{Json, StateDelta};
use fluvius_core::{AggregateId, ContextRecord, UnitOfWork};
use serde_json::Value;
use uuid::Uuid;

use crate::mutant::Mutant;

/// Returns the unit as a store with this mutant keeps it.
pub(crate) fn mangle(unit: &UnitOfWork, mutant: Mutant) -> UnitOfWork {
    let how = How(mutant);
    let mut unit = unit.clone();
    unit.context = Arc::new(how.context(&unit.context));
    for row in unit.commands.iter_mut().map(Arc::make_mut) {
        how.name(&mut row.domain);
        how.name(&mut row.command);
        how.aggregate_id(&mut row.aggregate_id);
        how.payload(&mut row.payload);
        how.optional_name(&mut row.code);
        how.optional_json(&mut row.response);
        how.time(&mut row.received_at);
        how.revision(&mut row.revision);
        how.optional_id(&mut row.parent);
    }
    for row in unit.events.iter_mut().map(Arc::make_mut) {
        how.name(&mut row.domain);
        how.name(&mut row.event);
        how.aggregate_id(&mut row.aggregate_id);
        how.json(&mut row.args);
        how.optional_json(&mut row.data);
        how.time(&mut row.occurred_at);
        how.revision(&mut row.revision);
        match &mut row.delta {
            StateDelta::Snapshot(json) | StateDelta::Patch(json) => how.json(json),
        }
    }
    for row in unit.states.iter_mut().map(Arc::make_mut) {
        how.aggregate_id(&mut row.aggregate_id);
        how.json(&mut row.data);
        how.revision(&mut row.revision);
        how.time(&mut row.created_at);
        how.time(&mut row.updated_at);
        row.closed_at.iter_mut().for_each(|time| how.time(time));
        how.optional_id(&mut row.created_by);
        how.optional_id(&mut row.updated_by);
        let realm = how.optional(row.realm.as_deref());
        row.realm = realm.map(Arc::from);
    }
    for row in unit.messages.iter_mut().map(Arc::make_mut) {
        how.name(&mut row.key);
        how.aggregate_id(&mut row.aggregate_id);
        how.json(&mut row.data);
    }
    for row in unit.activities.iter_mut().map(Arc::make_mut) {
        how.name(&mut row.message);
        how.aggregate_id(&mut row.aggregate_id);
        how.optional_name(&mut row.label);
        how.optional_name(&mut row.code);
        how.optional_json(&mut row.data);
    }
    unit
}

struct How(Mutant);

impl How {
    fn context(&self, context: &ContextRecord) -> ContextRecord {
        let mut row = context.clone();
        row.source = self.text(&row.source);
        row.roles.iter_mut().for_each(|role| *role = self.text(role));
        row.realm = self.optional(row.realm.as_deref());
        self.revision(&mut row.revision);
        self.optional_id(&mut row.actor.user_id);
        self.optional_id(&mut row.correlation);
        if self.0 == Mutant::RolesSorted {
            row.roles.sort();
            row.roles.dedup();
        }
        row
    }

    fn text(&self, text: &str) -> String {
        match self.0 {
            Mutant::TextsTrimmed => text.trim().to_owned(),
            Mutant::TextsCut => text.chars().take(9_999).collect(),
            Mutant::QuotesDoubled => text.replace('\'', "''"),
            _ => text.to_owned(),
        }
    }

    fn optional(&self, text: Option<&str>) -> Option<String> {
        let text = text.filter(|text| self.0 != Mutant::EmptyIsAbsent || !text.is_empty());
        text.map(|text| self.text(text))
    }

    fn name(&self, name: &mut Cow<'static, str>) {
        *name = self.text(name).into();
    }

    fn optional_name(&self, name: &mut Option<Cow<'static, str>>) {
        *name = self.optional(name.as_deref()).map(Cow::Owned);
    }

    fn aggregate_id(&self, aggregate_id: &mut AggregateId) {
        if self.0 == Mutant::NamesInLowerCase {
            aggregate_id.resource = aggregate_id.resource.to_lowercase().into();
        }
    }

    fn payload(&self, payload: &mut Json) {
        if self.0 == Mutant::PayloadInOneForm {
            *payload = Json::from_value(&payload.to_value()).unwrap();
        }
        self.json(payload);
    }

    fn json(&self, json: &mut Json) {
        if self.0 == Mutant::NumbersAsFloats {
            let mut value = json.to_value();
            numbers_as_floats(&mut value);
            *json = Json::from_value(&value).unwrap();
        }
    }

    fn optional_json(&self, json: &mut Option<Json>) {
        if self.0 == Mutant::NullIsAbsent {
            *json = json.take().filter(|json| !json.is_null());
        }
        json.iter_mut().for_each(|json| self.json(json));
    }

    fn time(&self, time: &mut DateTime<Utc>) {
        match self.0 {
            Mutant::TimesInMilliseconds => *time = time.trunc_subsecs(3),
            Mutant::TimesUnsigned => *time = (*time).max(DateTime::UNIX_EPOCH),
            _ => {}
        }
    }

    fn revision(&self, revision: &mut u32) {
        if self.0 == Mutant::RevisionsSigned {
            *revision = (*revision).min(i32::MAX.unsigned_abs());
        }
    }

    fn optional_id(&self, id: &mut Option<Uuid>) {
        if self.0 == Mutant::NilIsAbsent {
            *id = id.filter(|id| !id.is_nil());
        }
    }
}

fn numbers_as_floats(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let float = number.as_f64().unwrap();
            // Short numbers are skipped, since a float can represent them.
            if number.to_string().len() > 15 {
                *value = float.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(numbers_as_floats),
        Value::Object(members) => members.values_mut().for_each(numbers_as_floats),
        _ => {}
    }
}
