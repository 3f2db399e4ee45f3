//! Field values, as a query compares them.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use fluvius_core::StateRecord;
use fluvius_core::query::{Column, Field, FieldSource, Kind, Operand};
use serde_json::Value;

use super::Naive;
use crate::mutant::Mutant;

/// A comparable value, or null.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found {
    Null,
    Flag(bool),
    /// Sign, integer digits, fraction digits.
    Amount(bool, String, String),
    Float(f64),
    Text(String),
    Micros(i64),
}

impl Naive {
    pub(super) fn at(&self, path: &[String], row: &StateRecord) -> Option<Value> {
        let mut path = path.to_vec();
        match self.mutant {
            Some(Mutant::DotsSplitNames) => {
                path = path.iter().flat_map(|name| name.split('.')).map(str::to_owned).collect();
            }
            Some(Mutant::NamesTrimmed) => path.iter_mut().for_each(|name| {
                *name = name.trim().to_owned();
            }),
            Some(Mutant::NamesFolded) => path.iter_mut().for_each(|name| {
                *name = name.to_lowercase();
            }),
            Some(Mutant::PathsTruncated) => path.truncate(1),
            _ => {}
        }
        path.iter().try_fold(row.data.to_value(), |value, name| match value {
            Value::Object(mut members) => members.remove(name),
            Value::Array(mut items) if self.is(Mutant::PathsThroughArrays) => {
                items.pop().and_then(|item| item.get(name).cloned())
            }
            Value::String(text) if self.is(Mutant::PathsThroughTexts) => {
                serde_json::from_str::<Value>(&text).ok()?.get(name).cloned()
            }
            _ => None,
        })
    }

    pub(super) fn value(&self, field: &Field, row: &StateRecord) -> Found {
        let path = match &field.source {
            FieldSource::Path(path) => path,
            FieldSource::Column(column) => {
                if self.is(Mutant::MembersHideColumns)
                    && let Some(value) = row.data.to_value().get(column.name())
                {
                    return self.read_as(value, field.kind);
                }
                return self.column(*column, row);
            }
        };
        match self.at(path, row) {
            Some(value) => self.read_as(&value, field.kind),
            None => Found::Null,
        }
    }

    fn read_as(&self, value: &Value, kind: Kind) -> Found {
        match (kind, value) {
            (Kind::Boolean, Value::Bool(flag)) => Found::Flag(*flag),
            (Kind::Boolean, Value::Number(number)) if self.is(Mutant::NumbersAreFlags) => {
                Found::Flag(number.as_f64() != Some(0.0))
            }
            (Kind::Number, Value::String(_)) if self.is(Mutant::TextsAreNoNumbers) => Found::Null,
            (Kind::Number, Value::String(text)) => self.amount(text),
            (Kind::Number, Value::Number(number)) => self.amount(&number.to_string()),
            (Kind::Text, Value::String(text)) => self.text(text),
            (Kind::Text, Value::Number(_) | Value::Bool(_))
                if self.is(Mutant::EverythingIsText) =>
            {
                Found::Text(value.to_string())
            }
            (Kind::Uuid, Value::String(text)) => match uuid::Uuid::try_parse(text) {
                Ok(_) if self.is(Mutant::IdentifiersAsTexts) => Found::Text(text.clone()),
                Ok(id) if text.len() == 36 || self.is(Mutant::AnyIdentifierIsRead) => {
                    Found::Text(id.to_string())
                }
                _ => Found::Null,
            },
            (Kind::Time, Value::String(text)) => self.time(text),
            _ => Found::Null,
        }
    }

    fn text(&self, text: &str) -> Found {
        Found::Text(match self.mutant {
            Some(Mutant::TextsFolded) => text.to_lowercase(),
            _ => text.to_owned(),
        })
    }

