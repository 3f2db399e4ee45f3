//! Tests of all phases together: the generated code, and the diagnostics.

mod budget;
mod determinism;
mod editor;
mod expansion;
mod fragments;
mod hidden_names;
mod messages;
mod option_faults;

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;

use crate::model::Root;

/// Expands `#[aggregate(..)]` on a block. The calls of guards are replaced by the items that they
/// emit.
fn aggregate(args: TokenStream, block: TokenStream) -> TokenStream {
    unguarded(crate::pipeline::aggregate(Root::Facade, args, block))
}

/// Replaces each `guard::items! { block_0123 .. }` by the tokens after the name of the block.
fn unguarded(tokens: TokenStream) -> TokenStream {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut out = TokenStream::new();
    let mut at = 0;
    while let Some(tree) = trees.get(at) {
        at += 1;
        match (&trees[at - 1..], guarded(&trees[at - 1..])) {
            (_, Some(items)) => {
                out.extend(unguarded(items));
                at += 5;
            }
            _ => out.extend([tree.clone()]),
        }
    }
    out
}

/// Returns the items of a call that begins here: `name :: items ! { __fluvius_block_0123 .. }`.
fn guarded(trees: &[TokenTree]) -> Option<TokenStream> {
    let [TokenTree::Ident(_), colon, other, TokenTree::Ident(items), bang, call, ..] = trees else {
        return None;
    };
    let is_punct =
        |tree: &TokenTree, sign| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == sign);
    let TokenTree::Group(call) = call else { return None };
    let is_call =
        items == "items" && is_punct(colon, ':') && is_punct(other, ':') && is_punct(bang, '!');
    let mut content = call.stream().into_iter();
    let block = content.next()?.to_string();
    (is_call && block.starts_with("__fluvius_block_")).then(|| content.collect())
}

/// Returns the output as a formatted file.
fn pretty(tokens: TokenStream) -> String {
    match syn::parse2(tokens.clone()) {
        Ok(file) => prettyplease::unparse(&file),
        Err(error) => format!("does not parse: {error}\n{tokens}"),
    }
}

/// Returns the bank of the guide, as far as the tests need it.
fn deposit() -> TokenStream {
    quote! {
        /// Deposit money into the account.
        #[action(evt_key = "money-deposited", resources = ["bank-account"])]
        pub fn deposit_money(&mut self, amount: Decimal) -> Result<(), AccountError> {
            self.balance += amount;
            Ok(())
        }
    }
}

fn withdraw() -> TokenStream {
    quote! {
        /// Withdraw money from the account.
        #[action(evt_key = "money-withdrawn", resources = ["bank-account"])]
        pub fn withdraw_money(&mut self, amount: Decimal) -> Result<(), AccountError> {
            self.balance -= amount;
            Ok(())
        }
    }
}
