//! The phases together: what is generated, and what the author is told.

mod budget;
mod determinism;
mod editor;
mod expansion;
mod fragments;
mod hidden_names;
mod messages;
mod option_faults;

use proc_macro2::TokenStream;
use quote::quote;

/// Runs `#[aggregate(..)]` on a block.
fn aggregate(args: TokenStream, block: TokenStream) -> TokenStream {
    crate::pipeline::aggregate(args, block)
}

/// The output as a formatted file.
fn pretty(tokens: TokenStream) -> String {
    match syn::parse2(tokens.clone()) {
        Ok(file) => prettyplease::unparse(&file),
        Err(error) => format!("does not parse: {error}\n{tokens}"),
    }
}

/// The bank of the guide, as far as the tests need it.
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
