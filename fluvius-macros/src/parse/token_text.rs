//! Tokens as text, close enough to the author's source for messages and docs.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Type;

use super::tokens::opened;

/// Returns the tokens as text, without the spaces that printing inserts and without `$crate`, which
/// is not in the author's source.
pub(crate) fn token_text(tokens: &impl ToTokens) -> String {
    tidy(&opened(tokens.to_token_stream()).to_string()).replace("$crate::", "")
}

/// Returns a text to compare tokens. It distinguishes the `$crate` of two macros.
pub(crate) fn identity_text(tokens: &impl ToTokens) -> String {
    with_marked_crates(opened(tokens.to_token_stream())).to_string()
}

fn with_marked_crates(tokens: TokenStream) -> TokenStream {
    tokens
        .into_iter()
        .map(|token| match token {
            TokenTree::Ident(word) if word == "$crate" => {
                TokenTree::Ident(Ident::new(&expansion(word.span()), word.span()))
            }
            TokenTree::Group(group) => {
                let inner = with_marked_crates(group.stream());
                TokenTree::Group(Group::new(group.delimiter(), inner))
            }
            other => other,
        })
        .collect()
}

/// Returns the number of the macro call that a token comes from. The compiler shows it only in the
/// `Debug` text of a span: `#5 bytes(10..15)`. If it is missing, all tokens count as part of one
/// call.
fn expansion(span: Span) -> String {
    let shown = format!("{span:?}");
    let number = shown.strip_prefix('#').unwrap_or_default();
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    format!("__crate_of_{digits}")
}

/// Returns the text of a type. Two types that are written alike have the same text.
pub(crate) fn type_text(ty: &Type) -> String {
    token_text(ty)
}

/// Removes the spaces that printing inserts between tokens.
fn tidy(tokens: &str) -> String {
    const PAIRS: [(&str, &str); 18] = [
        ("# [", "#["),
        (" ! (", "!("),
        (" ! [", "!["),
        (" :: ", "::"),
        (":: ", "::"),
        (" < ", "<"),
        (" <", "<"),
        (" >", ">"),
        (" ,", ","),
        (" ;", ";"),
        (" . ", "."),
        ("( ", "("),
        (" )", ")"),
        (" (", "("),
        ("& ", "&"),
        ("[ ", "["),
        (" ]", "]"),
        (" : ", ": "),
    ];
    let text = PAIRS.iter().fold(tokens.to_owned(), |text, (from, to)| text.replace(from, to));
    // A tuple does not belong to the punctuation before it.
    [(",(", ", ("), ("->(", "-> ("), ("< ", "<")]
        .iter()
        .fold(text, |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::token_text;
    use quote::quote;

    #[test]
    fn tokens_look_as_written() {
        let table = [
            (quote!(Option<Vec<u8>>), "Option<Vec<u8>>"),
            (quote!(&'static str), "&'static str"),
            (quote!(::core::option::Option<[u8; 4]>), "::core::option::Option<[u8; 4]>"),
            (quote!(fn(u8) -> u8), "fn(u8) -> u8"),
            (quote!(vec![1, 2]), "vec![1, 2]"),
            (quote!((u8, (i64,))), "(u8, (i64,))"),
            (quote!(fn() -> (u8, u8)), "fn() -> (u8, u8)"),
            (quote!(HashMap<Uuid, (u8, u8)>), "HashMap<Uuid, (u8, u8)>"),
            (quote!(<Self as HasId>::Id), "<Self as HasId>::Id"),
            (quote!(String::from("EUR")), "String::from(\"EUR\")"),
            (quote!(Self::RATE), "Self::RATE"),
            (quote!(#[cfg(unix)]), "#[cfg(unix)]"),
        ];
        for (tokens, expected) in table {
            assert_eq!(token_text(&tokens).trim_start(), expected);
        }
    }
}
