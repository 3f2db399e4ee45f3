//! The same input gives the same tokens.

use quote::quote;

use super::{aggregate, deposit, withdraw};

#[test]
fn same_block_expands_to_the_same_tokens() {
    let deposit = deposit();
    let withdraw = withdraw();
    let expand = || {
        aggregate(
            quote!(resources = ["bank-account", "savings-account"]),
            quote!(impl Account { #deposit #withdraw }),
        )
        .to_string()
    };
    assert_eq!(expand(), expand());
}
