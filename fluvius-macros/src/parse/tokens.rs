//! Splits the body of an impl block into items, at the level of tokens.
//!
//! Method bodies are never inspected, so that half-typed code inside them cannot break the rest of
//! the block. The syntax inside an item is left to that item's parser.

use std::collections::VecDeque;

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

use crate::keywords;
use crate::spelling;

/// One item of an impl block.
pub(crate) struct RawItem {
    pub(crate) attributes: Vec<RawAttribute>,
    /// The tokens between the attributes and the body.
    pub(crate) head: Vec<TokenTree>,
    /// The braces of a method, or the semicolon that ends another item.
    pub(crate) end: Option<TokenTree>,
}

/// One attribute: its tokens with `#`, and the words inside the brackets.
pub(crate) struct RawAttribute {
    pub(crate) tokens: Vec<TokenTree>,
    pub(crate) content: TokenStream,
}

/// The kinds of attributes on an item of the block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    Action,
    /// A misspelt attribute, such as `#[acton]`.
    AlmostAction,
    /// `#[cfg_attr(.., action(..))]`, which an attribute macro cannot evaluate.
    ConditionalAction,
    NotOurs,
}

impl RawItem {
    pub(crate) fn is_function(&self) -> bool {
        is_function_head(&self.head)
    }

    pub(crate) fn is_action(&self) -> bool {
        self.attributes.iter().any(|attribute| attribute.marker() != Marker::NotOurs)
    }

    /// Returns the index of the parameter list in the head.
    pub(crate) fn parameters(&self) -> Option<usize> {
        parameters_of(&self.head)
    }

    /// Returns true for a macro call: a path and `!`.
    pub(crate) fn is_macro_call(&self) -> bool {
        let after_path = self.head.iter().find(|token| match token {
            TokenTree::Ident(_) => false,
            TokenTree::Punct(punct) => punct.as_char() != ':',
            TokenTree::Group(group) => group.delimiter() != Delimiter::None,
            TokenTree::Literal(_) => true,
        });
        is_punct(after_path, '!')
    }
}

impl RawAttribute {
    fn is_inner(&self) -> bool {
        is_punct(self.tokens.get(1), '!')
    }

    /// Returns the last segment of the attribute's path: `action` of `#[fluvius::action(..)]`.
    pub(crate) fn name(&self) -> Option<String> {
        last_path_segment(self.content.clone()).map(|(name, _)| name)
    }

    pub(crate) fn marker(&self) -> Marker {
        let Some((name, rest)) = last_path_segment(self.content.clone()) else {
            return Marker::NotOurs;
        };
        if name == keywords::ACTION {
            return Marker::Action;
        }
        if name == "cfg_attr" {
            return if conditional_names(rest).any(|inner| inner == keywords::ACTION) {
                Marker::ConditionalAction
            } else {
                Marker::NotOurs
            };
        }
        // A real attribute may resemble ours by chance; requiring the first letter and a small
        // distance makes that unlikely.
        let near = name.to_lowercase().starts_with('a')
            && spelling::nearest(&name, &[keywords::ACTION]).is_some();
        if near { Marker::AlmostAction } else { Marker::NotOurs }
    }
}

/// Splits the tokens inside the braces of an impl block.
///
/// A half-typed item ends where the next one begins, so that it does not include a later item.
pub(crate) fn split_items(body: TokenStream) -> Vec<RawItem> {
    let mut tokens: VecDeque<TokenTree> = body.into_iter().collect();
    let mut items = Vec::new();
    while !tokens.is_empty() {
        let (inner, attributes): (Vec<_>, Vec<_>) =
            take_attributes(&mut tokens).into_iter().partition(RawAttribute::is_inner);
        if !inner.is_empty() {
            // `#![..]` belongs to the block, not to the first item.
            items.push(RawItem { attributes: inner, head: Vec::new(), end: None });
        }
        let mut head: Vec<TokenTree> = Vec::new();
        let mut end = None;
        let mut depth = AngleDepth::default();
        while let Some(token) = tokens.pop_front() {
            if begins_item(&token, &tokens, &head, &depth) {
                tokens.push_front(token);
                break;
            }
            if ends_item(&token, tokens.front(), &head, &depth) {
                end = Some(token);
                break;
            }
            depth.pass(&token);
            head.push(token);
        }
        items.push(RawItem { attributes, head, end });
    }
    items
}

