//! Emits the author's impl block, with the table of commands and events in front.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Part, Scope, docs};
use crate::clean;

/// Emits the impl block. Docs on it are shown on the page of its type.
pub(crate) fn impl_block(scope: &Scope<'_>, parts: &[Part<'_>], item: TokenStream) -> TokenStream {
    let table = docs::table(scope, parts);
    let block = clean::impl_block(item);
    quote!(#table #block)
}
