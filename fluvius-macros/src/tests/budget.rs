//! The budget for the size of generated code, which is compiled for every action.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;

use super::{aggregate, deposit, pretty, withdraw};

/// Maximum number of lines for one more action with one parameter and an event: without docs, and
/// before serde's derives expand. They are two structs, two impls, one handler, and two variants
/// with their arms.
const MAX_LINES: usize = 62;

#[test]
fn one_more_action_stays_within_its_budget() {
    let deposit = deposit();
    let withdraw = withdraw();
    let args = quote!(resource = "bank-account");
    let one = lines(aggregate(args.clone(), quote!(impl Account { #deposit })));
    let two = lines(aggregate(args, quote!(impl Account { #deposit #withdraw })));
    // The author's own lines of the method do not count.
    let own = lines(quote!(impl Account { #withdraw })) - 2;
    let cost = two - one - own;
    assert!(cost <= MAX_LINES, "one more action costs {cost} lines");
    println!("one more action costs {cost} lines");
}

fn lines(tokens: TokenStream) -> usize {
    pretty(without_docs(tokens)).lines().filter(|line| !line.trim().is_empty()).count()
}

fn without_docs(tokens: TokenStream) -> TokenStream {
    let mut out = TokenStream::new();
    let mut stream = tokens.into_iter().peekable();
    while let Some(token) = stream.next() {
        let is_hash = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '#');
        if is_hash
            && let Some(TokenTree::Group(group)) = stream.peek()
            && group.delimiter() == Delimiter::Bracket
            && group.stream().to_string().starts_with("doc =")
        {
            stream.next();
            continue;
        }
        match token {
            TokenTree::Group(group) => {
                let inner = without_docs(group.stream());
                out.extend([TokenTree::Group(Group::new(group.delimiter(), inner))]);
            }
            other => out.extend([other]),
        }
    }
    out
}