fn take_attributes(tokens: &mut VecDeque<TokenTree>) -> Vec<RawAttribute> {
    let mut attributes = Vec::new();
    open_groups(tokens);
    while is_punct(tokens.front(), '#') {
        let mut parts = Vec::new();
        parts.extend(tokens.pop_front());
        if is_punct(tokens.front(), '!') {
            parts.extend(tokens.pop_front());
        }
        let mut content = TokenStream::new();
        if let Some(TokenTree::Group(group)) = tokens.front()
            && group.delimiter() == Delimiter::Bracket
        {
            content = opened(group.stream());
            parts.extend(tokens.pop_front());
        }
        attributes.push(RawAttribute { tokens: parts, content });
        open_groups(tokens);
    }
    attributes
}

/// Removes the invisible groups that `macro_rules!` puts around an item or a visibility.
fn open_groups(tokens: &mut VecDeque<TokenTree>) {
    while let Some(TokenTree::Group(group)) = tokens.front()
        && group.delimiter() == Delimiter::None
    {
        let inner: Vec<TokenTree> = group.stream().into_iter().collect();
        tokens.pop_front();
        for token in inner.into_iter().rev() {
            tokens.push_front(token);
        }
    }
}

/// Removes all invisible groups, such as that of a `meta` or `path` fragment in an attribute. Must
/// not be used for values, where such a group binds like parentheses.
pub(crate) fn opened(tokens: TokenStream) -> TokenStream {
    tokens
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                opened(group.stream())
            }
            TokenTree::Group(group) => {
                let mut rebuilt = Group::new(group.delimiter(), opened(group.stream()));
                rebuilt.set_span(group.span());
                TokenTree::Group(rebuilt).into()
            }
            other => TokenStream::from(other),
        })
        .collect()
}

/// Returns true if an item begins here although the previous one has not ended.
fn begins_item(
    token: &TokenTree,
    rest: &VecDeque<TokenTree>,
    head: &[TokenTree],
    depth: &AngleDepth,
) -> bool {
    if head.is_empty() {
        return false;
    }
    let next = rest.front();
    if is_punct(Some(token), '#') {
        let is_attribute = matches!(next, Some(TokenTree::Group(group))
            if group.delimiter() == Delimiter::Bracket);
        // A generic parameter may have attributes.
        let before_item = matches!(rest.get(1), Some(TokenTree::Ident(word))
            if word == "pub" || word == "fn" || word == "async");
        let in_generics = !depth.is_zero()
            && !before_item
            && is_function_head(head)
            && parameters_of(head).is_none();
        return is_attribute && !in_generics;
    }
    let TokenTree::Ident(word) = token else { return false };
    if word == "pub" {
        return true;
    }
    if head.iter().all(is_modifier) {
        return false;
    }
    // `*const T` is a type.
    let is_pointer = is_punct(head.last(), '*');
    if word == "const" && !is_pointer && depth.is_zero() && is_punct(rest.get(1), ':') {
        return matches!(next, Some(TokenTree::Ident(_)));
    }
    // `fn(u8)` is a type, `fn name` is an item.
    let mut ahead = std::iter::once(token).chain(rest);
    let keyword = ahead.find(|token| !is_keyword_before_fn(token));
    matches!(keyword, Some(TokenTree::Ident(word)) if word == "fn")
        && matches!(ahead.next(), Some(TokenTree::Ident(_)))
}

fn is_keyword_before_fn(token: &TokenTree) -> bool {
    match token {
        TokenTree::Ident(word) => {
            ["const", "async", "unsafe", "safe", "extern"].iter().any(|modifier| word == modifier)
        }
        TokenTree::Literal(_) => true,
        TokenTree::Group(_) | TokenTree::Punct(_) => false,
    }
}

/// Returns true if the item ends here. A method ends with its braces, a constant with its semicolon
/// (its value may contain braces), and a macro call with either.
fn ends_item(
    token: &TokenTree,
    next: Option<&TokenTree>,
    head: &[TokenTree],
    depth: &AngleDepth,
) -> bool {
    match token {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) if is_block(group) => {
            if !is_function_head(head) {
                return !is_constant_head(head);
            }
            // `Array<{ N }>` continues after the braces; a half-typed type does not.
            depth.is_zero() || !(is_punct(next, '>') || is_punct(next, ','))
        }
        _ => false,
    }
}

