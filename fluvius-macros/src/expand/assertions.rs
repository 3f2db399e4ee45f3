//! What the author's types must be, asserted at the author's tokens, so that
//! the compiler's message starts in the right place.
//!
//! Only what no other generated line demands at that token is asserted here:
//! the return type is demanded by the handler, the aggregate by its `impl`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::{Part, Scope};
use crate::check::Soundness;
use crate::model::action::contexts;

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
    // Its name alone does not make a type the context.
    let context = contexts(action)
        .map(|ty| quote_spanned!(ty.span()=> #private::assert_context_type::<#ty>();));
    let data = action.outcome.as_ref().filter(|_| action.event_has_data());
    let data = data.map(|outcome| {
        let ty = &outcome.ty;
        quote_spanned! {outcome.place()=>
            #private::assert_event_data::<<#ty as #private::ActionResult>::Data>();
        }
    });
    Some(quote!(#(#fields)* #(#context)* #data))
}
