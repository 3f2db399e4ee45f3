//! Generates the indexed fields of an aggregate type, as constants.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

use super::Scope;
use super::spans::generated;
use crate::keywords;
use crate::model::{Index, names};
use crate::parse::{IndexPlace, IndexedFields};

/// Generates the constant. Returns nothing if no field is listed, since the default of the trait
/// applies.
pub(crate) fn constant(scope: &Scope<'_>) -> Option<TokenStream> {
    let private = &scope.inner;
    let indexes: Vec<TokenStream> = known(scope)
        .map(|(index, kind)| {
            let path = &index.path;
            let kind = quote::format_ident!("{}", names::upper_camel(&kind));
            quote!(#private::FieldIndex { path: #path, kind: #private::Kind::#kind })
        })
        .collect();
    (!indexes.is_empty())
        .then(|| quote!(const INDEXES: &'static [#private::FieldIndex] = &[#(#indexes),*];))
}

/// Returns the input of the derive that names every field, so that a missing field is an error at
/// its token. The output of a derive may name a deprecated field without a warning.
pub(crate) fn assertion(scope: &Scope<'_>) -> Option<TokenStream> {
    let private = &scope.inner;
    let self_type = scope.self_type;
    let fields: Vec<&Ident> = known(scope)
        .filter_map(|(index, _)| match &index.place {
            IndexPlace::Field(field) => Some(field),
            IndexPlace::Path(_) => None,
        })
        .collect();
    (!fields.is_empty()).then(|| {
        quote! {
            #[derive(#private::IndexedFields)]
            #[fluvius_indexed(#self_type; #(#fields),*)]
            struct __FluviusIndexed;
        }
    })
}

/// Returns the output of that derive: a closure that names every field.
pub(crate) fn fields(fields: &IndexedFields) -> TokenStream {
    let IndexedFields { ty, fields } = fields;
    let fields = fields.iter().map(|field| {
        // The name keeps its span, where the compiler looks for a similar one.
        let place = generated(field.span());
        quote_spanned!(place=> let _ = &__fluvius_state.#field;)
    });
    quote!(const _: fn(&#ty) = |__fluvius_state| { #(#fields)* };)
}

/// Returns the fields whose kind exists.
fn known<'a>(scope: &'a Scope<'_>) -> impl Iterator<Item = (&'a Index, String)> {
    scope.aggregate.indexes.iter().filter_map(|index| {
        let kind = index.kind.as_ref()?.to_string();
        keywords::KINDS.contains(&kind.as_str()).then_some((index, kind))
    })
}
