//! Generates the command struct of an action, and its `impl Command`.

use proc_macro2::TokenStream;
use quote::quote;

use super::shape::{self, ShapeField, shape};
use super::spans::{self, at, generated, generated_ident};
use super::{Part, Scope, conditions, descriptor, docs, field, handler};
use crate::model::{Action, Answer, Field, names};

pub(crate) fn structure(scope: &Scope<'_>, action: &Action) -> TokenStream {
    let ident = &action.command;
    let attributes = scope.item_attributes(action);
    let deprecated = action.deprecated.as_ref().map(|deprecated| &deprecated.attribute);
    let about = docs::of_command(scope, action);
    let computed = action.docs.computed();
    let vis = &scope.aggregate.vis;
    let fields = action.fields().map(|each| field::field(scope, action, each));
    let item = spans::item(action.method.span(), quote!(#vis struct #ident), quote!(#(#fields),*));
    quote! {
        #attributes
        #(#computed)*
        #[doc = #about]
        #deprecated
        #item
    }
}

/// Generates the impls that a derive would generate.
pub(crate) fn fields(scope: &Scope<'_>, action: &Action) -> TokenStream {
    let private = &scope.inner;
    let ident = generated_ident(&action.command);
    let fields: Vec<ShapeField> =
        action.fields().map(|field| ShapeField::of(action, field)).collect();
    let (options, fields) = shape(&ident, Some(quote!(deny_unknown_fields)), &fields);
    // A derived `Debug` would show secrets.
    let without_debug = action.has_secrets().then(|| quote!((serde)));
    quote!(#private::fields! { #without_debug #ident #options #fields })
}

/// Generates a `Debug` impl that hides secrets, if a field is secret.
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
        let ty = &field.ty;
        if field.secret {
            quote!(.field(#name, &#private::core::format_args!("[secret]")))
        } else {
            quote!(.field(#name, #private::probe!(#ty, shown)(&self.#ident)))
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
        // The answer shares the state with the runtime, since a state may be large.
        _ => quote!(#private::Arc<#self_type>),
    };
    let descriptor = descriptor::action(scope, part);
    let run = handler::run(scope, part);
    let conditions = conditions::of_command(scope, part);
    let record = action.has_secrets().then(|| record(scope, action));
    let implementation = spans::implementation(
        action.method.span(),
        quote!(impl #private::Command for #ident),
        &conditions,
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

/// Generates the function that encodes the stored part of a command with secrets: the other fields.
fn record(scope: &Scope<'_>, action: &Action) -> TokenStream {
    let private = &scope.inner;
    let serde = scope.inner.serde();
    let kept: Vec<&Field> = action.fields().filter(|field| !field.secret).collect();
    let lifetime = (!kept.is_empty()).then(|| quote!(<'a>));
    let shape_of = |field: &&Field| ShapeField::of(action, field);
    let types: Vec<ShapeField> = kept.iter().map(shape_of).collect();
    let aliases = shape::aliases(&types);
    let bound = shape::bound(&types, &action.command);
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
            #aliases
            #[derive(#private::Serialize)]
            #[serde(crate = #serde, bound = #bound)]
            struct __FluviusRecorded #lifetime { #(#declared),* }
            #private::encode(&__FluviusRecorded { #(#filled),* })
        }
    }
}
