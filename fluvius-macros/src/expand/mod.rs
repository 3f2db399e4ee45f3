//! Expansion: converts the model to tokens, one file per generated thing.
//!
//! Generated code names only the private path, the author's types and the generated items.

pub(crate) mod aggregate;
pub(crate) mod assertions;
pub(crate) mod command;
pub(crate) mod conditions;
pub(crate) mod defaults;
pub(crate) mod descriptor;
pub(crate) mod docs;
pub(crate) mod domain;
pub(crate) mod enums;
pub(crate) mod event;
pub(crate) mod field;
pub(crate) mod guard;
pub(crate) mod handler;
pub(crate) mod impl_block;
pub(crate) mod indexes;
pub(crate) mod registration;
pub(crate) mod rejection;
pub(crate) mod shape;
pub(crate) mod spans;

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{Action, Aggregate, Part, PrivatePath, SelfType};

/// The context of the generated items of one block.
pub(crate) struct Scope<'a> {
    pub(crate) aggregate: &'a Aggregate,
    pub(crate) self_type: &'a SelfType,
    pub(crate) private: &'a PrivatePath,
    /// The private path inside [`Scope::closed`], where it has a short name.
    pub(crate) inner: PrivatePath,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(aggregate: &'a Aggregate, self_type: &'a SelfType) -> Self {
        Self { aggregate, self_type, private: &aggregate.private, inner: PrivatePath::alias() }
    }

    /// Returns the `cfg`s of the block and the action, for every item that names the action.
    pub(crate) fn cfgs(&self, action: &Action) -> TokenStream {
        let block = &self.aggregate.cfgs;
        let own = &action.cfgs;
        quote!(#(#block)* #(#own)*)
    }

    /// Generates items without names, in a scope of their own.
    pub(crate) fn closed(&self, attributes: &TokenStream, items: &TokenStream) -> TokenStream {
        let Self { private, inner, .. } = self;
        quote! {
            #attributes
            const _: () = {
                use #private as #inner;
                #items
            };
        }
    }

    /// Returns the `cfg`s and the author's `#[allow]`s, for every item of an action.
    pub(crate) fn item_attributes(&self, action: &Action) -> TokenStream {
        let cfgs = self.cfgs(action);
        let block = &self.aggregate.allows;
        let own = &action.allows;
        quote!(#cfgs #(#block)* #(#own)*)
    }

    /// Returns the same for an item of the whole block.
    pub(crate) fn block_attributes(&self) -> TokenStream {
        let cfgs = &self.aggregate.cfgs;
        let allows = &self.aggregate.allows;
        quote!(#(#cfgs)* #(#allows)*)
    }
}

/// Returns an `#[allow]` for uses of a deprecated command: it is still registered and decoded, but
/// not by the author's code.
pub(crate) fn allow_deprecated(is_deprecated: bool) -> Option<TokenStream> {
    is_deprecated.then(|| quote!(#[allow(deprecated)]))
}

/// Generates all items next to the impl block.
pub(crate) fn items(scope: &Scope<'_>, parts: &[Part<'_>]) -> TokenStream {
    let mut out = TokenStream::new();
    for part in parts {
        out.extend(action(scope, part, parts));
    }
    out.extend(enums::enums(scope, parts));
    out.extend(aggregate::aggregate(scope, parts));
    guard::of_block(scope, parts, &out)
}

/// Generates the structs of one action, and their impls.
fn action(scope: &Scope<'_>, part: &Part<'_>, parts: &[Part<'_>]) -> TokenStream {
    let action = part.action;
    let command = command::structure(scope, action);
    let event = event::structure(scope, action);
    let event_implementation = event::implementation(scope, action);
    let defaults = defaults::defaults(scope, action);
    let attributes = hidden_attributes(scope, action);
    let items: TokenStream = [
        Some(command::fields(scope, action)),
        command::debug(scope, action),
        Some(command::implementation(scope, part)),
        Some(registration::of_action(scope, action)),
        assertions::of_action(scope, part, parts),
    ]
    .into_iter()
    .flatten()
    .collect();
    let closed = scope.closed(&attributes, &items);
    let command = guard::of_command(scope, parts, action, &quote!(#command #closed));
    quote!(#command #event #event_implementation #defaults)
}

/// Returns the attributes of items without a name.
fn hidden_attributes(scope: &Scope<'_>, action: &Action) -> TokenStream {
    let attributes = scope.item_attributes(action);
    let allow = allow_deprecated(action.deprecated.is_some());
    quote!(#attributes #allow)
}
