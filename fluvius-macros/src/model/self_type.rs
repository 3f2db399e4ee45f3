//! The type of the block, and the replacement of `Self` by it.
//!
//! Generated items are outside of the impl block, where `Self` would mean another type.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{PathArguments, Type};

use super::names;
use crate::parse::token_text::{identity_text, type_text};

/// The aggregate's type as the author wrote it.
pub(crate) struct SelfType {
    pub(crate) ty: Type,
    /// The last segment of the path.
    pub(crate) ident: Ident,
    /// Set if it is written as a single name, which is then in scope.
    pub(crate) is_one_word: bool,
    /// Set if it has generic arguments, as in `Account<Eur>`.
    pub(crate) has_arguments: bool,
    /// The path without generic arguments, for links.
    pub(crate) link: String,
}

impl SelfType {
    /// Returns `None` if the type is not written as a path.
    pub(crate) fn lower(ty: &Type) -> Option<Self> {
        let path = match ty {
            Type::Path(path) if path.qself.is_none() => &path.path,
            Type::Group(group) => return Self::lower(&group.elem),
            Type::Paren(paren) => return Self::lower(&paren.elem),
            _ => return None,
        };
        let last = path.segments.last()?;
        let segments = path.segments.iter().map(|segment| segment.ident.to_string());
        let leading = if path.leading_colon.is_some() { "::" } else { "" };
        Some(Self {
            ty: ty.clone(),
            ident: last.ident.clone(),
            is_one_word: path.leading_colon.is_none() && path.segments.len() == 1,
            has_arguments: !matches!(last.arguments, PathArguments::None),
            link: format!("{leading}{}", segments.collect::<Vec<_>>().join("::")),
        })
    }

    /// Returns true if `other` is `Self` or this type as written.
    pub(crate) fn is_named_by(&self, other: &Type) -> bool {
        type_text(other) == "Self" || identity_text(other) == identity_text(&self.ty)
    }

    /// Returns the tokens with each `Self` replaced.
    pub(crate) fn replace_in(&self, tokens: TokenStream) -> TokenStream {
        let mut out = TokenStream::new();
        let mut stream = tokens.into_iter().peekable();
        while let Some(token) = stream.next() {
            match token {
                TokenTree::Ident(word) if word == "Self" => {
                    let next = stream.peek();
                    let is_path =
                        matches!(next, Some(TokenTree::Punct(next)) if next.as_char() == ':');
                    out.extend(self.in_place_of(word.span(), is_path));
                }
                TokenTree::Group(group) => {
                    let mut replaced =
                        Group::new(group.delimiter(), self.replace_in(group.stream()));
                    replaced.set_span(group.span());
                    out.extend([TokenTree::Group(replaced)]);
                }
                other => out.extend([other]),
            }
        }
        out
    }

    /// Keeps the span of the author's `Self`, so that errors point at it.
    fn in_place_of(&self, span: Span, is_path: bool) -> TokenStream {
        let ty = &self.ty;
        let tokens = if is_path { quote!(<#ty>) } else { quote!(#ty) };
        names::all_placed(tokens, span)
    }
}

impl ToTokens for SelfType {
    fn to_tokens(&self, out: &mut TokenStream) {
        self.ty.to_tokens(out);
    }
}
