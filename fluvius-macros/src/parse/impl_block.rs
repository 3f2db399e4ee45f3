//! Parses the impl block under `#[aggregate]`: its header and its actions.
//!
//! Items that are not actions pass through unread. A fault in one item is recorded, and the other
//! items are still read.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::quote;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{
    Attribute, FnArg, Ident, ItemImpl, Path, Receiver, ReturnType, Signature, Type, Visibility,
};

use super::action_args::{self, ActionArgs};
use super::aggregate_args::{self, AggregateArgs};
use super::arg_attrs::{self, ArgAttrs};
use super::options::attribute_tokens;
use super::tokens::{self, Marker, RawItem};
use crate::errors::Errors;
use crate::keywords;

/// An impl block as written.
pub(crate) struct SourceBlock {
    pub(crate) args: AggregateArgs,
    /// The header, with empty braces.
    pub(crate) header: ItemImpl,
    pub(crate) actions: Vec<SourceAction>,
}

/// A method with `#[action]`, as written, without its body.
pub(crate) struct SourceAction {
    /// The span of the word `action` in its attribute.
    pub(crate) marker: Span,
    pub(crate) args: ActionArgs,
    /// The attributes that are not ours.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) signature: Signature,
    pub(crate) receiver: Option<Receiver>,
    pub(crate) params: Vec<SourceParam>,
}

pub(crate) struct SourceParam {
    pub(crate) attrs: ArgAttrs,
    pub(crate) pat: syn::Pat,
    pub(crate) ty: Type,
}

impl SourceAction {
    pub(crate) fn ident(&self) -> &Ident {
        &self.signature.ident
    }

    pub(crate) fn output(&self) -> Option<&Type> {
        match &self.signature.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some(ty),
        }
    }
}

/// Parses an impl block. Returns `None` if the item is not one.
pub(crate) fn parse(
    args: TokenStream,
    item: TokenStream,
    errors: &mut Errors,
) -> Option<SourceBlock> {
    let args = aggregate_args::parse(args, errors);
    let (header, body) = split_block(tokens::unwrapped(item), errors)?;
    for second in header.attrs.iter().filter(|attribute| {
        let last = attribute.path().segments.last();
        last.is_some_and(|segment| segment.ident == keywords::AGGREGATE)
    }) {
        errors
            .at(second.path(), "a block is one aggregate: put all options into one `#[aggregate]`");
    }
    let actions = tokens::split_items(body.stream())
        .into_iter()
        .filter_map(|item| parse_item(item, errors))
        .collect();
    Some(SourceBlock { args, header, actions })
}

fn split_block(item: TokenStream, errors: &mut Errors) -> Option<(ItemImpl, Group)> {
    let mut trees: Vec<TokenTree> = item.clone().into_iter().collect();
    let body = match trees.pop() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => group,
        _ => {
            errors.at_span(item_place(item), NOT_AN_IMPL);
            return None;
        }
    };
    // The body is excluded, so that a syntax error in it is not reported here.
    let head: TokenStream = trees.into_iter().collect();
    if !has_impl_keyword(head.clone()) {
        errors.at_span(item_place(head), NOT_AN_IMPL);
        return None;
    }
    let header = errors.keep(syn::parse2::<ItemImpl>(quote!(#head {})))?;
    Some((header, body))
}

const NOT_AN_IMPL: &str = "put `#[aggregate]` on `impl Account { .. }`; the struct itself takes \
                           `#[derive(Debug, Clone, Serialize, Deserialize)]`";

fn has_impl_keyword(head: TokenStream) -> bool {
    let parser = |input: ParseStream<'_>| -> syn::Result<bool> {
        input.call(Attribute::parse_outer)?;
        input.parse::<Option<syn::Token![default]>>()?;
        input.parse::<Option<syn::Token![unsafe]>>()?;
        let found = input.peek(syn::Token![impl]);
        input.parse::<TokenStream>()?;
        Ok(found)
    };
    parser.parse2(head).unwrap_or(false)
}

/// Returns the narrowest span of an item that is not an impl block: that of its name, if it has
/// one.
fn item_place(item: TokenStream) -> Span {
    let parser = |input: ParseStream<'_>| -> syn::Result<Span> {
        input.call(Attribute::parse_outer)?;
        let mut place = input.span();
        while let Ok(word) = input.call(<Ident as syn::ext::IdentExt>::parse_any) {
            place = word.span();
            let names_item = ["struct", "enum", "union", "trait", "fn", "mod", "type", "static"]
                .iter()
                .any(|keyword| word == keyword);
            if names_item {
                let name = input.call(<Ident as syn::ext::IdentExt>::parse_any);
                place = name.map_or(place, |name| name.span());
                break;
            }
        }
        input.parse::<TokenStream>()?;
        Ok(place)
    };
    parser.parse2(item).unwrap_or_else(|_| Span::call_site())
}

