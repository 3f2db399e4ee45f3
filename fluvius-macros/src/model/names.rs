//! The derivation of names. A released key is data, so a table test fixes them.

use heck::{ToKebabCase, ToSnakeCase, ToTitleCase, ToUpperCamelCase};
use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};

/// Returns the name without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map_or(text.clone(), str::to_owned)
}

/// Converts `deposit_money` to `deposit-money`.
pub(crate) fn kebab(text: &str) -> String {
    text.to_kebab_case()
}

/// Converts `deposit_money` or `deposit-money` to `DepositMoney`.
pub(crate) fn upper_camel(text: &str) -> String {
    text.to_upper_camel_case()
}

/// Converts `DepositMoney` to `deposit_money`.
pub(crate) fn snake(text: &str) -> String {
    text.to_snake_case()
}

/// Converts `TransactionManagerDomain` to `Transaction Manager Domain`.
pub(crate) fn words(text: &str) -> String {
    text.to_title_case()
}

/// Converts `TransactionManagerDomain` to `transaction-manager`.
pub(crate) fn namespace(type_name: &str) -> String {
    let stem = match type_name.strip_suffix("Domain") {
        Some(stem) if !stem.is_empty() => stem,
        _ => type_name,
    };
    kebab(stem)
}

/// Returns true for lower-case ASCII words joined by single hyphens, the first starting with a
/// letter.
pub(crate) fn is_kebab(text: &str) -> bool {
    let starts_with_letter = text.starts_with(|first: char| first.is_ascii_lowercase());
    starts_with_letter
        && text.split('-').all(|word| {
            !word.is_empty()
                && word.chars().all(|part| part.is_ascii_lowercase() || part.is_ascii_digit())
        })
}

/// Returns an identifier with this name, or `None` if the text is not a valid one.
pub(crate) fn type_ident(name: &str, span: Span) -> Option<Ident> {
    let mut ident = syn::parse_str::<Ident>(name).ok()?;
    ident.set_span(span);
    Some(ident)
}

/// Words that an edition later than the author's may reserve. The compiler reads generated tokens
/// in the edition of this crate.
const RESERVED_LATER: [&str; 5] = ["async", "await", "dyn", "gen", "try"];

fn is_reserved_later(ident: &Ident) -> bool {
    RESERVED_LATER.iter().any(|word| ident == word)
}

/// Gives a name another span. It remains a valid name in every edition.
pub(crate) fn placed(name: &Ident, place: Span) -> Ident {
    if is_reserved_later(name) {
        return Ident::new_raw(&name.to_string(), place);
    }
    let mut name = name.clone();
    name.set_span(place);
    name
}

/// Gives all tokens another span. `$crate` and the words that an edition reserves keep their
/// meaning.
pub(crate) fn all_placed(tokens: TokenStream, place: Span) -> TokenStream {
    tokens
        .into_iter()
        .map(|token| match token {
            TokenTree::Group(group) => {
                let mut moved = Group::new(group.delimiter(), all_placed(group.stream(), place));
                moved.set_span(place);
                TokenTree::Group(moved)
            }
            TokenTree::Ident(mut word) if word == "$crate" || is_reserved_later(&word) => {
                word.set_span(word.span().located_at(place));
                TokenTree::Ident(word)
            }
            mut other => {
                other.set_span(place);
                other
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_names_match_the_table() {
        // method, key, struct
        let table = [
            ("deposit_money", "deposit-money", "DepositMoney"),
            ("close", "close", "Close"),
            ("r#type", "type", "Type"),
            ("pay2_go", "pay2-go", "Pay2Go"),
            ("pay_2_go", "pay-2-go", "Pay2Go"),
            ("set_iban", "set-iban", "SetIban"),
            ("set_IBAN", "set-iban", "SetIban"),
            ("read_HTTPHeader", "read-http-header", "ReadHttpHeader"),
            ("openAccount", "open-account", "OpenAccount"),
            ("__odd__name__", "odd-name", "OddName"),
            ("x", "x", "X"),
        ];
        for (method, key, command) in table {
            let method =
                syn::parse_str::<Ident>(method).map_or(method.to_owned(), |ident| plain(&ident));
            assert_eq!(kebab(&method), key, "{method}");
            assert_eq!(upper_camel(&method), command, "{method}");
            assert!(is_kebab(&kebab(&method)), "{method}");
        }
    }

    #[test]
    fn keys_are_ascii_kebab_case() {
        for good in ["a", "deposit-money", "pay2-go", "a-1"] {
            assert!(is_kebab(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a--b", "A", "a_b", "2fa", "größe", "a b", "a.b"] {
            assert!(!is_kebab(bad), "{bad}");
        }
        assert!(!is_kebab(&kebab("größe_ändern")));
    }

    #[test]
    fn domain_is_named_after_its_type() {
        let table = [
            ("TransactionManagerDomain", "transaction-manager", "Transaction Manager Domain"),
            ("Bank", "bank", "Bank"),
            ("Domain", "domain", "Domain"),
            ("HTTPDomain", "http", "Http Domain"),
        ];
        for (name, expected_namespace, title) in table {
            assert_eq!(namespace(name), expected_namespace);
            assert_eq!(words(name), title);
        }
    }
}
