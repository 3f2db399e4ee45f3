//! The macros of fluvius: [`macro@aggregate`], [`macro@action`],
//! [`derive@Domain`] and [`derive@Rejection`].
//!
//! Use them through `fluvius`, which exports them next to the types that they belong to. Each macro
//! exists twice, since generated code names only the private module of the crate that exports the
//! macro: `::fluvius::__private`, or `::fluvius_core::__private` for the macros whose names begin
//! with `core`.
//!
//! A macro runs in phases, each a plain function of plain data: *parse* (the tokens as written),
//! *model* (their meaning, with every derived name), *check* (the requirements), *expand* (one file
//! per generated thing). The mistakes of all phases are collected, so that one compile shows all of
//! them. The author's code is emitted even then, so that the editor keeps working.

mod check;
mod clean;
mod errors;
mod expand;
mod fallback;
mod keywords;
mod misleading_lints;
mod model;
mod parse;
mod pipeline;
mod spelling;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

use crate::model::Root;

#[doc = include_str!("docs/aggregate.md")]
#[proc_macro_attribute]
pub fn aggregate(args: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::aggregate_or_item(Root::Facade, args.into(), item.into()).into()
}

#[doc = include_str!("docs/aggregate.md")]
#[proc_macro_attribute]
pub fn core_aggregate(args: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::aggregate_or_item(Root::Core, args.into(), item.into()).into()
}

#[doc = include_str!("docs/action.md")]
#[proc_macro_attribute]
pub fn action(_args: TokenStream, item: TokenStream) -> TokenStream {
    pipeline::guarded(item.into(), clean::method, pipeline::stray_action).into()
}

#[doc = include_str!("docs/domain.md")]
#[proc_macro_derive(Domain, attributes(domain))]
pub fn derive_domain(item: TokenStream) -> TokenStream {
    derived(item, |item| pipeline::domain(Root::Facade, item))
}

#[doc = include_str!("docs/domain.md")]
#[proc_macro_derive(CoreDomain, attributes(domain))]
pub fn derive_core_domain(item: TokenStream) -> TokenStream {
    derived(item, |item| pipeline::domain(Root::Core, item))
}

#[doc = include_str!("docs/rejection.md")]
#[proc_macro_derive(Rejection, attributes(rejection))]
pub fn derive_rejection(item: TokenStream) -> TokenStream {
    derived(item, |item| pipeline::rejection(Root::Facade, item))
}

#[doc = include_str!("docs/rejection.md")]
#[proc_macro_derive(CoreRejection, attributes(rejection))]
pub fn derive_core_rejection(item: TokenStream) -> TokenStream {
    derived(item, |item| pipeline::rejection(Root::Core, item))
}

/// Used only by the output of [`macro@aggregate`].
#[doc(hidden)]
#[proc_macro_derive(IndexedFields, attributes(fluvius_indexed))]
pub fn derive_indexed_fields(item: TokenStream) -> TokenStream {
    derived(item, pipeline::indexed_fields)
}

/// Runs a derive. If it panics, only an error is emitted, since the item under a derive is kept
/// anyway.
fn derived(
    item: TokenStream,
    expand: impl FnOnce(proc_macro2::TokenStream) -> proc_macro2::TokenStream,
) -> TokenStream {
    pipeline::guarded(item.into(), |_item| proc_macro2::TokenStream::new(), expand).into()
}
