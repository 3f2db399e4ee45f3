//! Filters over Rust values, with Kleene's three-valued logic.

use std::cmp::Ordering;

use fluvius_core::query::{Comparison, Field, Filter, Operand, SortKey};

use super::*;

/// Kleene's three-valued logic, over the values in Rust.
pub(super) fn truth(filter: &Filter, thing: &Thing) -> Option<bool> {
    match filter {
        Filter::All(all) => {
            let truths: Vec<_> = all.iter().map(|filter| truth(filter, thing)).collect();
            if truths.contains(&Some(false)) {
                Some(false)
            } else {
                truths.into_iter().collect::<Option<Vec<_>>>().map(|_| true)
            }
        }
        Filter::Any(any) => {
            let truths: Vec<_> = any.iter().map(|filter| truth(filter, thing)).collect();
            if truths.contains(&Some(true)) {
                Some(true)
            } else {
                truths.into_iter().collect::<Option<Vec<_>>>().map(|_| false)
            }
        }
        Filter::Not(filter) => Some(!truth(filter, thing)?),
        Filter::Compare { field, comparison, operand } => {
            let order = compare(value(field, thing).as_ref()?, &plain(operand));
            Some(match comparison {
                Comparison::Eq => order == Ordering::Equal,
                Comparison::Ne => order != Ordering::Equal,
                Comparison::Lt => order == Ordering::Less,
                Comparison::Le => order != Ordering::Greater,
                Comparison::Gt => order == Ordering::Greater,
                Comparison::Ge => order != Ordering::Less,
            })
        }
        Filter::OneOf { field, operands } => {
            if operands.is_empty() {
                return Some(false);
            }
            let value = value(field, thing)?;
            Some(operands.iter().any(|operand| compare(&value, &plain(operand)).is_eq()))
        }
        Filter::Contains { field, text } => match value(field, thing)? {
            Plain::Words(words) => Some(words.contains(text)),
            _ => None,
        },
        Filter::StartsWith { field, text } => match value(field, thing)? {
            Plain::Words(words) => Some(words.starts_with(text)),
            _ => None,
        },
        Filter::IsNull { field } => Some(value(field, thing).is_none()),
    }
}

pub(super) fn value(field: &Field, thing: &Thing) -> Option<Plain> {
    let at = FIELDS.iter().position(|(name, kind)| *field == Field::at([*name], *kind)).unwrap();
    thing[at].clone()
}

pub(super) fn plain(operand: &Operand) -> Plain {
    match operand {
        Operand::Boolean(flag) => Plain::Flag(*flag),
        Operand::Number(number) => Plain::Amount(number.to_string().parse().unwrap()),
        Operand::Text(text) => Plain::Words(text.clone()),
        Operand::Uuid(id) => Plain::Id(*id),
        Operand::Time(time) => Plain::At(*time),
    }
}

pub(super) fn compare(one: &Plain, other: &Plain) -> Ordering {
    match (one, other) {
        (Plain::Flag(one), Plain::Flag(other)) => one.cmp(other),
        (Plain::Amount(one), Plain::Amount(other)) => one.cmp(other),
        (Plain::Words(one), Plain::Words(other)) => one.cmp(other),
        (Plain::Id(one), Plain::Id(other)) => one.cmp(other),
        (Plain::At(one), Plain::At(other)) => one.cmp(other),
        other => panic!("values of different kinds: {other:?}"),
    }
}

pub(super) fn order(sort: &[SortKey], one: &Thing, other: &Thing) -> Ordering {
    sort.iter().fold(Ordering::Equal, |order, key| {
        let by_key = match (value(&key.field, one), value(&key.field, other)) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(one), Some(other)) => compare(&one, &other),
        };
        order.then(if key.is_descending { by_key.reverse() } else { by_key })
    })
}
