//! Where generated tokens say that they come from.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::model::names;

/// The author's place, marked as made by a macro: messages point there, and
/// lints about style leave it alone.
pub(crate) fn generated(place: Span) -> Span {
    place.resolved_at(Span::call_site())
}

pub(crate) fn generated_ident(ident: &Ident) -> Ident {
    names::placed(ident, generated(ident.span()))
}

/// Returns the name of the author's item for the output of a derive. A deprecated one is marked as
/// generated, so that it does not warn of itself.
pub(crate) fn own_name(ident: &Ident, is_deprecated: bool) -> Ident {
    if is_deprecated { generated_ident(ident) } else { ident.clone() }
}

/// An item of which the head and the braces stand at one place: there the
/// compiler points when it has something to say about the item as a whole.
/// What is inside keeps its own places.
pub(crate) fn item(place: Span, head: TokenStream, body: TokenStream) -> TokenStream {
    let place = generated(place);
    let mut braces = Group::new(Delimiter::Brace, body);
    braces.set_span(place);
    let mut item = at(place, head);
    item.extend([TokenTree::Group(braces)]);
    item
}

/// An `impl` of which the words stand at one place. The types keep their own places, so that the compiler finds one fault
/// in the author's type, and not one more for each use.
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

/// Moves all tokens to one place.
pub(crate) fn at(place: Span, tokens: TokenStream) -> TokenStream {
    names::all_placed(tokens, place)
}
