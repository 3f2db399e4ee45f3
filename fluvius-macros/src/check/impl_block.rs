//! Checks of the block as a whole.

use syn::GenericParam;

use super::keys::require_kebab;
use crate::errors::Errors;
use crate::model::types::{self, Flaw};
use crate::model::{Aggregate, names};
use crate::parse::token_text::{token_text, type_text};

const BORROWS: &str = "the state outlives the command, so an aggregate borrows nothing: give the \
                       type owned fields";

/// Checks that the block is an inherent impl of one concrete type.
pub(crate) fn place(aggregate: &Aggregate, errors: &mut Errors) {
    let shown = type_text(&aggregate.written_type);
    if let Some(path) = &aggregate.trait_path {
        let name = token_text(&path);
        errors.at(
            path,
            format!(
                "put `#[aggregate]` on `impl {shown} {{ .. }}`: actions are methods of the type \
                 itself, not of the trait `{name}`"
            ),
        );
    }
    for param in &aggregate.generics.params {
        match param {
            GenericParam::Lifetime(lifetime) => errors.at(lifetime, BORROWS),
            other => errors.at(
                other,
                "an aggregate is one concrete type: write `impl Account<Eur>` with \
                 `#[aggregate(name = \"EurAccount\")]`, or register it through a type alias",
            ),
        }
    }
    if let Some(clause) = &aggregate.generics.where_clause {
        errors
            .at(clause.where_token, "an aggregate is one concrete type: remove the `where` clause");
    }
    if let Some(Flaw::Lifetime(lifetime)) = types::flaw(&aggregate.written_type, true)
        && aggregate.generics.params.is_empty()
    {
        errors.at(lifetime, BORROWS);
    }
    if aggregate.self_type.is_none() {
        errors.at(
            &aggregate.written_type,
            "an aggregate is a struct or an enum with a name: write `impl Account { .. }`",
        );
    }
}

pub(crate) fn options(aggregate: &Aggregate, errors: &mut Errors) {
    if let Some(place) = aggregate.resources_place
        && aggregate.resources.is_empty()
    {
        errors.at_span(
            place,
            "an aggregate has at least one resource: leave the option out to take the type's name",
        );
    }
    for (at, resource) in aggregate.resources.iter().enumerate() {
        if aggregate.resources_place.is_some() {
            require_kebab(resource, "a resource", errors);
        } else if !names::is_kebab(&resource.value()) {
            errors.at_span(
                resource.span(),
                "no resource can be made of this name: write `#[aggregate(resource = \"..\")]`",
            );
        }
        let earlier = aggregate.resources.iter().take(at);
        if earlier.into_iter().any(|other| other.value() == resource.value()) {
            errors.at(resource, format!("`{}` is listed twice", resource.value()));
        }
    }
    revision(aggregate, errors);
    name(aggregate, errors);
    if let Some(written) = &aggregate.schema
        && !aggregate.requires_schemas()
    {
        errors
            .at(written, "`schema` has one value: write `schema = \"required\"`, or leave it out");
    }
    if aggregate.actions.is_empty() && errors.count() == 0 {
        errors.at_span(
            aggregate.impl_place,
            "an aggregate has at least one action: put `#[action(evt_key = \"..\")]` on a method",
        );
    }
}

fn revision(aggregate: &Aggregate, errors: &mut Errors) {
    if let Some(place) = aggregate.revision_place
        && aggregate.revision == 0
    {
        errors.at_span(
            place,
            "revisions count from 1: write `revision = 1`, or leave the option out",
        );
        return;
    }
    let upcast = aggregate.upcast.as_ref().map(|upcast| upcast.place);
    match (upcast.or(aggregate.upcast_waived), aggregate.revision_place) {
        (Some(upcast), None) => {
            errors.at_span(upcast, "`upcast` needs the current revision: add `revision = 2`")
        }
        (Some(upcast), Some(_)) if aggregate.revision == 1 => errors.at_span(
            upcast,
            "nothing is older than revision 1: write `revision = 2`, or remove `upcast`",
        ),
        (None, Some(revision)) if aggregate.revision > 1 && errors.count() == 0 => errors.at_span(
            revision,
            format!(
                "nothing reads what revision {} wrote: name the function that converts it, \
                 `upcast = upcast_account`, or write `upcast = none` if nothing older is stored",
                aggregate.revision - 1
            ),
        ),
        _ => {}
    }
}

fn name(aggregate: &Aggregate, errors: &mut Errors) {
    if let Some(written) = &aggregate.name_written {
        if names::type_ident(&written.value(), written.span()).is_none() {
            errors.at(
                written,
                "`name` is the beginning of type names: write it as one, such as `EurAccount`",
            );
        }
        return;
    }
    if let Some(self_type) = &aggregate.self_type
        && self_type.has_arguments
        && !aggregate.options_flawed
        && aggregate.generics.params.is_empty()
        && types::flaw(&aggregate.written_type, true).is_none()
    {
        let shown = type_text(&aggregate.written_type);
        errors.at(
            &aggregate.written_type,
            format!(
                "`{shown}` is one of several types with this name: give it its own by \
                 `#[aggregate(name = \"..\")]`"
            ),
        );
    }
}
