//! The syntax of an option list, and the recovery from faults in it.
//!
//! This module is independent of the option names.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Ident, Token};

use crate::errors::Errors;

/// An option as written.
pub(crate) struct AttrOption {
    pub(crate) name: Ident,
    pub(super) value: Value,
}

/// The value of an option as written.
pub(super) enum Value {
    Flag,
    Equals(Expr),
    List(TokenStream),
    /// A value whose fault is already reported.
    Unreadable,
}

/// Reads every option of the list. A fault in one leaves the others readable, so that none of them
/// is reported as missing.
pub(super) fn read_all(tokens: TokenStream, errors: &mut Errors) -> Vec<AttrOption> {
    let parser = |input: ParseStream<'_>| -> syn::Result<(Vec<AttrOption>, Vec<syn::Error>)> {
        let (mut list, mut faults) = (Vec::new(), Vec::new());
        while !input.is_empty() {
            match input.call(Ident::parse_any) {
                Ok(name) => {
                    let value = read_value(input).unwrap_or_else(|fault| {
                        faults.push(fault);
                        skip_to_comma(input);
                        Value::Unreadable
                    });
                    list.push(AttrOption { name, value });
                }
                Err(_) => {
                    faults.push(input.error("expected the name of an option"));
                    skip_to_comma(input);
                }
            }
            if input.peek(Token![,]) {
                input.parse::<Token![,]>()?;
            } else if !input.is_empty() {
                faults.push(input.error("expected `,` between two options"));
                if !input.peek(Ident::peek_any) {
                    skip_to_comma(input);
                    input.parse::<Option<Token![,]>>()?;
                }
            }
        }
        Ok((list, faults))
    };
    let (list, faults) = errors.keep(parser.parse2(tokens)).unwrap_or_default();
    faults.into_iter().for_each(|fault| errors.push(fault));
    list
}

fn read_value(input: ParseStream<'_>) -> syn::Result<Value> {
    if input.peek(Token![=]) {
        let equals: Token![=] = input.parse()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(syn::Error::new(equals.span, "a value is missing after `=`"));
        }
        return Ok(Value::Equals(ungrouped(input.parse()?)));
    }
    if input.peek(syn::token::Paren) {
        let content;
        syn::parenthesized!(content in input);
        return Ok(Value::List(content.parse()?));
    }
    Ok(Value::Flag)
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) && input.parse::<TokenTree>().is_ok() {}
}

/// Removes the invisible groups around single tokens, in which `macro_rules!` passes a literal or a
/// one-word type.
pub(super) fn without_single_groups(tokens: TokenStream) -> TokenStream {
    tokens
        .into_iter()
        .map(|token| {
            let TokenTree::Group(group) = token else { return token };
            let inner = without_single_groups(group.stream());
            let mut inner_tokens = inner.clone().into_iter();
            if group.delimiter() == Delimiter::None
                && let (Some(only), None) = (inner_tokens.next(), inner_tokens.next())
            {
                return only;
            }
            let mut rebuilt = Group::new(group.delimiter(), inner);
            rebuilt.set_span(group.span());
            TokenTree::Group(rebuilt)
        })
        .collect()
}

/// Returns the expression inside the invisible group of an `expr` or `literal` fragment.
pub(super) fn ungrouped(mut expr: Expr) -> Expr {
    while let Expr::Group(group) = expr {
        expr = *group.expr;
    }
    expr
}