/// Returns true for braces, including those of a `block` fragment.
fn is_block(group: &Group) -> bool {
    let mut inner = group.stream().into_iter();
    match group.delimiter() {
        Delimiter::Brace => true,
        Delimiter::None => {
            let (first, second) = (inner.next(), inner.next());
            matches!((first, second), (Some(TokenTree::Group(only)), None) if is_block(&only))
        }
        Delimiter::Parenthesis | Delimiter::Bracket => false,
    }
}

fn parameters_of(head: &[TokenTree]) -> Option<usize> {
    let mut depth = AngleDepth::default();
    let mut after_fn = false;
    for (at, token) in head.iter().enumerate() {
        match token {
            TokenTree::Ident(word) if word == "fn" => after_fn = true,
            TokenTree::Group(group) if after_fn && depth.is_zero() && is_parenthesis(group) => {
                return Some(at);
            }
            _ => {}
        }
        depth.pass(token);
    }
    None
}

fn is_function_head(head: &[TokenTree]) -> bool {
    head.iter()
        .find(|token| !is_modifier(token))
        .is_some_and(|token| matches!(token, TokenTree::Ident(word) if word == "fn"))
}

fn is_constant_head(head: &[TokenTree]) -> bool {
    head.iter()
        .any(|token| matches!(token, TokenTree::Ident(word) if *word == "const" || *word == "type"))
}

fn is_modifier(token: &TokenTree) -> bool {
    match token {
        TokenTree::Ident(word) => {
            ["pub", "crate", "default", "const", "async", "unsafe", "safe", "extern"]
                .iter()
                .any(|modifier| word == modifier)
        }
        TokenTree::Group(group) => is_parenthesis(group) || group.delimiter() == Delimiter::None,
        TokenTree::Literal(_) => true,
        TokenTree::Punct(_) => false,
    }
}

fn is_parenthesis(group: &Group) -> bool {
    group.delimiter() == Delimiter::Parenthesis
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

/// Number of open `<`. The `>` of `->` and `=>` closes none.
#[derive(Default)]
struct AngleDepth {
    open: usize,
    arrow: bool,
}

impl AngleDepth {
    fn is_zero(&self) -> bool {
        self.open == 0
    }

    fn pass(&mut self, token: &TokenTree) {
        let mut arrow = false;
        if let TokenTree::Punct(punct) = token {
            match punct.as_char() {
                '<' => self.open += 1,
                '>' if !self.arrow => self.open = self.open.saturating_sub(1),
                '-' | '=' => arrow = punct.spacing() == Spacing::Joint,
                _ => {}
            }
        }
        self.arrow = arrow;
    }
}

/// Unwraps the invisible group that `macro_rules!` puts around an item.
pub(crate) fn unwrapped(item: TokenStream) -> TokenStream {
    let mut trees = item.clone().into_iter();
    match (trees.next(), trees.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::None => {
            unwrapped(group.stream())
        }
        _ => item,
    }
}

/// Returns the last segment of the path at the start, and the tokens after the path.
pub(crate) fn last_path_segment(tokens: TokenStream) -> Option<(String, TokenStream)> {
    let mut tokens = tokens.into_iter().peekable();
    let mut last = None;
    while let Some(token) = tokens.peek() {
        match token {
            TokenTree::Ident(word) => last = Some(word.to_string()),
            TokenTree::Punct(punct) if punct.as_char() == ':' => {}
            _ => break,
        }
        tokens.next();
    }
    Some((last?, tokens.collect()))
}

/// Returns the names of the attributes inside `cfg_attr(predicate, a(..), b)`.
fn conditional_names(arguments: TokenStream) -> impl Iterator<Item = String> {
    let inner = match arguments.into_iter().next() {
        Some(TokenTree::Group(group)) => group.stream(),
        _ => TokenStream::new(),
    };
    let mut parts: Vec<TokenStream> = vec![TokenStream::new()];
    for token in inner {
        if is_punct(Some(&token), ',') {
            parts.push(TokenStream::new());
        } else if let Some(part) = parts.last_mut() {
            part.extend([token]);
        }
    }
    parts.into_iter().skip(1).filter_map(|part| last_path_segment(part).map(|(name, _)| name))
}
