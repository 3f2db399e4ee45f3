//! The pipelines: the phases of each macro in order, from tokens to tokens.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::Errors;
use crate::expand::{self, Scope};
use crate::model::Root;
use crate::{check, clean, fallback, model, parse};

/// Expands an item. A panic is a bug of this crate. It becomes an error next to the item as
/// returned by `keep`, so that the editor keeps working.
pub(crate) fn guarded(
    item: TokenStream,
    keep: fn(TokenStream) -> TokenStream,
    expand: impl FnOnce(TokenStream) -> TokenStream,
) -> TokenStream {
    let expanded = catch_unwind(AssertUnwindSafe(|| expand(item.clone())));
    expanded.unwrap_or_else(|panic| {
        let kept = catch_unwind(AssertUnwindSafe(|| keep(item.clone()))).unwrap_or(item);
        let mut errors = Errors::new();
        errors.at_span(
            proc_macro2::Span::call_site(),
            format!(
                "internal error of the macro: {}; this is a bug in fluvius: please report it with \
                 the code that it is used on",
                panic_message(&*panic)
            ),
        );
        let errors = errors.finish();
        quote!(#kept #errors)
    })
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "it panicked",
    }
}

/// Expands `#[aggregate]` on an impl block, which is kept if the expansion panics.
pub(crate) fn aggregate_or_item(root: Root, args: TokenStream, item: TokenStream) -> TokenStream {
    guarded(item, clean::impl_block, |item| aggregate(root, args, item))
}

/// Expands `#[aggregate]` on an impl block.
pub(crate) fn aggregate(root: Root, args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let Some(source) = parse::impl_block::parse(args, item.clone(), &mut errors) else {
        return fallback::cleaned_item(item, errors.finish());
    };
    let model = model::aggregate::lower(root, source, &mut errors);
    let block_is_sound = check::block(&model, &mut errors);
    let parts = check::actions(&model, &mut errors);
    let errors = errors.finish();
    let Some(self_type) = model.self_type.as_ref().filter(|_| block_is_sound) else {
        return fallback::cleaned_item(item, errors);
    };
    let scope = Scope::new(&model, self_type);
    // The impl goes first: rust-analyzer maps a token to its first copy in the output.
    let block = expand::impl_block::impl_block(&scope, &parts, item);
    let items = expand::items(&scope, &parts);
    quote!(#block #items #errors)
}

/// Expands `#[action]` outside of an aggregate, which is always a mistake.
pub(crate) fn stray_action(item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    errors.at_span(
        proc_macro2::Span::call_site(),
        "`#[action]` works inside of an aggregate only: put `#[aggregate(resource = \"..\")]` on \
         the `impl` block around this method (inside of it the attribute keeps its name)",
    );
    let method = clean::method(item);
    let errors = errors.finish();
    quote!(#method #errors)
}

/// Expands `#[derive(Domain)]`.
pub(crate) fn domain(root: Root, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let Some(source) = parse::derive_domain::parse(item, &mut errors) else {
        return errors.finish();
    };
    let model = model::domain::lower(root, source, &mut errors);
    check::domain::domain(&model, &mut errors);
    let implementation = expand::domain::domain(&model);
    let errors = errors.finish();
    quote!(#implementation #errors)
}

/// Expands the derive that generated code uses for the fields of `index(..)`.
pub(crate) fn indexed_fields(item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let fields = parse::IndexedFields::parse(item, &mut errors);
    let assertion = fields.map(|fields| expand::indexes::fields(&fields));
    let errors = errors.finish();
    quote!(#assertion #errors)
}

/// Expands `#[derive(Rejection)]`.
pub(crate) fn rejection(root: Root, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let Some(source) = parse::derive_rejection::parse(item, &mut errors) else {
        return errors.finish();
    };
    let model = model::rejection::lower(root, source, &mut errors);
    check::rejection::rejection(&model, &mut errors);
    let implementation = expand::rejection::rejection(&model);
    let errors = errors.finish();
    quote!(#implementation #errors)
}
