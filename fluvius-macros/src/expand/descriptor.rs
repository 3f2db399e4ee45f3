//! Generates the descriptor of an action, which the runtime and tools read.

use proc_macro2::{Span, TokenStream};
use quote::quote;

use super::spans::{at, generated_ident};
use super::{Part, Scope};
use crate::model::{Action, Field, Lifecycle, PrivatePath, timeout};

/// Generates the descriptor, with only the fields that differ from the defaults.
pub(crate) fn action(scope: &Scope<'_>, part: &Part<'_>) -> TokenStream {
    let private = &scope.inner;
    let action = part.action;
    let command = action.command.to_string();
    let method = &action.method_name;
    let docs = action.docs.text(private);
    let lifecycle = match action.lifecycle().unwrap_or(Lifecycle::Unchanged) {
        Lifecycle::Create => quote!(Create),
        Lifecycle::Update => quote!(Update),
        Lifecycle::Unchanged => quote!(Unchanged),
        Lifecycle::Close => quote!(Close),
    };
    let event = action.event.as_ref().map(|event| {
        let ident = generated_ident(&event.ident);
        quote!(event: #private::probe!(#ident, RECORDED),)
    });
    let resources = action.resources.as_ref().unwrap_or(&scope.aggregate.resources);
    let fields: Vec<TokenStream> = action.fields().map(|each| field(private, each)).collect();
    let fields = (!fields.is_empty()).then(|| quote!(fields: &[#(#fields),*],));
    let flags = flags(private, action);
    let location = location(private, action.method.span());
    let key = &action.key;
    quote! {
        #private::ActionDescriptor {
            command: #command,
            method: #method,
            docs: #docs,
            lifecycle: #private::Lifecycle::#lifecycle,
            #event
            resources: &[#(#resources),*],
            #fields
            #flags
            location: #location,
            ..#private::ActionDescriptor::of::<Self>(#key)
        }
    }
}

fn flags(private: &PrivatePath, action: &Action) -> TokenStream {
    let internal = action.internal.then(|| quote!(internal: true,));
    let if_match = action.if_match.is_some().then(|| quote!(if_match_required: true,));
    let deprecated = action.deprecated.as_ref().map(|deprecated| match &deprecated.condition {
        Some(condition) => quote!(deprecated: #private::core::cfg!(#condition),),
        None => quote!(deprecated: true,),
    });
    let timeout =
        action.timeout.as_ref().and_then(|written| timeout::milliseconds(&written.value())).map(
            |milliseconds| {
                quote! {
                    timeout: #private::core::option::Option::Some(
                        #private::core::time::Duration::from_millis(#milliseconds)
                    ),
                }
            },
        );
    quote!(#internal #if_match #timeout #deprecated)
}

fn field(private: &PrivatePath, field: &Field) -> TokenStream {
    let name = &field.name;
    let type_name = field.type_name();
    let docs = field.docs.text(private);
    let base = quote!(#private::FieldDescriptor::of(#name, #type_name, #docs));
    let aliases = &field.aliases;
    let aliases = (!aliases.is_empty()).then(|| quote!(aliases: &[#(#aliases),*],));
    let optional = field.is_optional().then(|| quote!(optional: true,));
    let secret = field.secret.then(|| quote!(secret: true,));
    if aliases.is_none() && optional.is_none() && secret.is_none() {
        return base;
    }
    quote!(#private::FieldDescriptor { #aliases #optional #secret ..#base })
}

/// Generates the author's module, file and line. The span is the author's own, because `line!()`
/// returns the line of its outermost call.
pub(crate) fn location(private: &PrivatePath, place: Span) -> TokenStream {
    at(place, quote!(#private::location!()))
}
