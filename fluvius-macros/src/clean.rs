//! Removes our attributes from the author's item.
//!
//! Works on tokens, so that it also handles a block that does not parse. It changes attributes
//! only: the author's code keeps its tokens.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use crate::keywords;
use crate::misleading_lints;
use crate::parse::tokens::{self, Marker, RawItem};

/// Returns the impl block without `#[action]`, without a second `#[aggregate]`, and without the
/// attributes of action parameters that are not the compiler's.
pub(crate) fn impl_block(item: TokenStream) -> TokenStream {
    let mut trees = without_aggregate(tokens::unwrapped(item).into_iter().collect());
    if let Some(TokenTree::Group(body)) = trees.last()
        && body.delimiter() == Delimiter::Brace
    {
        let items = tokens::split_items(body.stream());
        let cleaned = regrouped(body, items.into_iter().flat_map(clean_item).collect());
        trees.pop();
        trees.push(cleaned);
    }
    trees.into_iter().collect()
}

/// Removes each `#[aggregate]` in front of the item.
fn without_aggregate(trees: Vec<TokenTree>) -> Vec<TokenTree> {
    let mut kept = Vec::new();
    let mut rest = trees.into_iter().peekable();
    while let Some(token) = rest.next() {
        let is_hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
        let is_second = match rest.peek() {
            Some(TokenTree::Group(group)) if is_hash => {
                let path = tokens::last_path_segment(tokens::opened(group.stream()));
                path.is_some_and(|(name, _)| name == keywords::AGGREGATE)
            }
            _ => false,
        };
        if is_second {
            rest.next();
        } else {
            kept.push(token);
        }
    }
    kept
}

/// Cleans a single method, as `#[action]` receives it outside of an aggregate.
pub(crate) fn method(item: TokenStream) -> TokenStream {
    tokens::split_items(item)
        .into_iter()
        .flat_map(|mut item| {
            clean_parameters(&mut item, is_kept_on_parameter);
            rebuilt(item)
        })
        .collect()
}

fn clean_item(mut item: RawItem) -> TokenStream {
    let mut out = TokenStream::new();
    if item.is_action() {
        out.extend(misleading_lints::allowed(&item));
        item.attributes.retain(|attribute| attribute.marker() == Marker::NotOurs);
        clean_parameters(&mut item, is_kept_on_parameter);
    } else if item.is_function() {
        clean_parameters(&mut item, |name| name != keywords::ARG);
    }
    out.extend(rebuilt(item));
    out
}

fn rebuilt(item: RawItem) -> TokenStream {
    item.attributes
        .into_iter()
        .flat_map(|attribute| attribute.tokens)
        .chain(item.head)
        .chain(item.end)
        .collect()
}

/// Returns true for the attributes that the compiler accepts on a parameter. Doc comments are
/// excluded, since they are allowed there only by this macro.
fn is_kept_on_parameter(name: &str) -> bool {
    matches!(name, "allow" | "expect" | "warn" | "deny" | "forbid" | "cfg" | "cfg_attr")
}

fn clean_parameters(item: &mut RawItem, keeps: impl Fn(&str) -> bool) {
    let Some(at) = item.parameters() else { return };
    let Some(TokenTree::Group(group)) = item.head.get(at) else {
        return;
    };
    let mut kept = TokenStream::new();
    let mut stream = group.stream().into_iter().peekable();
    while let Some(token) = stream.next() {
        let is_hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
        let attribute = match stream.peek() {
            Some(TokenTree::Group(inner)) if is_hash && inner.delimiter() == Delimiter::Bracket => {
                Some(tokens::RawAttribute {
                    tokens: Vec::new(),
                    content: tokens::opened(inner.stream()),
                })
            }
            _ => None,
        };
        match attribute {
            Some(attribute) if !attribute.name().is_some_and(|name| keeps(&name)) => {
                stream.next();
            }
            _ => kept.extend([token]),
        }
    }
    let cleaned = regrouped(group, kept);
    item.head[at] = cleaned;
}

/// Returns a group with the same delimiter and span around other tokens.
fn regrouped(original: &Group, content: TokenStream) -> TokenTree {
    let mut group = Group::new(original.delimiter(), content);
    group.set_span(original.span());
    TokenTree::Group(group)
}
