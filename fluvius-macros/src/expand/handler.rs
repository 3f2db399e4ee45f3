//! Generates the function that runs an action, the only generated code that calls the author's
//! method.

use proc_macro2::TokenStream;
use quote::quote;

use super::spans::{at, generated, generated_ident};
use super::{Part, Scope};
use crate::model::{Action, Answer, Argument, Lifecycle, Outcome, Soundness};

/// Generates a closure without captures. The author's parameters are fields of one local variable,
/// so their names cannot collide with generated ones.
pub(crate) fn run(scope: &Scope<'_>, part: &Part<'_>) -> TokenStream {
    let action = part.action;
    let private = &scope.inner;
    let (Soundness::Sound, Some(lifecycle)) = (part.soundness, action.lifecycle()) else {
        // The command is generated, so that its uses cause no second error.
        return quote!(#private::Handler::Now(|_, _| #private::core::unreachable!()));
    };
    let self_type = scope.self_type;
    let command = generated_ident(&action.command);
    let has_fields = action.fields().next().is_some();
    let decoded =
        has_fields.then(|| quote!(let __fluvius_command = __fluvius_call.command::<#command>();));
    let state = (lifecycle == Lifecycle::Update)
        .then(|| quote!(let mut __fluvius_state = __fluvius_call.state::<#self_type>();));
    // At the name of the method, for a message about a future that is not `Send`.
    let call = call(scope, action, lifecycle);
    // At the return type, for a message about a type that is not a `Result`.
    let place = action.outcome.as_ref().map(|outcome| outcome.place());
    let outcome = outcome(scope, action, lifecycle);
    let outcome = at(generated(place.unwrap_or(action.method.span())), outcome);
    let body = quote! {
        #decoded
        #state
        let __fluvius_result = #call;
        #outcome
    };
    if action.is_async {
        quote! {
            #private::Handler::Later(|__fluvius_call, __fluvius_cx| {
                #private::Box::pin(async move { #body })
            })
        }
    } else {
        quote!(#private::Handler::Now(|__fluvius_call, __fluvius_cx| { #body }))
    }
}

/// Generates the call of the author's method.
fn call(scope: &Scope<'_>, action: &Action, lifecycle: Lifecycle) -> TokenStream {
    let private = &scope.inner;
    let self_type = scope.self_type;
    let method = generated_ident(&action.method);
    let receiver = match lifecycle {
        Lifecycle::Create => None,
        Lifecycle::Update => Some(quote!(&mut __fluvius_state)),
        Lifecycle::Unchanged => Some(quote!(__fluvius_call.state_ref::<#self_type>())),
        Lifecycle::Close => Some(quote!(__fluvius_call.state::<#self_type>())),
    };
    let arguments = action.arguments.iter().map(|argument| match argument {
        Argument::Field(field) => {
            let ident = generated_ident(&field.ident);
            quote!(__fluvius_command.#ident)
        }
        Argument::Context(ty) => {
            quote!(<#ty as #private::IsActionContext>::of(__fluvius_cx))
        }
        Argument::Invalid(_) => quote!(__fluvius_cx),
    });
    let arguments = receiver.into_iter().chain(arguments);
    // The type keeps its span, so that the compiler reports a fault in it once.
    let place = generated(action.method.span());
    let (open, path) = (at(place, quote!(<)), at(place, quote!(>::#method(#(#arguments),*))));
    let call = quote!(#open #self_type #path);
    if !action.is_async {
        return call;
    }
    let (assertion, wait) = (at(place, quote!(#private::assert_send)), at(place, quote!(.await)));
    let mut call = proc_macro2::Group::new(proc_macro2::Delimiter::Parenthesis, call);
    call.set_span(place);
    quote!(#assertion #call #wait)
}

fn outcome(scope: &Scope<'_>, action: &Action, lifecycle: Lifecycle) -> TokenStream {
    let private = &scope.inner;
    let self_type = scope.self_type;
    // States the type, which detects a type named `Result` with its data in another place.
    let outcome = action.outcome.as_ref();
    let data = outcome.and_then(|outcome| outcome.ok.clone());
    let has_data = action.outcome.as_ref().is_some_and(|outcome| outcome.answer == Answer::Data);
    match (lifecycle, has_data) {
        (Lifecycle::Create, _) => quote!(#private::created::<#self_type, _>(__fluvius_result)),
        (Lifecycle::Update, false) => quote!(#private::updated(__fluvius_state, __fluvius_result)),
        (Lifecycle::Update, true) => match (data, outcome) {
            (None, Some(Outcome { ty, .. })) => {
                quote!(#private::probe!(#ty, updated_with_data)(__fluvius_state, __fluvius_result))
            }
            (data, _) => {
                let function = quote!(#private::updated_with_data::<#data, _, _>);
                quote!(#function(__fluvius_state, __fluvius_result))
            }
        },
        (Lifecycle::Unchanged | Lifecycle::Close, false) => {
            quote!(#private::unchanged(__fluvius_result))
        }
        (Lifecycle::Unchanged | Lifecycle::Close, true) => match (data, outcome) {
            (None, Some(Outcome { ty, .. })) => {
                quote!(#private::probe!(#ty, unchanged_with_data)(__fluvius_result))
            }
            (data, _) => quote!(#private::unchanged_with_data::<#data, _>(__fluvius_result)),
        },
    }
}
