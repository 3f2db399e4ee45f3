//! The spans of generated tokens.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::model::names;

/// Returns the author's span, marked as generated: messages point there, and style lints ignore it.
pub(crate) fn generated(place: Span) -> Span {
    place.resolved_at(Span::call_site())
}

pub(crate) fn generated_ident(ident: &Ident) -> Ident {
    names::placed(ident, generated(ident.span()))
}

/// Returns the name of the author's item for the output of a derive. The name of a deprecated item
/// is marked as generated, so that its use causes no warning.
pub(crate) fn own_name(ident: &Ident, is_deprecated: bool) -> Ident {
    if is_deprecated { generated_ident(ident) } else { ident.clone() }
}

/// Builds an item whose head and braces have one span, for the compiler's messages about the item
/// as a whole. The tokens inside keep their spans.
pub(crate) fn item(place: Span, head: TokenStream, body: TokenStream) -> TokenStream {
    let place = generated(place);
    let mut braces = Group::new(Delimiter::Brace, body);
    braces.set_span(place);
    let mut item = at(place, head);
    item.extend([TokenTree::Group(braces)]);
    item
}

/// Builds an `impl` whose words have one span. The types keep their spans, so that the compiler
/// reports one fault in the author's type instead of one per use.
pub(crate) fn implementation(
    place: Span,
    head: TokenStream,
    types: &TokenStream,
    body: TokenStream,
) -> TokenStream {
    let place = generated(place);
    let mut braces = Group::new(Delimiter::Brace, body);
    braces.set_span(place);
    let mut item = at(place, head);
    item.extend(types.clone());
    item.extend([TokenTree::Group(braces)]);
    item
}

/// Gives all tokens one span.
pub(crate) fn at(place: Span, tokens: TokenStream) -> TokenStream {
    names::all_placed(tokens, place)
}
