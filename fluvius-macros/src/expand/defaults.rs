//! One hidden function for each `#[arg(default = expr)]`, which serde calls.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::Scope;
use super::spans::generated;
use crate::model::{Action, Field, names};
use crate::parse::token_text::token_text;

/// The functions stand on the aggregate, so that `Self` in the expression
/// means what the author sees.
pub(crate) fn defaults(scope: &Scope<'_>, action: &Action) -> Option<TokenStream> {
    let functions: Vec<TokenStream> = action
        .fields()
        .filter_map(|field| {
            let expr = field.default.as_ref()?.as_ref()?;
            let name = function(action, field);
            let ty = &field.ty;
            Some(quote! {
                #[doc(hidden)]
                fn #name() -> #ty { #expr }
            })
        })
        .collect();
    let self_type = scope.self_type;
    let attributes = scope.item_attributes(action);
    (!functions.is_empty()).then(|| {
        quote! {
            #attributes
            impl #self_type { #(#functions)* }
        }
    })
}

/// The path to the function, as text for serde's attribute.
pub(crate) fn path(scope: &Scope<'_>, action: &Action, field: &Field) -> String {
    let ty = token_text(&scope.self_type);
    format!("<{ty}>::{}", function(action, field))
}

fn function(action: &Action, field: &Field) -> Ident {
    // With the length in front no two pairs of names give one name.
    format_ident!(
        "__fluvius_default_{}_{}_{}",
        action.method_name.len(),
        action.method_name,
        names::plain(&field.ident),
        span = generated(field.ident.span())
    )
}
