//! The fields of a generated struct as serde's derives see them.
//!
//! The `bound` of serde's impls is a text, which cannot express every type. So each type has an
//! alias.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{format_ident, quote};

use super::field;
use super::spans::generated_ident;
use crate::model::{Action, Field};

/// A field: its attributes, its name and its type.
pub(crate) struct ShapeField {
    attributes: Option<TokenStream>,
    ident: TokenStream,
    ty: TokenStream,
}

impl ShapeField {
    /// Returns the field of a parameter.
    pub(crate) fn of(action: &Action, source: &Field) -> Self {
        let ident = generated_ident(&source.ident);
        Self {
            attributes: field::serde_attribute(action, source),
            ident: quote!(#ident),
            ty: source.ty.clone(),
        }
    }

    /// Returns a field without attributes.
    pub(crate) fn plain(ident: TokenStream, ty: TokenStream) -> Self {
        Self { attributes: None, ident, ty }
    }
}

/// Returns the input of the core's macros for a struct: the options for serde, with its name, and
/// its fields.
pub(crate) fn shape(
    ident: &Ident,
    option: Option<TokenStream>,
    fields: &[ShapeField],
) -> (TokenStream, TokenStream) {
    let name = ident.to_string();
    let bound = bound(fields, ident);
    let fields = fields.iter().enumerate().map(|(at, field)| {
        let ShapeField { attributes, ident, ty } = field;
        let alias = alias(at);
        quote!(#attributes #ident: #alias = #ty)
    });
    (quote!([#name #bound #option]), quote!({ #(#fields),* }))
}

/// Declares the aliases of the types.
pub(crate) fn aliases(fields: &[ShapeField]) -> TokenStream {
    let declared = fields.iter().enumerate().map(|(at, field)| {
        let (alias, ty) = (alias(at), &field.ty);
        quote!(type #alias = #ty;)
    });
    declared.collect()
}

/// Returns the conditions of serde's impls. A field of the struct's own type has none, since the
/// impl would be a condition of itself.
pub(crate) fn bound(fields: &[ShapeField], own: &Ident) -> String {
    let conditions = fields
        .iter()
        .enumerate()
        .filter(|(_, field)| !mentions(field.ty.clone(), own))
        .map(|(at, _)| format!("for<'f> {}: _serde::PayloadField", alias(at)));
    conditions.collect::<Vec<_>>().join(", ")
}

fn alias(at: usize) -> Ident {
    format_ident!("__Field{at}")
}

fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
