//! Where generated tokens say that they come from.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

/// The author's place, marked as made by a macro: messages point there, and
/// lints about style leave it alone.
pub(crate) fn generated(place: Span) -> Span {
    place.resolved_at(Span::call_site())
}

pub(crate) fn generated_ident(ident: &Ident) -> Ident {
    let mut ident = ident.clone();
    ident.set_span(generated(ident.span()));
    ident
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

/// All tokens at one place.
pub(crate) fn at(place: Span, tokens: TokenStream) -> TokenStream {
    with_spans(tokens, &|_| place)
}

fn with_spans(tokens: TokenStream, span: &impl Fn(Span) -> Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|token| match token {
            TokenTree::Group(group) => {
                let mut placed = Group::new(group.delimiter(), with_spans(group.stream(), span));
                placed.set_span(span(group.span()));
                TokenTree::Group(placed)
            }
            mut other => {
                other.set_span(span(other.span()));
                other
            }
        })
        .collect()
}
