//! What the author's types must be, asserted at the author's tokens, so that
//! the compiler's message starts in the right place.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use super::{Part, Scope};
use crate::check::Soundness;
use crate::model::action::contexts;
use crate::model::{Action, Answer, Lifecycle};

pub(crate) fn of_action(scope: &Scope<'_>, part: &Part<'_>) -> Option<TokenStream> {
    let action = part.action;
    if part.soundness != Soundness::Sound {
        return None;
    }
    let private = &scope.inner;
    let fields = action.fields().map(|field| {
        let ty = &field.ty;
        quote_spanned!(field.written.span()=> #private::assert_payload_field::<#ty>();)
    });
    let context = contexts(action)
        .map(|ty| quote_spanned!(ty.span()=> #private::assert_context_type::<#ty>();));
    let outcome = of_outcome(scope, action);
    Some(quote! {
        #(#fields)*
        #(#context)*
        #outcome
    })
}

fn of_outcome(scope: &Scope<'_>, action: &Action) -> Option<TokenStream> {
    let private = &scope.inner;
    let self_type = scope.self_type;
    let outcome = action.outcome.as_ref()?;
    let ty = &outcome.ty;
    let place = outcome.written.span();
    let result = if action.lifecycle() == Some(Lifecycle::Creates) {
        quote_spanned!(place=> #private::assert_creates::<#self_type, #ty>();)
    } else {
        quote_spanned!(place=> #private::assert_result::<#ty>();)
    };
    let data = match (outcome.answer, action.event.is_some()) {
        (Answer::State, _) => None,
        (Answer::Data, true) => Some(quote!(assert_event_data)),
        (Answer::Data, false) => Some(quote!(assert_answer)),
    };
    let data = data.map(|assert| {
        quote_spanned!(place=> #private::#assert::<<#ty as #private::ActionResult>::Data>();)
    });
    Some(quote!(#result #data))
}

/// The aggregate itself, at its name in the block's header.
pub(crate) fn of_aggregate(scope: &Scope<'_>) -> TokenStream {
    let private = &scope.inner;
    let self_type = scope.self_type;
    quote_spanned! {self_type.to_token_stream().span()=>
        #private::assert_aggregate::<#self_type>();
    }
}