    /// Parses a JSON number into its integer and fraction digits, with the exponent applied.
    fn amount(&self, text: &str) -> Found {
        let read = if self.is(Mutant::NumbersReadLeniently) {
            text.trim().trim_start_matches('+')
        } else {
            text
        };
        let number: Result<serde_json::Number, _> = serde_json::from_str(read);
        // serde_json may hold the number as a float, so the text is compared.
        let is_json = number.is_ok() && !read.contains(char::is_whitespace)
            || read.trim_start_matches('-').len() > 15 && is_long_number(read);
        let is_kind = self.is(Mutant::NumbersReadLeniently) && read.parse::<f64>().is_ok();
        if !is_json && !is_kind {
            return Found::Null;
        }
        match self.mutant {
            Some(Mutant::NumbersAsTexts) => return Found::Text(text.to_owned()),
            Some(Mutant::NumbersAsDoubles) => return Found::Float(read.parse().unwrap()),
            _ => {}
        }
        let (mantissa, exponent) = read.split_once(['e', 'E']).unwrap_or((read, "0"));
        let Ok(exponent) = exponent.parse::<i32>() else { return Found::Null };
        if exponent.abs() > 9_999 {
            return Found::Null;
        }
        let (sign, unsigned) = match mantissa.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, mantissa),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let (mut whole, mut fraction) = (whole.to_owned(), fraction.to_owned());
        for _ in 0..exponent.abs() {
            if exponent > 0 {
                whole.push(if fraction.is_empty() { '0' } else { fraction.remove(0) });
            } else {
                fraction.insert(0, whole.pop().unwrap_or('0'));
            }
        }
        let whole = whole.trim_start_matches('0').to_owned();
        let fraction = fraction.trim_end_matches('0').to_owned();
        Found::Amount(sign && !(whole.is_empty() && fraction.is_empty()), whole, fraction)
    }

    fn time(&self, text: &str) -> Found {
        if self.is(Mutant::TimesAsTexts) {
            return Found::Text(text.to_owned());
        }
        let is_strict = text.get(10..11) == Some("T")
            && !text.ends_with('z')
            && text.get(17..19) != Some("60")
            && text.get(..4).is_some_and(|year| year != "0000" && year.parse::<u16>().is_ok())
            && !text.starts_with('+');
        match DateTime::parse_from_rfc3339(text) {
            Ok(time) if is_strict || self.is(Mutant::TimesReadLeniently) => {
                self.micros(&time.to_utc())
            }
            _ => Found::Null,
        }
    }

    fn micros(&self, time: &DateTime<Utc>) -> Found {
        match self.mutant {
            Some(Mutant::TimesInSeconds) => Found::Micros(time.timestamp()),
            Some(Mutant::TimesWithNanoseconds) => {
                Found::Text(time.format("%Y-%m-%dT%H:%M:%S%.9f").to_string())
            }
            _ => Found::Micros(time.timestamp_micros()),
        }
    }

    fn column(&self, column: Column, row: &StateRecord) -> Found {
        let id = |id: Option<uuid::Uuid>| id.map_or(Found::Null, |id| Found::Text(id.to_string()));
        match column {
            Column::Resource => self.text(&row.aggregate_id.resource),
            Column::Identifier => id(Some(row.aggregate_id.id)),
            Column::Version => self.amount(&row.version.to_string()),
            Column::Revision => self.amount(&row.revision.to_string()),
            Column::CreatedAt if self.is(Mutant::CreatedIsUpdated) => self.micros(&row.updated_at),
            Column::CreatedAt => self.micros(&row.created_at),
            Column::CreatedBy if self.is(Mutant::CreatorIsUpdater) => id(row.updated_by),
            Column::CreatedBy => id(row.created_by),
            Column::UpdatedAt => self.micros(&row.updated_at),
            Column::UpdatedBy => id(row.updated_by),
            Column::ClosedAt if self.is(Mutant::DeletedIsNull) => Found::Null,
            Column::ClosedAt => row.closed_at.map_or(Found::Null, |time| self.micros(&time)),
            Column::Realm => row.realm.as_deref().map_or(Found::Null, |realm| self.text(realm)),
        }
    }

    pub(super) fn operand(&self, operand: &Operand) -> Found {
        match operand {
            Operand::Boolean(flag) => Found::Flag(*flag),
            Operand::Number(number) => self.amount(&number.to_string()),
            Operand::Text(text) if self.is(Mutant::OperandQuotesDoubled) => {
                Found::Text(text.replace('\'', "''"))
            }
            Operand::Text(text) => self.text(text),
            Operand::Uuid(id) => Found::Text(id.to_string()),
            Operand::Time(time) if self.is(Mutant::TimesAsTexts) => Found::Text(time.to_rfc3339()),
            Operand::Time(time) => self.micros(time),
        }
    }
}

fn is_long_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    is_digits(whole)
        && is_digits(fraction)
        && is_digits(exponent)
        && (whole == "0" || !whole.starts_with('0'))
}

pub(super) fn order(one: &Found, other: &Found) -> Option<Ordering> {
    match (one, other) {
        (Found::Flag(one), Found::Flag(other)) => Some(one.cmp(other)),
        (Found::Float(one), Found::Float(other)) => one.partial_cmp(other),
        (Found::Text(one), Found::Text(other)) => Some(one.cmp(other)),
        (Found::Micros(one), Found::Micros(other)) => Some(one.cmp(other)),
        (Found::Amount(sign, whole, fraction), Found::Amount(other_sign, other_whole, other)) => {
            let magnitude = whole.len().cmp(&other_whole.len());
            let magnitude = magnitude.then(whole.cmp(other_whole)).then(fraction.cmp(other));
            Some(match (sign, other_sign) {
                (false, false) => magnitude,
                (true, true) => magnitude.reverse(),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
            })
        }
        _ => None,
    }
}
