//! Paths in tokens that have no syntax tree: of attributes, macro calls and macro bodies.

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::ItemUse;
use syn::ext::IdentExt as _;

use super::modules::{Leaf, leaves};

/// A part of a token stream that may refer to the crate.
pub(crate) enum Found {
    /// A path of at least two names, or a single name that is called as a macro.
    Path { path: Vec<String>, starts_with_colons: bool, is_macro_call: bool, line: usize },
    /// One leaf of a `use`.
    Use(Leaf),
    /// The value of a string literal.
    Text { text: String, line: usize },
}

/// Finds all paths and strings of a token stream.
pub(crate) fn scan(tokens: TokenStream) -> Vec<Found> {
    let mut found = Vec::new();
    scan_into(tokens, &mut found);
    found
}

fn scan_into(tokens: TokenStream, found: &mut Vec<Found>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < trees.len() {
        match &trees[at] {
            TokenTree::Group(group) => {
                scan_into(group.stream(), found);
                at += 1;
            }
            TokenTree::Ident(ident) if ident == "use" => {
                let end = (at..trees.len()).find(|end| is_punct(&trees, *end, ';'));
                let item = end.and_then(|end| parse_use(&trees[at..=end]));
                match (item, end) {
                    (Some(item), Some(end)) => {
                        found.extend(leaves(&item).into_iter().map(Found::Use));
                        at = end + 1;
                    }
                    _ => at += 1,
                }
            }
            TokenTree::Ident(_) => {
                let (path, end) = path_at(&trees, at);
                let is_macro_call = is_punct(&trees, end, '!') && !is_punct(&trees, end + 1, '=');
                let is_variable = at > 0 && is_punct(&trees, at - 1, '$') && path[0] != "crate";
                let is_member = at > 0 && is_punct(&trees, at - 1, '.') && path.len() == 1;
                if (path.len() > 1 || is_macro_call) && !is_variable && !is_member {
                    let line = trees[at].span().start().line;
                    let starts_with_colons = at > 1 && is_colons(&trees, at - 2);
                    found.push(Found::Path { path, starts_with_colons, is_macro_call, line });
                }
                at = end;
            }
            TokenTree::Literal(literal) => {
                if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                    let line = literal.span().start().line;
                    found.push(Found::Text { text: text.value(), line });
                }
                at += 1;
            }
            TokenTree::Punct(_) => at += 1,
        }
    }
}

/// Parses `use ..;`, with `crate` for `$crate`.
fn parse_use(trees: &[TokenTree]) -> Option<ItemUse> {
    let tokens = trees.iter().filter(|tree| match tree {
        TokenTree::Punct(punct) => punct.as_char() != '$',
        _ => true,
    });
    let tokens: TokenStream = tokens.cloned().collect();
    syn::parse2(tokens).ok()
}

/// Returns the names from `at` on that `::` joins, and the index after them.
fn path_at(trees: &[TokenTree], at: usize) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    let mut end = at;
    while let Some(TokenTree::Ident(ident)) = trees.get(end) {
        path.push(ident.unraw().to_string());
        end += 1;
        if !(is_colons(trees, end) && matches!(trees.get(end + 2), Some(TokenTree::Ident(_)))) {
            break;
        }
        end += 2;
    }
    (path, end)
}

fn is_colons(trees: &[TokenTree], at: usize) -> bool {
    let is_joint =
        matches!(trees.get(at), Some(TokenTree::Punct(punct)) if punct.spacing() == Spacing::Joint);
    is_joint && is_punct(trees, at, ':') && is_punct(trees, at + 1, ':')
}

fn is_punct(trees: &[TokenTree], at: usize, expected: char) -> bool {
    matches!(trees.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == expected)
}
