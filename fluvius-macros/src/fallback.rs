//! The output if expansion is impossible: the author's cleaned item, and the errors.

use proc_macro2::TokenStream;
use quote::quote;

use crate::clean;

/// Returns the author's item with the errors, so that the editor keeps working.
pub(crate) fn cleaned_item(item: TokenStream, errors: TokenStream) -> TokenStream {
    let block = clean::impl_block(item);
    quote!(#block #errors)
}
