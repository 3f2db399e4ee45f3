//! One error for two blocks of one type, and for two commands of one name.
//!
//! What may conflict is put out by a macro that accepts the items of its own block alone. It is called by a path that
//! names the conflict and says what to do. The compiler reports the second module of that name, and the second block calls
//! the macro of the first, which puts out nothing. Without this, each item would conflict with one of the other block.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use super::spans::{self, generated};
use super::{Part, Scope};
use crate::model::{Action, names};

/// Everything beside the block, put out unless an earlier block of the type has put out its own.
pub(crate) fn of_block(scope: &Scope<'_>, parts: &[Part<'_>], items: &TokenStream) -> TokenStream {
    let (private, cfgs) = (scope.private, &scope.aggregate.cfgs);
    let cfgs = quote!(#(#cfgs)*);
    let id = id(scope, parts);
    let name = snake(&scope.aggregate.name);
    let name = format!("merge_the_aggregate_blocks_of_{name}_into_one");
    let guarded = guarded(&cfgs, &name, scope.self_type.ident.span(), &id, items);
    quote! {
        #cfgs
        #private::guard! { #id }
        #guarded
    }
}

/// A command, put out unless another block of the module has put out one of the same name.
pub(crate) fn of_command(
    scope: &Scope<'_>,
    parts: &[Part<'_>],
    action: &Action,
    items: &TokenStream,
) -> TokenStream {
    let name = snake(&action.command.to_string());
    let name = format!("two_commands_are_named_{name}_so_name_one_with_command");
    guarded(&scope.cfgs(action), &name, action.command.span(), &id(scope, parts), items)
}

fn guarded(
    cfgs: &TokenStream,
    name: &str,
    place: Span,
    id: &Ident,
    items: &TokenStream,
) -> TokenStream {
    let name = Ident::new(name, generated(place));
    let module = spans::item(place, quote!(mod #name), quote!(pub(super) use #id as items;));
    quote! {
        #cfgs
        #module
        #cfgs
        #name::items! { #id #items }
    }
}

fn snake(name: &str) -> String {
    names::kebab(name).replace('-', "_")
}

/// Tells this block from others: FNV-1a over the names of its type and its actions.
fn id(scope: &Scope<'_>, parts: &[Part<'_>]) -> Ident {
    let methods = parts.iter().map(|part| part.action.method_name.as_str());
    let names = [scope.aggregate.name.as_str()].into_iter().chain(methods);
    let bytes = names.flat_map(|name| name.bytes().chain([b' ']));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format_ident!("__fluvius_block_{hash:016x}")
}
