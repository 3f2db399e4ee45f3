//! Tokens of `macro_rules!` fragments and of older editions.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;

use super::aggregate;

/// Returns the tokens in an invisible group, like a fragment.
fn fragment(tokens: TokenStream) -> TokenStream {
    TokenTree::Group(Group::new(Delimiter::None, tokens)).into()
}

#[test]
fn body_from_a_fragment_ends_its_method() {
    let body = fragment(quote!({ Ok(()) }));
    let output = aggregate(
        quote!(),
        quote! {
            impl Account {
                #[action(evt_key = "opened")]
                pub fn open(&mut self) -> Result<(), E> #body
                #[action(evt_key = "closed")]
                pub fn close(self) -> Result<(), E> #body
            }
        },
    )
    .to_string();
    assert!(output.contains("struct Open ") && output.contains("struct Close "));
}

/// The generated tokens have the edition of this crate.
#[test]
fn word_reserved_by_a_later_edition_becomes_a_raw_name() {
    let output = aggregate(
        quote!(index(gen: number)),
        quote! {
            impl Turbine {
                #[action(evt_key = "generated")]
                pub fn gen(&mut self, gen: u32, #[arg(secret)] pin: u8) -> Result<(), E> {
                    Ok(())
                }
            }
        },
    )
    .to_string();
    assert!(output.contains("pub r#gen : u32"));
    assert!(output.contains("< Turbine > :: r#gen ("));
    assert!(output.contains("__fluvius_command . r#gen"));
    // The author's own method keeps its tokens.
    assert!(output.contains("pub fn gen (& mut self , gen : u32"));
    assert!(output.contains("\"gen\""), "the name in JSON and the key have no `r#`");
}
