//! Guards: one error for two blocks of one type, and for two commands of one name.
//!
//! Items that may conflict are emitted through a macro that accepts the items of its own block
//! only. It is called by a path that names the conflict and its remedy. The compiler reports the
//! second module of that name, and the second block calls the macro of the first, which emits
//! nothing. Without a guard, each item would conflict with one of the other block.
//!
//! A glob import may bring the path of another module into scope, and the compiler would reject the
//! path as ambiguous. So the path ends in a number that is the same for the blocks of one module,
//! but differs for a module inside or around it. It is derived from the file and the indentation.
//! If two blocks of a module are indented differently, the compiler only reports more errors.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use super::spans::{self, generated};
use super::{Part, Scope};
use crate::model::{Action, names};

/// Emits everything generated for the block, unless an earlier block of the type has done so.
pub(crate) fn of_block(scope: &Scope<'_>, parts: &[Part<'_>], items: &TokenStream) -> TokenStream {
    let cfgs = &scope.aggregate.cfgs;
    let guard = Guard {
        cfgs: quote!(#(#cfgs)*),
        name: format!("merge_the_aggregate_blocks_of_{}_into_one", snake(&scope.aggregate.name)),
        place: scope.self_type.ident.span(),
    };
    guard.around(scope, parts, items)
}

/// Emits a command, unless another block of the module has emitted one of the same name.
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

/// Returns an identifier of this block, derived from its line and the names of its type and
/// actions.
fn id(scope: &Scope<'_>, parts: &[Part<'_>]) -> Ident {
    let line = place(scope).map_or(0, |(_, line, _)| line);
    let methods = parts.iter().map(|part| part.action.method_name.as_str());
    let names: Vec<&str> = [scope.aggregate.name.as_str()].into_iter().chain(methods).collect();
    format_ident!("__fluvius_block_{:016x}", hash(&format!("{line} {}", names.join(" "))))
}

/// Returns a number that is the same for all blocks of one module, as far as their locations show.
fn scope_number(scope: &Scope<'_>) -> String {
    let Some((file, _, column)) = place(scope) else { return "0".to_owned() };
    // Not the whole path, which differs between machines.
    let names: Vec<&str> = file.rsplit(['/', '\\']).take(2).collect();
    format!("{:08x}", hash(&format!("{} {column}", names.join(" "))) & 0xffff_ffff)
}

/// Returns the file, the line and the column of the block; `None` outside of a compiler.
fn place(scope: &Scope<'_>) -> Option<(String, usize, usize)> {
    if !proc_macro::is_available() {
        return None;
    }
    let place = scope.aggregate.impl_place.unwrap();
    Some((place.file(), place.line(), place.column()))
}

/// Computes the FNV-1a hash.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
