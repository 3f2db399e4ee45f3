//! Clippy lints whose advice does not fit an action. An action owns its parameters, which are the
//! fields of its command, and returns a `Result`. Its receiver declares the effect on the life
//! cycle: `trivially_copy_pass_by_ref` advises `self` in place of `&self`, which would close the
//! aggregate.
//!
//! The macro allows them on the method, but each only if it could apply, since an `#[allow]` of a
//! lint that the author forbids is an error.

use proc_macro2::{TokenStream, TokenTree};
use quote::{format_ident, quote};

use crate::parse::tokens::RawItem;

/// The method names that `should_implement_trait` reports.
const METHODS_OF_TRAITS: &[&str] = &[
    "add",
    "as_mut",
    "as_ref",
    "bitand",
    "bitor",
    "bitxor",
    "borrow",
    "borrow_mut",
    "clone",
    "cmp",
    "default",
    "deref",
    "deref_mut",
    "div",
    "drop",
    "eq",
    "from_iter",
    "from_str",
    "hash",
    "index",
    "index_mut",
    "into_iter",
    "mul",
    "neg",
    "next",
    "not",
    "rem",
    "shl",
    "shr",
    "sub",
];

/// The prefixes that `wrong_self_convention` ties to a receiver.
const CONVENTIONS: &[&str] = &["as_", "from_", "into_", "is_", "to_"];

pub(crate) fn allowed(item: &RawItem) -> Option<TokenStream> {
    let method = Method::of(item)?;
    let mut lints = Vec::new();
    let mut add = |applies: bool, lint: &str| {
        if applies {
            lints.push(format_ident!("{}", lint));
        }
    };
    let private = !method.is_public;
    add(method.parameters > 0, "needless_pass_by_value");
    add(private && method.parameters > 0, "large_types_passed_by_value");
    add(method.receiver == Receiver::Shared, "trivially_copy_pass_by_ref");
    add(method.has_mutable, "needless_pass_by_ref_mut");
    add(private && method.receiver != Receiver::None, "unused_self");
    add(private, "unnecessary_wraps");
    let starts = |beginning: &&str| method.name.starts_with(*beginning);
    add(CONVENTIONS.iter().any(starts), "wrong_self_convention");
    add(METHODS_OF_TRAITS.contains(&method.name.as_str()), "should_implement_trait");
    add(method.all_parameters > 7, "too_many_arguments");
    add(method.flags > 3, "fn_params_excessive_bools");
    (!lints.is_empty()).then(|| quote!(#[allow(#(clippy::#lints),*)]))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Receiver {
    None,
    Shared,
    Other,
}

/// The properties of a method that the lints depend on.
struct Method {
    name: String,
    is_public: bool,
    receiver: Receiver,
    /// Number of parameters without the receiver.
    parameters: usize,
    all_parameters: usize,
    has_mutable: bool,
    flags: usize,
}

impl Method {
    fn of(item: &RawItem) -> Option<Self> {
        let Some(TokenTree::Group(group)) = item.head.get(item.parameters()?) else {
            return None;
        };
        let parameters = split_at_commas(group.stream());
        let receiver = parameters.first().map_or(Receiver::None, |first| receiver(first));
        let all_parameters = parameters.len();
        let after_fn = item
            .head
            .iter()
            .skip_while(|token| !is_word(token, "fn"))
            .nth(1)
            .map(ToString::to_string);
        Some(Self {
            name: after_fn.unwrap_or_default(),
            is_public: item.head.first().is_some_and(|first| is_word(first, "pub"))
                && !matches!(item.head.get(1), Some(TokenTree::Group(_))),
            receiver,
            parameters: all_parameters - usize::from(receiver != Receiver::None),
            all_parameters,
            has_mutable: parameters.iter().any(|parameter| is_mutable_reference(parameter)),
            flags: parameters
                .iter()
                .filter(|parameter| parameter.last().is_some_and(|last| is_word(last, "bool")))
                .count(),
        })
    }
}

fn receiver(parameter: &[TokenTree]) -> Receiver {
    let at = parameter.iter().position(|token| is_word(token, "self"));
    match at {
        Some(at) if parameter[..at].iter().any(|token| is_word(token, "mut")) => Receiver::Other,
        Some(at) if at > 0 => Receiver::Shared,
        Some(_) => Receiver::Other,
        None => Receiver::None,
    }
}

/// Returns true for `&mut self` and for a parameter of a type `&mut ..`.
fn is_mutable_reference(parameter: &[TokenTree]) -> bool {
    parameter.windows(2).any(|pair| {
        matches!(&pair[0], TokenTree::Punct(punct) if punct.as_char() == '&')
            && is_word(&pair[1], "mut")
    })
}

fn is_word(token: &TokenTree, wanted: &str) -> bool {
    matches!(token, TokenTree::Ident(word) if word == wanted)
}

/// Splits the parameters at commas. A comma inside `<..>` only yields more of them.
fn split_at_commas(tokens: TokenStream) -> Vec<Vec<TokenTree>> {
    let mut parts = vec![Vec::new()];
    for token in tokens {
        if matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ',') {
            parts.push(Vec::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(token);
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::allowed;
    use crate::parse::tokens::split_items;
    use quote::quote;

    #[test]
    fn lints_are_allowed_only_where_they_could_apply() {
        let table = [
            (
                quote!(
                    pub fn read(&self) {}
                ),
                "trivially_copy_pass_by_ref",
            ),
            (
                quote!(
                    pub fn close(self) {}
                ),
                "",
            ),
            (
                quote!(
                    pub fn open() {}
                ),
                "",
            ),
            (
                quote!(
                    pub fn deposit(&mut self, amount: u8) {}
                ),
                "needless_pass_by_value needless_pass_by_ref_mut",
            ),
            (
                quote!(
                    fn read(&self) {}
                ),
                "trivially_copy_pass_by_ref unused_self unnecessary_wraps",
            ),
            (
                quote!(
                    pub fn into_archive(&self) {}
                ),
                "trivially_copy_pass_by_ref wrong_self_convention",
            ),
            (
                quote!(
                    pub fn not(self) {}
                ),
                "should_implement_trait",
            ),
            (
                quote!(
                    pub fn set(a: bool, b: bool, c: bool, d: bool, e: u8, f: u8, g: u8, h: u8) {}
                ),
                "needless_pass_by_value too_many_arguments fn_params_excessive_bools",
            ),
        ];
        for (method, expected) in table {
            let item = split_items(method).remove(0);
            let tokens = allowed(&item).unwrap_or_default().to_string();
            let words = tokens.split("clippy :: ").skip(1);
            let names = words.map(|word| word.split([' ', ',', ')']).next().unwrap_or_default());
            assert_eq!(names.collect::<Vec<_>>().join(" "), expected);
        }
    }
}
