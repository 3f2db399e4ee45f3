//! The macros of fluvius-core.

mod check;
mod clean;
mod errors;
mod expand;
mod fallback;
mod keywords;
mod model;
mod parse;
mod pipeline;
mod spelling;

use proc_macro::TokenStream;

/// x
#[proc_macro_attribute]
pub fn aggregate(args: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::aggregate(args.into(), item.into()).into()
}

/// x
#[proc_macro_attribute]
pub fn action(_args: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::stray_action(item.into()).into()
}

/// x
#[proc_macro_derive(Domain, attributes(domain))]
pub fn derive_domain(item: TokenStream) -> TokenStream {
    pipeline::domain(item.into()).into()
}

/// x
#[proc_macro_derive(Rejection, attributes(rejection))]
pub fn derive_rejection(item: TokenStream) -> TokenStream {
    pipeline::rejection(item.into()).into()
}
