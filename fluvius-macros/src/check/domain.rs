//! Checks of `#[domain(..)]`.

use super::keys::require_kebab;
use crate::errors::Errors;
use crate::model::domain::Domain;
use crate::model::names;
use crate::parse::token_text::{identity_text, type_text};

pub(crate) fn domain(domain: &Domain, errors: &mut Errors) {
    if !domain.generics.params.is_empty() {
        errors.at(&domain.generics, "a domain is one concrete type: remove the generics");
    }
    match &domain.aggregates {
        Some(list) if !list.is_empty() => {
            for (at, ty) in list.iter().enumerate() {
                let earlier = list.iter().take(at);
                if earlier.into_iter().any(|other| identity_text(other) == identity_text(ty)) {
                    errors.at(ty, format!("`{}` is listed twice", type_text(ty)));
                }
            }
        }
        _ if errors.count() > 0 => {}
        _ => errors.at_span(
            domain.place,
            "a domain runs the aggregates that it lists: write `#[domain(aggregates(Account))]`",
        ),
    }
    match &domain.namespace_written {
        Some(written) => require_kebab(written, "a namespace", errors),
        None if !names::is_kebab(&domain.namespace) => errors.at_span(
            domain.place,
            "no namespace can be made of this name: write `#[domain(namespace = \"..\")]`",
        ),
        None => {}
    }
}
