//! The fields that commands and events share.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use super::spans::{at, generated, generated_ident};
use super::{Scope, defaults, docs};
use crate::model::{Action, Field};

/// Generates a field with its docs.
pub(crate) fn field(scope: &Scope<'_>, action: &Action, field: &Field) -> TokenStream {
    let about = docs::of_field(scope, action, field);
    let computed = field.docs.computed();
    // The whole field has the span of the parameter, since messages of derives cover it.
    let place = generated(field.ident.span());
    let vis = at(place, scope.aggregate.vis.to_token_stream());
    let ident = generated_ident(&field.ident);
    let ty = &field.ty;
    quote! {
        #(#computed)*
        #[doc = #about]
        #vis #ident: #ty
    }
}

/// Returns the options of a field for serde.
pub(crate) fn serde_attribute(action: &Action, field: &Field) -> Option<TokenStream> {
    let mut options: Vec<TokenStream> = Vec::new();
    if let Some(rename) = &field.rename {
        options.push(quote!(rename = #rename));
    }
    options.extend(field.aliases.iter().map(|alias| quote!(alias = #alias)));
    if field.default.is_some() {
        let path = defaults::function(action, field).to_string();
        options.push(quote!(default = #path));
    }
    (!options.is_empty()).then(|| quote!(#[serde(#(#options),*)]))
}
