//! Generates the hidden functions behind `#[arg(default)]`, which serde calls.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Lit};

use super::Scope;
use super::spans::generated;
use crate::model::{Action, Field, names};

/// Generates the functions. The expression of a default is in a function of the aggregate type, so
/// that `Self` means that type. serde takes the path of a function only as text, which cannot
/// express every path to the type. So a second function is next to the command.
pub(crate) fn defaults(scope: &Scope<'_>, action: &Action) -> Option<TokenStream> {
    let private = scope.private;
    let self_type = scope.self_type;
    let attributes = scope.item_attributes(action);
    let (mut values, mut functions) = (TokenStream::new(), TokenStream::new());
    for field in action.fields() {
        let Some(default) = &field.default else { continue };
        let name = function(action, field);
        let ty = &field.ty;
        let value = match default {
            Some(expr) => {
                let on_aggregate = function_on_aggregate(action, field);
                let expr = value(private, field, expr);
                values.extend(quote!(#[doc(hidden)] fn #on_aggregate() -> #ty { #expr }));
                quote!(<#self_type>::#on_aggregate())
            }
            // With the span of the type: the compiler reports a missing `Default` there.
            None => {
                let place = generated(field.written.span());
                quote_spanned!(place=> <#ty as #private::core::default::Default>::default())
            }
        };
        functions.extend(quote!(#attributes #[doc(hidden)] fn #name() -> #ty { #value }));
    }
    let values = (!values.is_empty()).then(|| quote!(#attributes impl #self_type { #values }));
    (!functions.is_empty()).then(|| quote!(#values #functions))
}

/// Returns the expression of a default. A string literal is converted to the type of the field.
fn value(private: &crate::model::PrivatePath, field: &Field, expr: &Expr) -> TokenStream {
    let ty = &field.ty;
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
            let place = generated(text.span());
            quote_spanned!(place=> <#ty as #private::core::convert::From<&str>>::from(#text))
        }
        _ => quote!(#expr),
    }
}

/// Returns the name of the function that serde calls, unique in its module as the command is.
pub(crate) fn function(action: &Action, field: &Field) -> Ident {
    named(&names::snake(&action.command.to_string()), field)
}

fn function_on_aggregate(action: &Action, field: &Field) -> Ident {
    named(&action.method_name, field)
}

fn named(action: &str, field: &Field) -> Ident {
    // The length prefix makes the name unique for each pair of names.
    format_ident!(
        "__fluvius_default_{}_{}_{}",
        action.len(),
        action,
        names::plain(&field.ident),
        span = generated(field.ident.span())
    )
}
