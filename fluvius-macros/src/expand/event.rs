//! The event struct of an action with an `evt_key`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use super::spans::{generated_ident, generated_tokens};
use super::{Scope, docs, field};
use crate::model::Action;

/// Older events stay readable: unknown fields are passed over, and what is
/// left out takes its default.
pub(crate) fn structure(scope: &Scope<'_>, action: &Action) -> Option<TokenStream> {
    let event = action.event.as_ref()?;
    let private = scope.private;
    let serde = private.serde();
    let attributes = scope.item_attributes(action);
    let about = docs::of_event(scope, action, event);
    let vis = generated_tokens(scope.aggregate.vis.to_token_stream());
    let ident = generated_ident(&event.ident);
    let fields =
        action.fields().filter(|each| !each.secret).map(|each| field::field(scope, action, each));
    let data = action.outcome.as_ref().filter(|_| action.event_has_data());
    let data = data.map(|outcome| {
        let about = docs::of_data(scope, action);
        let ty = &outcome.ty;
        quote! {
            #[doc = #about]
            #vis data: <#ty as #private::ActionResult>::Data
        }
    });
    let fields = fields.chain(data);
    Some(quote! {
        #attributes
        #[doc = #about]
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #[derive(#private::Serialize, #private::Deserialize)]
        #[serde(crate = #serde)]
        #vis struct #ident { #(#fields),* }
    })
}

pub(crate) fn implementation(scope: &Scope<'_>, action: &Action) -> Option<TokenStream> {
    let event = action.event.as_ref()?;
    let private = &scope.inner;
    let self_type = scope.self_type;
    let ident = generated_ident(&event.ident);
    let name = ident.to_string();
    let key = &event.key;
    let text = docs::event_sentence(scope, action);
    Some(quote! {
        #[automatically_derived]
        impl #private::Event for #ident {
            type Aggregate = #self_type;
            const EVENT: &'static #private::EventDescriptor =
                &#private::EventDescriptor::of(#key, #name, #text);
        }
    })
}
