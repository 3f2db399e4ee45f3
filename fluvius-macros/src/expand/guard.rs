//! One error for two blocks of one type, and for two commands of one name.
//!
//! Items that may conflict are put out by a macro that accepts those of its own block alone. It is called by a path that
//! names the conflict and says what to do. The compiler reports the second module of that name, and the second block calls
//! the macro of the first, which puts out nothing. Without this, each item would conflict with one of the other block.
//!
//! A glob import may bring the path of another module into scope, which the compiler calls ambiguous. So the path ends in
//! a number that is the same for the blocks of one module, but not for those of a module inside or around it: it is made
//! of the file and the indentation. Two blocks of a module that are not indented alike just give more errors.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use super::spans::{self, generated};
use super::{Part, Scope};
use crate::model::{Action, names};

/// Everything beside the block, put out unless an earlier block of the type has put out its own.
pub(crate) fn of_block(scope: &Scope<'_>, parts: &[Part<'_>], items: &TokenStream) -> TokenStream {
    let cfgs = &scope.aggregate.cfgs;
    let guard = Guard {
        cfgs: quote!(#(#cfgs)*),
        name: format!("merge_the_aggregate_blocks_of_{}_into_one", snake(&scope.aggregate.name)),
        place: scope.self_type.ident.span(),
    };
    guard.around(scope, parts, items)
}

/// A command, put out unless another block of the module has put out one of the same name.
pub(crate) fn of_command(
    scope: &Scope<'_>,
    parts: &[Part<'_>],
    action: &Action,
    items: &TokenStream,
) -> TokenStream {
    let name = snake(&action.command.to_string());
    let guard = Guard {
        cfgs: scope.cfgs(action),
        name: format!("two_commands_are_named_{name}_so_name_one_with_command"),
        place: action.command.span(),
    };
    guard.around(scope, parts, items)
}

struct Guard {
    cfgs: TokenStream,
    /// The name that the compiler reports as defined twice.
    name: String,
    place: Span,
}

impl Guard {
    fn around(&self, scope: &Scope<'_>, parts: &[Part<'_>], items: &TokenStream) -> TokenStream {
        let Self { cfgs, name, place } = self;
        let private = scope.private;
        let id = id(scope, parts);
        let name = format_ident!("{name}_{}", scope_number(scope), span = generated(*place));
        let module = spans::item(*place, quote!(mod #name), quote!(#private::guard!(#id);));
        quote! {
            #cfgs
            #module
            #cfgs
            #name::items! { #id #items }
        }
    }
}

fn snake(name: &str) -> String {
    names::kebab(name).replace('-', "_")
}

/// Tells this block from others: by its place, and by the names of its type and its actions.
fn id(scope: &Scope<'_>, parts: &[Part<'_>]) -> Ident {
    let line = place(scope).map_or(0, |(_, line, _)| line);
    let methods = parts.iter().map(|part| part.action.method_name.as_str());
    let names: Vec<&str> = [scope.aggregate.name.as_str()].into_iter().chain(methods).collect();
    format_ident!("__fluvius_block_{:016x}", hash(&format!("{line} {}", names.join(" "))))
}

/// The same for all blocks of one module, as far as the place of a block tells.
fn scope_number(scope: &Scope<'_>) -> String {
    let Some((file, _, column)) = place(scope) else { return "0".to_owned() };
    // Not the whole path, which is another one on each machine.
    let names: Vec<&str> = file.rsplit(['/', '\\']).take(2).collect();
    format!("{:08x}", hash(&format!("{} {column}", names.join(" "))) & 0xffff_ffff)
}

/// The file, the line and the column of the block; nothing outside of a compiler.
fn place(scope: &Scope<'_>) -> Option<(String, usize, usize)> {
    if !proc_macro::is_available() {
        return None;
    }
    let place = scope.aggregate.impl_place.unwrap();
    Some((place.file(), place.line(), place.column()))
}

/// FNV-1a.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
