//! Checks of the return type. Requirements that only the compiler can check are asserted in the
//! expansion.

use proc_macro2::Span;
use syn::Type;

use crate::errors::Errors;
use crate::model::outcome::ok_type;
use crate::model::types::{self, Flaw};
use crate::model::{Action, Aggregate, Lifecycle, Outcome};
use crate::parse::token_text::type_text;

pub(crate) fn outcome(aggregate: &Aggregate, action: &Action, errors: &mut Errors) {
    let creates = action.lifecycle() == Some(Lifecycle::Create);
    let Some(outcome) = &action.outcome else {
        missing(action.method.span(), creates, errors);
        return;
    };
    if let Some(flaw) = flaw(action, outcome) {
        flawed(&flaw, errors);
        return;
    }
    if outcome.is_no_result {
        no_result(outcome, creates, errors);
        return;
    }
    if creates {
        returns_self(aggregate, action, outcome, errors);
    } else {
        returns_no_second_self(aggregate, action, outcome, errors);
    }
}

/// Returns a flaw of the return type. An answer may be a `'static` reference, since it is only
/// written. An event may not, since it is read too.
fn flaw<'a>(action: &Action, outcome: &'a Outcome) -> Option<Flaw<'a>> {
    let in_event = || outcome.flaw_in_event().filter(|_| action.event.is_some());
    types::flaw(&outcome.written, true).or_else(in_event)
}

fn no_result(outcome: &Outcome, creates: bool, errors: &mut Errors) {
    let written = type_text(&outcome.written);
    let is_future = types::is_named(&outcome.written, "Pin");
    let advice = if is_future {
        "write `async fn` with the `Result` of the future".to_owned()
    } else if creates {
        "write `Result<Self, YourError>`".to_owned()
    } else {
        format!("write `Result<{written}, YourError>`")
    };
    errors.at(
        &outcome.written,
        format!(
            "an action returns a `Result`: {advice} in place of `{written}` (`Infallible` if it \
             cannot fail)"
        ),
    );
}

fn missing(place: Span, creates: bool, errors: &mut Errors) {
    let message = if creates {
        "an action without a receiver creates the root: write `-> Result<Self, YourError>` \
         (`Infallible` where it cannot fail)"
    } else {
        "an action returns a `Result`: write `-> Result<(), YourError>` (`Infallible` where it \
         cannot fail)"
    };
    errors.at_span(place, message);
}

fn returns_self(aggregate: &Aggregate, action: &Action, outcome: &Outcome, errors: &mut Errors) {
    let Some(written) = ok_type(&outcome.written) else {
        return;
    };
    // The compiler checks another path to a type of this name.
    let names_self = aggregate.self_type.as_ref().is_some_and(|self_type| {
        self_type.is_named_by(written) || types::is_named(written, &self_type.ident.to_string())
    });
    if !names_self {
        errors.at(
            written,
            format!(
                "`{}` has no receiver, so it creates the aggregate and returns it: write `Self` in \
                 place of `{}`, or give it a receiver (`&mut self`, `&self`, `self`)",
                action.method,
                type_text(written)
            ),
        );
    }
}

/// Rejects `Self` as the data of an action with a receiver: the receiver is the new state, so a
/// second state would be dropped.
fn returns_no_second_self(
    aggregate: &Aggregate,
    action: &Action,
    outcome: &Outcome,
    errors: &mut Errors,
) {
    let Some(written) = ok_type(&outcome.written) else {
        return;
    };
    let self_type = aggregate.self_type.as_ref();
    if self_type.is_some_and(|self_type| self_type.is_named_by(written)) {
        errors.at(
            written,
            format!(
                "`{}` has a receiver, which becomes the new state: write `()` in place of `{}` \
                 (the answer is the state in both cases), or remove the receiver if it creates \
                 the aggregate",
                action.method,
                type_text(written)
            ),
        );
    }
}

fn flawed(flaw: &Flaw<'_>, errors: &mut Errors) {
    match flaw {
        Flaw::Reference(reference) => {
            let owned = types::owned_form(&reference.elem);
            let written = type_text(&Type::Reference((*reference).clone()));
            errors.at(
                reference,
                format!(
                    "an answer owns its data, because it is stored: write `{owned}` in place of \
                     `{written}`"
                ),
            );
        }
        Flaw::Lifetime(lifetime) => errors
            .at(lifetime, "an answer owns its data, because it is stored: write an owned type"),
        Flaw::ImplTrait(impl_trait) => errors.at(
            impl_trait,
            "the answer has one concrete type: write `Result<T, E>` with the types written out, \
             and `async fn` in place of `impl Future`",
        ),
        Flaw::Inferred(ty) => errors.at(ty, "write the type out: it is the answer's"),
        Flaw::Never(ty) => {
            errors.at(ty, "an action returns a `Result`: write `Infallible` for what cannot happen")
        }
        Flaw::HiddenSelf(tokens) => {
            errors.at(tokens, "`Self` cannot be replaced here: write the type's name")
        }
    }
}
