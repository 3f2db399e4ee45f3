//! Blocks with a half-typed item, as in an editor.

use std::str::FromStr;

use proc_macro2::TokenStream;

use super::aggregate;
use crate::clean;
use crate::pipeline::guarded;

const OPEN: &str =
    "#[action(evt_key = \"opened\")] pub fn open_account(n: u8) -> Result<Self, E> { Ok(Self) }";
const CLOSE: &str =
    "#[action(evt_key = \"closed\")] pub fn close_account(self) -> Result<(), E> { Ok(()) }";
const DEPOSIT: &str = "#[action(evt_key = \"deposited\")] pub fn deposit_money";

/// Returns the output of a block with a half-typed item between two complete actions.
fn output(middle: &str) -> String {
    let block = format!("impl Account {{ {OPEN} {middle}\n {CLOSE} }}");
    aggregate(TokenStream::new(), TokenStream::from_str(&block).unwrap()).to_string()
}

#[test]
fn half_typed_item_keeps_the_other_actions() {
    let middles = [
        format!("{DEPOSIT}(&mut self, amount: u8) -> Result<(), E>"),
        format!("{DEPOSIT}(&mut self, amount: u8)"),
        format!("{DEPOSIT}(&mut self, am) -> Result<(), E> {{ Ok(()) }}"),
        format!("{DEPOSIT}(&mut self, amount: ) -> Result<(), E> {{ Ok(()) }}"),
        format!("{DEPOSIT}(&mut self, amount: Vec<) -> Result<(), E> {{ Ok(()) }}"),
        format!("{DEPOSIT}(&mut self) -> Result<(), {{ Ok(()) }}"),
        format!("{DEPOSIT}(&mut self) -> {{ Ok(()) }}"),
        format!("{DEPOSIT}(&mut self) -> Result<(), E> {{ self. }}"),
        format!("{DEPOSIT}<"),
        DEPOSIT.to_owned(),
        "#[action(evt_key = \"deposited\")] pub fn".to_owned(),
        "#[action(evt_key = \"deposited\")]".to_owned(),
        "#[action(evt_key = )] pub fn deposit_money(&mut self) -> Result<(), E> { Ok(()) }"
            .to_owned(),
        "#[act]".to_owned(),
        "#[]".to_owned(),
        "#".to_owned(),
        "#[cfg(".to_owned() + ")]",
        "/// Doc of what comes".to_owned(),
        "pub".to_owned(),
        "pub(crate)".to_owned(),
        "pub async".to_owned(),
        "hel".to_owned(),
        "helpers!".to_owned(),
        "pub fn helper(&self) -> u8".to_owned(),
        "fn helper(&self) -> Vec< { }".to_owned(),
        "fn helper(&self) -> Array<{ N }> { }".to_owned(),
        "fn helper<#[cfg(unix)] T>(&self) { }".to_owned(),
        "fn helper(&self) -> u8 const LIMIT: u8 = 3;".to_owned(),
        "fn helper(&self) -> fn(u8) -> u8 { }".to_owned(),
        "fn helper(&self) where *const u8: Copy { }".to_owned(),
        "pub const X".to_owned(),
        "pub const X: u8 =".to_owned(),
        "const ALL: &[fn() -> u8] = &[{ f }, g];".to_owned(),
    ];
    for middle in middles {
        let output = output(&middle);
        for name in ["OpenAccount", "CloseAccount", "Opened", "Closed"] {
            assert!(
                output.contains(&format!("struct {name} ")),
                "{name} is lost beside `{middle}`"
            );
        }
        assert!(!output.contains("# [action"), "`#[action]` remains beside `{middle}`");
    }
}

/// The next item does not become private because an item before it has no body.
#[test]
fn item_without_a_body_ends_where_the_next_one_begins() {
    for next in ["pub fn", "async fn", "pub(crate) const fn", "unsafe extern \"C\" fn"] {
        let output = output(&format!("fn helper(&self) -> u8 {next} other(&self) {{}}"));
        assert!(output.contains("struct CloseAccount"), "{next}");
    }
}

#[test]
fn panic_of_the_macro_is_an_error_beside_the_item() {
    let block: TokenStream = format!("impl Account {{ {OPEN} }}").parse().unwrap();
    let output = guarded(block, clean::impl_block, |_| panic!("no such phase")).to_string();
    assert!(output.contains("pub fn open_account (n : u8)"), "{output}");
    assert!(!output.contains("# [action"), "{output}");
    assert!(output.contains("compile_error") && output.contains("no such phase"), "{output}");
}
