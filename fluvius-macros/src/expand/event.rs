//! Generates the event struct of an action with an `evt_key`.

use proc_macro2::TokenStream;
use quote::quote;

use super::shape::{ShapeField, shape};
use super::spans::{self, at, generated, generated_ident};
use super::{Scope, docs, field, hidden_attributes};
use crate::model::{Action, Field};

/// Generates the struct. Older events stay readable: unknown fields are ignored, and missing ones
/// get their defaults.
pub(crate) fn structure(scope: &Scope<'_>, action: &Action) -> Option<TokenStream> {
    let event = action.event.as_ref()?;
    let private = scope.private;
    let attributes = scope.item_attributes(action);
    let about = docs::of_event(scope, action, event);
    let vis = &scope.aggregate.vis;
    let ident = &event.ident;
    let fields = kept(action).map(|each| field::field(scope, action, each));
    let data = action.outcome.as_ref().filter(|_| action.event_has_data());
    let data = data.map(|outcome| {
        let about = docs::of_data(scope, action);
        let ty = outcome.data(private);
        let data = at(generated(outcome.place()), quote!(#vis data: #ty));
        quote!(#[doc = #about] #data)
    });
    let fields = fields.chain(data);
    let item = spans::item(action.method.span(), quote!(#vis struct #ident), quote!(#(#fields),*));
    Some(quote! {
        #attributes
        #[doc = #about]
        #item
    })
}

/// Generates the impls that a derive would generate, and `impl Event`.
pub(crate) fn implementation(scope: &Scope<'_>, action: &Action) -> Option<TokenStream> {
    let event = action.event.as_ref()?;
    let private = scope.private;
    let self_type = scope.self_type;
    let ident = generated_ident(&event.ident);
    let key = &event.key;
    let text = docs::event_sentence(scope, action);
    let data = action.outcome.as_ref().filter(|_| action.event_has_data());
    let data = data.map(|outcome| ShapeField::plain(quote!(data), outcome.data(private)));
    let fields = kept(action).map(|field| ShapeField::of(action, field));
    let fields: Vec<ShapeField> = fields.chain(data).collect();
    let (options, fields) = shape(&ident, None, &fields);
    let attributes = hidden_attributes(scope, action);
    Some(quote! {
        #private::event! { [#attributes] #ident of #self_type, #key, #text, #options #fields }
    })
}

/// Returns the parameters that are fields of the event. A parameter named `data` is excluded if the
/// event has data.
fn kept(action: &Action) -> impl Iterator<Item = &Field> {
    let has_data = action.event_has_data();
    action.fields().filter(move |field| !(field.secret || has_data && field.ident == "data"))
}