fn parse_item(item: RawItem, errors: &mut Errors) -> Option<SourceAction> {
    if !item.is_action() {
        reject_hidden_action(&item, errors);
        reject_stray_arg(&item, errors);
        return None;
    }
    let (marker, args) = parse_markers(&item, errors)?;
    if !item.is_function() {
        errors.at_span(marker, "`#[action]` belongs on a method");
        return None;
    }
    let attributes = foreign_attributes(&item);
    let head: ActionHead = errors.keep(syn::parse2(item.head.into_iter().collect()))?;
    let mut receiver = None;
    let mut params = Vec::new();
    for input in &head.signature.inputs {
        match input {
            FnArg::Receiver(written) => receiver = Some(written.clone()),
            FnArg::Typed(written) => params.push(SourceParam {
                attrs: arg_attrs::parse(&written.attrs, errors),
                pat: (*written.pat).clone(),
                ty: (*written.ty).clone(),
            }),
        }
    }
    Some(SourceAction {
        marker,
        args,
        attributes,
        vis: head.vis,
        signature: head.signature,
        receiver,
        params,
    })
}

/// Returns the attributes that are not ours. A half-typed one is excluded; the compiler reports it
/// in the block.
fn foreign_attributes(item: &RawItem) -> Vec<Attribute> {
    let foreign = item.attributes.iter().filter(|raw| raw.marker() == Marker::NotOurs);
    foreign
        .flat_map(|raw| {
            let tokens: TokenStream = raw.tokens.iter().cloned().collect();
            Attribute::parse_outer.parse2(tokens).unwrap_or_default()
        })
        .collect()
}

/// Parses the attributes that make a method an action. The last one counts, since one above it may
/// be half typed and meant for another method.
fn parse_markers(item: &RawItem, errors: &mut Errors) -> Option<(Span, ActionArgs)> {
    let mut last: Option<(Span, ActionArgs)> = None;
    for raw in &item.attributes {
        let marker = raw.marker();
        if marker == Marker::NotOurs {
            continue;
        }
        let content = &raw.content;
        let attribute = errors
            .keep(Attribute::parse_outer.parse2(quote!(#[#content])))
            .and_then(|list| list.into_iter().next())?;
        let place = path_place(attribute.path());
        if marker == Marker::ConditionalAction {
            errors.at_span(
                place,
                "an attribute macro cannot see through `cfg_attr`: split this into two methods \
                 with `#[cfg(..)]`, one with `#[action(..)]` and one without",
            );
            return None;
        }
        if marker == Marker::AlmostAction {
            let name = raw.name().unwrap_or_default();
            errors.at_span(
                place,
                format!("`#[{name}]` is not known here; did you mean `#[action(..)]`?"),
            );
        }
        if let Some((first, _)) = &last {
            errors.at_span(place, "a method is one action: remove this second `#[action]`");
            errors.at_span(*first, "the first one is here");
        }
        let tokens = attribute_tokens(&attribute, "#[action]", errors);
        last = Some((place, action_args::parse(tokens, errors)));
    }
    last
}

fn path_place(path: &Path) -> Span {
    path.segments.last().map_or_else(Span::call_site, |segment| segment.ident.span())
}

/// Rejects `#[action]` inside a macro call: the call expands after this macro, so its actions would
/// be lost.
fn reject_hidden_action(item: &RawItem, errors: &mut Errors) {
    if item.is_macro_call() && has_action_attribute(item.head.iter().chain(&item.end)) {
        errors.at(
            item.head.first(),
            "actions made by a macro are not seen: write them out in the block",
        );
    }
}

/// Returns true if the tokens contain `#[action]`, at any depth.
fn has_action_attribute<'a>(tokens: impl Iterator<Item = &'a TokenTree>) -> bool {
    let mut after_hash = false;
    for token in tokens {
        if let TokenTree::Group(group) = token {
            let content = group.stream();
            let is_action = group.delimiter() == Delimiter::Bracket
                && tokens::last_path_segment(content.clone())
                    .is_some_and(|(name, _)| name == keywords::ACTION);
            let inner: Vec<TokenTree> = content.into_iter().collect();
            if after_hash && is_action || has_action_attribute(inner.iter()) {
                return true;
            }
        }
        after_hash = matches!(token, TokenTree::Punct(punct) if punct.as_char() == '#');
    }
    false
}

/// Rejects `#[arg]` without `#[action]`, which would be removed without effect.
fn reject_stray_arg(item: &RawItem, errors: &mut Errors) {
    let Some(TokenTree::Group(parameters)) = item.parameters().and_then(|at| item.head.get(at))
    else {
        return;
    };
    let mut after_hash = false;
    for token in parameters.stream() {
        if let TokenTree::Group(group) = &token
            && after_hash
            && let Some(TokenTree::Ident(word)) = tokens::opened(group.stream()).into_iter().next()
            && word == keywords::ARG
        {
            errors.at(
                word,
                "`#[arg]` belongs on a parameter of an action: put `#[action(..)]` on the method",
            );
        }
        after_hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
    }
}

struct ActionHead {
    vis: Visibility,
    signature: Signature,
}

impl Parse for ActionHead {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let vis = input.parse()?;
        let signature = input.parse()?;
        if !input.is_empty() {
            return Err(input.error("a method's signature ends here"));
        }
        Ok(Self { vis, signature })
    }
}
