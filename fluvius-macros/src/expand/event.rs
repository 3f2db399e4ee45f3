//! The event struct of an action with an `evt_key`.

use proc_macro2::TokenStream;
use quote::quote;

use super::spans::{self, at, generated, generated_ident};
use super::{Scope, docs, field};
use crate::model::Action;

/// Older events stay readable: unknown fields are passed over, and what is
/// left out takes its default.
pub(crate) fn structure(scope: &Scope<'_>, action: &Action) -> Option<TokenStream> {
    let event = action.event.as_ref()?;
    let private = scope.private;
    let ident = &event.ident;
    let (import, serde) = private.serde_beside(ident);
    let attributes = scope.item_attributes(action);
    let import = import.map(|import| quote!(#attributes #import));
    let about = docs::of_event(scope, action, event);
    let vis = &scope.aggregate.vis;
    // A parameter named `data` is refused where the event has data.
    let has_data = action.event_has_data();
    let fields = action
        .fields()
        .filter(|each| !(each.secret || has_data && each.ident == "data"))
        .map(|each| field::field(scope, action, each));
    let data = action.outcome.as_ref().filter(|_| has_data);
    let data = data.map(|outcome| {
        let about = docs::of_data(scope, action);
        let ty = outcome.data(private);
        let data = at(generated(outcome.place()), quote!(#vis data: #ty));
        quote!(#[doc = #about] #data)
    });
    let fields = fields.chain(data);
    let derives = at(
        generated(action.method.span()),
        quote! {
            #[derive(#private::Clone, #private::Debug)]
            #[derive(#private::Serialize, #private::Deserialize)]
            #[serde(crate = #serde)]
        },
    );
    let item = spans::item(action.method.span(), quote!(#vis struct #ident), quote!(#(#fields),*));
    Some(quote! {
        #import
        #attributes
        #[doc = #about]
        #derives
        #item
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
    let implementation = spans::item(
        action.method.span(),
        quote!(impl #private::Event for #ident),
        quote! {
            type Aggregate = #self_type;
            const EVENT: &'static #private::EventDescriptor =
                &#private::EventDescriptor::of(#key, #name, #text);
        },
    );
    Some(quote!(#[automatically_derived] #implementation))
}
