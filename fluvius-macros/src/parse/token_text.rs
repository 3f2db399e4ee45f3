//! Tokens as text, near enough to what the author wrote for messages and docs.

use quote::ToTokens;
use syn::Type;

/// The tokens as text, without the spaces that printing leaves between them.
pub(crate) fn token_text(tokens: &impl ToTokens) -> String {
    tidy(&tokens.to_token_stream().to_string())
}

/// The text of a type; two types that are written alike have one text.
pub(crate) fn type_text(ty: &Type) -> String {
    token_text(ty)
}

/// Takes out the spaces that printing tokens leaves between them.
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
    PAIRS.iter().fold(tokens.to_owned(), |text, (from, to)| text.replace(from, to))
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
            (quote!(String::from("EUR")), "String::from(\"EUR\")"),
            (quote!(Self::RATE), "Self::RATE"),
            (quote!(#[cfg(unix)]), "#[cfg(unix)]"),
        ];
        for (tokens, expected) in table {
            assert_eq!(token_text(&tokens).trim_start(), expected);
        }
    }
}
