//! What is put out when expansion is impossible: the author's item, cleaned,
//! and the errors.

use proc_macro2::TokenStream;
use quote::quote;

use crate::clean;

/// The editor keeps working on the author's code, whatever is wrong with it.
pub(crate) fn cleaned_item(item: TokenStream, errors: TokenStream) -> TokenStream {
    let block = clean::impl_block(item);
    quote!(#block #errors)
}
