//! Generates the descriptor of an action, which the runtime and tools read.

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::Expr;

use super::spans::{at, generated_ident};
use super::{Part, Scope};
use crate::model::outcome::ok_type;
use crate::model::{Action, Answer, Field, Lifecycle, PrivatePath, example, timeout};
use crate::parse::token_text::type_text;

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
    let output = sent_data(private, action).map(|(data, name)| {
        let schema = optional(private, &Some(quote!(#private::schema!(#data, #name))));
        quote!(output: #schema,)
    });
    let error = action.outcome.as_ref().filter(|outcome| outcome.is_sound());
    let codes = error.map(|outcome| {
        let error = outcome.error(private);
        quote!(codes: #private::probe!(#error, CODES),)
    });
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
            #output
            #codes
            #flags
            location: #location,
            ..#private::ActionDescriptor::of::<Self>(#key)
        }
    }
}

fn flags(private: &PrivatePath, action: &Action) -> TokenStream {
    let internal = action.internal.then(|| quote!(internal: true,));
    let if_match = action.if_match.is_some().then(|| quote!(if_match_required: true,));
    let deprecated = action.deprecated.as_ref().map(|deprecated| {
        let (since, note) =
            (optional(private, &deprecated.since), optional(private, &deprecated.note));
        let some = quote!(#private::core::option::Option::Some(
            #private::Deprecation::of(#since, #note)
        ));
        match &deprecated.condition {
            Some(condition) => quote! {
                deprecated: if #private::core::cfg!(#condition) {
                    #some
                } else {
                    #private::core::option::Option::None
                },
            },
            None => quote!(deprecated: #some,),
        }
    });
    let sunset = action.sunset.as_ref().map(|sunset| {
        let sunset = optional(private, &Some(sunset));
        quote!(sunset: #sunset,)
    });
    let mcp = action.mcp.as_ref().map(|mcp| quote!(mcp: #mcp,));
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
    let body_limit = action.body_limit.as_ref().map(|limit| {
        let bytes = Literal::u32_unsuffixed(limit.value);
        let bytes = optional(private, &Some(bytes));
        quote!(body_limit: #bytes,)
    });
    quote!(#internal #if_match #timeout #body_limit #deprecated #sunset #mcp)
}

/// Generates an `Option` of a literal.
fn optional(private: &PrivatePath, value: &Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(#private::core::option::Option::Some(#value)),
        None => quote!(#private::core::option::Option::None),
    }
}

/// Returns the type of the data that the action answers with, and its name as written; `None` if
/// that is the state.
fn sent_data(private: &PrivatePath, action: &Action) -> Option<(TokenStream, String)> {
    let outcome = action.outcome.as_ref()?;
    let has_data = outcome.answer == Answer::Data && outcome.is_sound();
    let written = ok_type(&outcome.written).unwrap_or(&outcome.written);
    has_data.then(|| (outcome.sent_data(private), type_text(written)))
}

fn field(private: &PrivatePath, field: &Field) -> TokenStream {
    let name = &field.name;
    let type_name = field.type_name();
    let docs = field.docs.text(private);
    let schema = match &field.schema {
        Some(function) => quote!(= #function),
        None => field.ty.clone(),
    };
    let base = quote!(#private::field!(#name, #type_name, #docs, #schema));
    let aliases = &field.aliases;
    let aliases = (!aliases.is_empty()).then(|| quote!(aliases: &[#(#aliases),*],));
    let optional_field = field.is_optional().then(|| quote!(optional: true,));
    let secret = field.secret.then(|| quote!(secret: true,));
    let default = field.default.as_ref().and_then(Option::as_ref).filter(|_| !field.secret);
    let default = json(private, default).map(|text| quote!(default: #text,));
    let example = json(private, field.example.as_ref()).map(|text| quote!(example: #text,));
    let options = quote!(#aliases #optional_field #secret #default #example);
    if options.is_empty() {
        return base;
    }
    quote!(#private::FieldDescriptor { #options ..#base })
}

/// Returns a literal as JSON text.
fn json(private: &PrivatePath, literal: Option<&Expr>) -> Option<TokenStream> {
    let text = example::of_literal(literal?)?;
    Some(optional(private, &Some(text)))
}

/// Generates the author's module, file and line. The span is the author's own, because `line!()`
/// returns the line of its outermost call.
pub(crate) fn location(private: &PrivatePath, place: Span) -> TokenStream {
    at(place, quote!(#private::location!()))
}
