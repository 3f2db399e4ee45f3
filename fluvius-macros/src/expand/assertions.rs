//! The requirements on the author's types, asserted at the author's tokens so that the compiler's
//! message points there.
//!
//! Each type is asserted once per block, at its first use. If an assertion fails, the other
//! generated code causes no further error: see [`conditions`](super::conditions).

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::{Part, Scope, conditions};
use crate::model::action::contexts;
use crate::model::{Action, Answer, Soundness};
use crate::parse::token_text::token_text;

/// A requirement: the assertion and the type, with the span of the type.
struct Requirement {
    assertion: TokenStream,
    ty: TokenStream,
    place: Span,
}

pub(crate) fn of_action(
    scope: &Scope<'_>,
    part: &Part<'_>,
    parts: &[Part<'_>],
) -> Option<TokenStream> {
    let private = &scope.inner;
    // An action under a `cfg` may be absent.
    let earlier = parts
        .iter()
        .take_while(|other| !std::ptr::eq(other.action, part.action))
        .filter(|other| other.action.cfgs.is_empty());
    let mut known: Vec<String> =
        earlier.flat_map(|other| requirements(scope, other)).map(|each| text(&each)).collect();
    let mut out = TokenStream::new();
    for requirement in requirements(scope, part) {
        let text = text(&requirement);
        if known.contains(&text) {
            continue;
        }
        known.push(text);
        let Requirement { assertion, ty, place } = requirement;
        out.extend(quote_spanned!(place=> #private::#assertion::<#ty>();));
    }
    (!out.is_empty()).then_some(out)
}

/// Returns the requirement on the type of the block.
pub(crate) fn of_state(scope: &Scope<'_>) -> TokenStream {
    let private = &scope.inner;
    let self_type = scope.self_type;
    let place = self_type.ident.span();
    let schema = scope
        .aggregate
        .requires_schemas()
        .then(|| quote_spanned!(place=> #private::assert_schema::<#self_type>();));
    quote_spanned!(place=> #private::assert_state::<#self_type>(); #schema)
}

fn requirements(scope: &Scope<'_>, part: &Part<'_>) -> Vec<Requirement> {
    let private = &scope.inner;
    let action = part.action;
    if part.soundness != Soundness::Sound {
        return Vec::new();
    }
    let fields = action.fields().map(|field| Requirement {
        assertion: quote!(assert_payload_field),
        ty: field.ty.clone(),
        place: field.written.span(),
    });
    // The name of a type does not prove that it is the context.
    let contexts = contexts(action).map(|ty| Requirement {
        assertion: quote!(assert_context_type),
        ty: quote!(#ty),
        place: ty.span(),
    });
    let outcome = action.outcome.as_ref();
    let data = outcome.and_then(|outcome| {
        Some(Requirement {
            assertion: match action.event_has_data() {
                true => quote!(assert_event_data),
                false => conditions::of_data(action).map(|_| quote!(assert_answer))?,
            },
            ty: outcome.data(private),
            place: outcome.data_place(),
        })
    });
    let hidden = outcome.filter(|outcome| outcome.ok.is_none()).map(|outcome| Requirement {
        assertion: quote!(assert_action_result),
        ty: outcome.ty.clone(),
        place: outcome.place(),
    });
    let error = outcome.map(|outcome| Requirement {
        assertion: quote!(assert_rejection),
        ty: outcome.error(private),
        place: outcome.error_place(),
    });
    let schemas = schemas(scope, action);
    fields.chain(contexts).chain(hidden).chain(data).chain(error).chain(schemas).collect()
}

/// Returns the requirements of `#[aggregate(schema = "required")]`.
fn schemas(scope: &Scope<'_>, action: &Action) -> Vec<Requirement> {
    if !scope.aggregate.requires_schemas() {
        return Vec::new();
    }
    let fields = action.fields().filter(|field| field.schema.is_none());
    let fields = fields.map(|field| (field.ty.clone(), field.written.span()));
    let outcome = action.outcome.as_ref().filter(|outcome| outcome.answer == Answer::Data);
    let data = outcome.map(|outcome| (outcome.sent_data(&scope.inner), outcome.data_place()));
    let required = |(ty, place)| Requirement { assertion: quote!(assert_schema), ty, place };
    fields.chain(data).map(required).collect()
}

fn text(requirement: &Requirement) -> String {
    let Requirement { assertion, ty, .. } = requirement;
    token_text(&quote!(#assertion #ty))
}
