//! The messages of the macros, one line each. The tests that run the compiler check their places.

mod actions;
mod aggregates;
mod derives;
mod parameters;

use expect_test::Expect;
use proc_macro2::TokenStream;
use quote::quote;

use crate::errors::Errors;
use crate::model::Root;
use crate::parse::token_text::token_text;
use crate::{check, model, parse};

/// One input under test, and how it is shown in the table.
pub(super) struct Input {
    shown: String,
    messages: Vec<String>,
}

/// A table: each input, and below it the messages for the author.
pub(super) fn check<const N: usize>(inputs: [Input; N], expected: Expect) {
    let mut table = String::new();
    for Input { shown, messages } in inputs {
        table.push_str(&shown);
        table.push('\n');
        if messages.is_empty() {
            table.push_str("    fine\n");
        }
        for message in messages {
            table.push_str(&format!("    {message}\n"));
        }
    }
    expected.assert_eq(&table);
}

pub(super) fn block(args: TokenStream, item: TokenStream) -> Input {
    let shown = token_text(&quote!(#[aggregate(#args)] #item));
    Input { messages: block_messages(args, item), shown }
}

/// Methods of a sound block.
pub(super) fn methods(methods: TokenStream) -> Input {
    Input {
        shown: token_text(&methods),
        messages: block_messages(
            quote!(resource = "bank-account"),
            quote!(impl Account { #methods }),
        ),
    }
}

/// Options of a sound method.
pub(super) fn options(options: TokenStream) -> Input {
    let method = quote! {
        #[action(#options)]
        pub fn deposit_money(&mut self) -> Result<(), AccountError> { Ok(()) }
    };
    Input { shown: token_text(&quote!(#[action(#options)])), ..methods(method) }
}

/// Options of a sound block.
pub(super) fn block_options(args: TokenStream) -> Input {
    let item = quote!(impl Account { #[action] fn read(&self) -> Result<u8, Never> { Ok(1) } });
    Input { shown: token_text(&quote!(#[aggregate(#args)])), ..block(args, item) }
}

/// Parameters of a sound method.
pub(super) fn params(params: TokenStream) -> Input {
    let method = quote! {
        #[action(evt_key = "money-deposited")]
        pub fn deposit_money(&mut self, #params) -> Result<(), AccountError> { Ok(()) }
    };
    Input { shown: token_text(&params), ..methods(method) }
}

/// A derive's input.
pub(super) fn domain(item: TokenStream) -> Input {
    let shown = token_text(&item);
    let mut errors = Errors::new();
    if let Some(source) = parse::derive_domain::parse(item, &mut errors) {
        let model = model::domain::lower(Root::Facade, source, &mut errors);
        check::domain::domain(&model, &mut errors);
    }
    Input { shown, messages: errors.finish_as_messages() }
}

pub(super) fn rejection(item: TokenStream) -> Input {
    let shown = token_text(&item);
    let mut errors = Errors::new();
    if let Some(source) = parse::derive_rejection::parse(item, &mut errors) {
        let model = model::rejection::lower(Root::Facade, source, &mut errors);
        check::rejection::rejection(&model, &mut errors);
    }
    Input { shown, messages: errors.finish_as_messages() }
}

fn block_messages(args: TokenStream, item: TokenStream) -> Vec<String> {
    let mut errors = Errors::new();
    if let Some(source) = parse::impl_block::parse(args, item, &mut errors) {
        let model = model::aggregate::lower(Root::Facade, source, &mut errors);
        check::block(&model, &mut errors);
        check::actions(&model, &mut errors);
    }
    errors.finish_as_messages()
}
