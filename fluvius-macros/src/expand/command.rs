//! The command struct of an action and its `impl Command`.

use proc_macro2::TokenStream;
use quote::quote;

use super::spans::{self, at, generated, generated_ident};
use super::{Part, Scope, descriptor, docs, field, handler};
use crate::model::{Action, Answer, Field, names};

pub(crate) fn structure(scope: &Scope<'_>, action: &Action) -> TokenStream {
    let private = scope.private;
    let ident = &action.command;
    let (import, serde) = private.serde_beside(ident);
    let attributes = scope.item_attributes(action);
    let import = import.map(|import| quote!(#attributes #import));
    let deprecated = action.deprecated.as_ref().map(|deprecated| &deprecated.attribute);
    let about = docs::of_command(scope, action);
    let computed = action.docs.computed();
    let vis = &scope.aggregate.vis;
    let fields = action.fields().map(|each| field::field(scope, action, each));
    // A derived `Debug` would show what is secret.
    let debug = (!action.has_secrets()).then(|| quote!(#private::Debug));
    let derives = at(
        generated(action.method.span()),
        quote! {
            #[derive(#private::Clone, #debug)]
            #[derive(#private::Serialize, #private::Deserialize)]
            #[serde(crate = #serde, deny_unknown_fields)]
        },
    );
    let item = spans::item(action.method.span(), quote!(#vis struct #ident), quote!(#(#fields),*));
    quote! {
        #import
        #attributes
        #(#computed)*
        #[doc = #about]
        #deprecated
        #derives
        #item
    }
}

/// A `Debug` by hand, where a field is secret.
pub(crate) fn debug(scope: &Scope<'_>, action: &Action) -> Option<TokenStream> {
    if !action.has_secrets() {
        return None;
    }
    let private = &scope.inner;
    let ident = generated_ident(&action.command);
    let name = ident.to_string();
    let fields = action.fields().map(|field| {
        let ident = &field.ident;
        let name = names::plain(ident);
        if field.secret {
            quote!(.field(#name, &#private::core::format_args!("[secret]")))
        } else {
            quote!(.field(#name, &self.#ident))
        }
    });
    Some(quote! {
        #[automatically_derived]
        impl #private::core::fmt::Debug for #ident {
            fn fmt(
                &self,
                __fluvius_to: &mut #private::core::fmt::Formatter<'_>,
            ) -> #private::core::fmt::Result {
                __fluvius_to.debug_struct(#name)#(#fields)*.finish()
            }
        }
    })
}

pub(crate) fn implementation(scope: &Scope<'_>, part: &Part<'_>) -> TokenStream {
    let private = &scope.inner;
    let action = part.action;
    let self_type = scope.self_type;
    let ident = generated_ident(&action.command);
    let output = match &action.outcome {
        Some(outcome) if outcome.answer == Answer::Data && outcome.is_sound() => {
            at(generated(outcome.place()), outcome.sent_data(private))
        }
        _ => quote!(#self_type),
    };
    let descriptor = descriptor::action(scope, part);
    let run = handler::run(scope, part);
    let record = action.has_secrets().then(|| record(scope, action));
    let implementation = spans::item(
        action.method.span(),
        quote!(impl #private::Command for #ident),
        quote! {
            type Aggregate = #self_type;
            type Output = #output;
            const ACTION: &'static #private::ActionDescriptor = &#descriptor;
            const RUN: #private::Handler = #run;
            #record
        },
    );
    quote!(#[automatically_derived] #implementation)
}

/// What the logs keep of a command with secrets: the other fields.
fn record(scope: &Scope<'_>, action: &Action) -> TokenStream {
    let private = &scope.inner;
    let serde = scope.inner.serde();
    let kept: Vec<&Field> = action.fields().filter(|field| !field.secret).collect();
    let lifetime = (!kept.is_empty()).then(|| quote!(<'a>));
    let declared = kept.iter().map(|field| {
        let Field { ident, ty, .. } = *field;
        let rename = field.rename.as_ref().map(|rename| quote!(#[serde(rename = #rename)]));
        quote!(#rename #ident: &'a #ty)
    });
    let filled = kept.iter().map(|field| {
        let ident = &field.ident;
        quote!(#ident: &self.#ident)
    });
    quote! {
        fn record(&self) -> #private::core::result::Result<#private::Json, #private::JsonError> {
            #[derive(#private::Serialize)]
            #[serde(crate = #serde)]
            struct __FluviusRecorded #lifetime { #(#declared),* }
            #private::encode(&__FluviusRecorded { #(#filled),* })
        }
    }
}
