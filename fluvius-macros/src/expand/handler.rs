//! The function that runs an action: the one small piece of code an action has.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::spans::{generated, generated_ident};
use super::{Part, Scope};
use crate::check::Soundness;
use crate::model::{Action, Answer, Argument, Lifecycle};

/// A closure without captures. The author's parameters are fields of one
/// local, so that no name of theirs can meet a name of ours.
pub(crate) fn run(scope: &Scope<'_>, part: &Part<'_>) -> TokenStream {
    let action = part.action;
    let private = &scope.inner;
    let (Soundness::Sound, Some(lifecycle)) = (part.soundness, action.lifecycle()) else {
        // The command exists, so that its users get no second error.
        return quote!(|_, _| ::core::unreachable!());
    };
    let self_type = scope.self_type;
    let command = generated_ident(&action.command);
    let has_fields = action.fields().next().is_some();
    let decoded =
        has_fields.then(|| quote!(let __fluvius_command = __fluvius_call.command::<#command>();));
    let state = (lifecycle == Lifecycle::Changes)
        .then(|| quote!(let mut __fluvius_state = __fluvius_call.state::<#self_type>();));
    let call = call(scope, action, lifecycle);
    let outcome = outcome(scope, action, lifecycle);
    quote! {
        |__fluvius_call, __fluvius_cx| #private::Box::pin(async move {
            #decoded
            #state
            let __fluvius_result = #call;
            #outcome
        })
    }
}

/// The author's method, called as ordinary Rust.
fn call(scope: &Scope<'_>, action: &Action, lifecycle: Lifecycle) -> TokenStream {
    let private = &scope.inner;
    let self_type = scope.self_type;
    let method = generated_ident(&action.method);
    let receiver = match lifecycle {
        Lifecycle::Creates => None,
        Lifecycle::Changes => Some(quote!(&mut __fluvius_state)),
        Lifecycle::Keeps => Some(quote!(__fluvius_call.state_ref::<#self_type>())),
        Lifecycle::Closes => Some(quote!(__fluvius_call.state::<#self_type>())),
    };
    let arguments = action.arguments.iter().map(|argument| match argument {
        Argument::Field(field) => {
            let ident = generated_ident(&field.ident);
            quote!(__fluvius_command.#ident)
        }
        Argument::Context(_) | Argument::Refused(_) => quote!(__fluvius_cx),
    });
    let arguments = receiver.into_iter().chain(arguments);
    let call = quote!(<#self_type>::#method(#(#arguments),*));
    if !action.is_async {
        return call;
    }
    // The place of the method, where the message about a future that is not
    // `Send` belongs.
    let place = generated(action.method.span());
    quote_spanned!(place=> #private::assert_send(#call).await)
}

fn outcome(scope: &Scope<'_>, action: &Action, lifecycle: Lifecycle) -> TokenStream {
    let private = &scope.inner;
    let self_type = scope.self_type;
    let next = match lifecycle {
        Lifecycle::Creates => {
            return quote!(#private::created::<#self_type, _>(__fluvius_result));
        }
        Lifecycle::Changes => quote!(::core::option::Option::Some(__fluvius_state)),
        Lifecycle::Keeps | Lifecycle::Closes => quote!(::core::option::Option::None),
    };
    let answer = match &action.outcome {
        Some(outcome) if outcome.answer == Answer::Data => quote!(answer_data),
        _ => quote!(answer_state),
    };
    quote!(#private::#answer::<#self_type, _>(#next, __fluvius_result))
}
