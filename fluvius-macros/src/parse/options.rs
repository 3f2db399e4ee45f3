//! The list of options inside an attribute: `key = "..", internal, tags(..)`.
//!
//! This module defines the names of options and the kinds of their values. The model decides the
//! meaning of an option.

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, ExprPath, Lit, LitBool, LitStr, Meta, Token};

use super::option_list::{AttrOption, Value, read_all, ungrouped, without_single_groups};
use crate::errors::Errors;
use crate::spelling;

/// The options of one attribute, each known by name and given once.
pub(crate) struct Options {
    list: Vec<AttrOption>,
}

impl Options {
    /// Parses the options of `attribute`, its name as shown in messages, such as `#[action]`. Those
    /// in `repeatable` may be given more than once.
    pub(crate) fn parse(
        attribute: &str,
        tokens: TokenStream,
        known: &[&str],
        repeatable: &[&str],
        errors: &mut Errors,
    ) -> Self {
        let mut list: Vec<AttrOption> = Vec::new();
        for option in read_all(without_single_groups(tokens), errors) {
            let name = option.name.to_string();
            if !known.contains(&name.as_str()) {
                errors.at(&option.name, unknown_option(attribute, &name, known));
                continue;
            }
            let first = list.iter().find(|earlier| earlier.name == option.name);
            match first {
                Some(first) if !repeatable.contains(&name.as_str()) => {
                    errors.at(&option.name, format!("`{name}` is given twice"));
                    errors.at(&first.name, format!("`{name}` is given here first"));
                }
                _ => list.push(option),
            }
        }
        Self { list }
    }

    /// Parses the options of all `#[name(..)]` attributes on the item of a derive.
    pub(crate) fn of_attributes(
        name: &str,
        attributes: &[Attribute],
        known: &[&str],
        errors: &mut Errors,
    ) -> Self {
        let shown = format!("#[{name}]");
        let mut tokens = TokenStream::new();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(name)) {
            append(&mut tokens, attribute_tokens(attribute, &shown, errors));
        }
        Self::parse(&shown, tokens, known, &[], errors)
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<AttrOption> {
        let at = self.list.iter().position(|option| option.name == name)?;
        Some(self.list.remove(at))
    }

    /// Returns every use of a repeatable option.
    pub(crate) fn take_all(&mut self, name: &str) -> Vec<AttrOption> {
        let (taken, kept) =
            std::mem::take(&mut self.list).into_iter().partition(|option| option.name == name);
        self.list = kept;
        taken
    }

    pub(crate) fn string(&mut self, name: &str, errors: &mut Errors) -> Option<LitStr> {
        self.take(name).and_then(|option| option.string(errors))
    }

    pub(crate) fn flag(&mut self, name: &str, errors: &mut Errors) -> Option<Span> {
        self.take(name).and_then(|option| option.flag(errors))
    }
}

/// Returns the tokens between the parentheses of an attribute, or none if it has no parentheses.
pub(crate) fn attribute_tokens(
    attribute: &Attribute,
    shown: &str,
    errors: &mut Errors,
) -> TokenStream {
    match &attribute.meta {
        Meta::Path(_) => TokenStream::new(),
        Meta::List(list) => list.tokens.clone(),
        Meta::NameValue(pair) => {
            let name = shown.trim_end_matches(']');
            errors.at(pair, format!("options are in parentheses: write `{name}(..)]`"));
            TokenStream::new()
        }
    }
}

impl AttrOption {
    pub(crate) fn string(self, errors: &mut Errors) -> Option<LitStr> {
        let name = &self.name;
        match self.value {
            Value::Equals(expr) => match literal_string(&expr) {
                Some(text) => Some(text),
                None => {
                    errors.at(&expr, format!("write a string: `{name} = \"..\"`"));
                    None
                }
            },
            Value::Flag | Value::List(_) => {
                errors.at(name, format!("`{name}` takes a string: `{name} = \"..\"`"));
                None
            }
            Value::Unreadable => None,
        }
    }

    /// Reads a list of strings: `name = ["a", "b"]`, `name = "a"` or `name("a", "b")`.
    pub(crate) fn strings(self, errors: &mut Errors) -> Option<Strings> {
        let name = &self.name;
        let place = name.span();
        let exprs: Vec<Expr> = match self.value {
            Value::Equals(Expr::Array(array)) => array.elems.into_iter().map(ungrouped).collect(),
            Value::Equals(expr) => vec![expr],
            Value::List(tokens) => {
                let parser = Punctuated::<Expr, Token![,]>::parse_terminated;
                errors.keep(parser.parse2(tokens))?.into_iter().map(ungrouped).collect()
            }
            Value::Unreadable => return None,
            Value::Flag => {
                errors.at(name, format!("`{name}` takes strings: `{name} = [\"..\"]`"));
                return None;
            }
        };
        let mut list = Vec::new();
        for expr in exprs {
            match literal_string(&expr) {
                Some(text) => list.push(text),
                None => errors.at(&expr, "write a string: `\"..\"`"),
            }
        }
        Some(Strings { list, place })
    }

    /// Reads a list of types: `name(A, B)`.
    pub(crate) fn types(self, errors: &mut Errors) -> Option<Vec<syn::Type>> {
        let name = &self.name;
        let tokens = match self.value {
            Value::List(tokens) => tokens,
            Value::Unreadable => return None,
            Value::Flag | Value::Equals(_) => {
                errors.at(name, format!("`{name}` takes types: `{name}(Account)`"));
                return None;
            }
        };
        let parser = Punctuated::<syn::Type, Token![,]>::parse_terminated;
        Some(errors.keep(parser.parse2(tokens))?.into_iter().collect())
    }

    /// Returns the tokens in the parentheses of `name(..)`, for the caller to read.
    pub(crate) fn list(self, errors: &mut Errors) -> Option<TokenStream> {
        let name = &self.name;
        match self.value {
            Value::List(tokens) => Some(tokens),
            Value::Unreadable => None,
            Value::Flag | Value::Equals(_) => {
                errors.at(name, format!("`{name}` takes a list: `{name}(owner_name: text)`"));
                None
            }
        }
    }

    pub(crate) fn flag(self, errors: &mut Errors) -> Option<Span> {
        let name = &self.name;
        match self.value {
            Value::Flag => Some(name.span()),
            Value::Equals(_) | Value::List(_) => {
                errors.at(name, format!("`{name}` has no value: write `{name}`"));
                None
            }
            Value::Unreadable => None,
        }
    }

    pub(crate) fn integer(self, errors: &mut Errors) -> Option<Integer> {
        let name = &self.name;
        let message = format!("`{name}` takes a whole number that fits in 32 bits: `{name} = 1`");
        self.integer_or(&message, errors)
    }

    /// Reads a whole number, or reports `message`.
    pub(crate) fn integer_or(self, message: &str, errors: &mut Errors) -> Option<Integer> {
        let name = &self.name;
        match &self.value {
            Value::Equals(Expr::Lit(literal)) => match &literal.lit {
                Lit::Int(number) => match number.base10_parse() {
                    Ok(value) => Some(Integer { value, place: number.span() }),
                    Err(_) => {
                        errors.at(number, message);
                        None
                    }
                },
                other => {
                    errors.at(other, message);
                    None
                }
            },
            Value::Equals(expr) => {
                errors.at(expr, message);
                None
            }
            Value::Flag | Value::List(_) => {
                errors.at(name, message);
                None
            }
            Value::Unreadable => None,
        }
    }

    pub(crate) fn boolean(self, errors: &mut Errors) -> Option<LitBool> {
        let name = &self.name;
        let message = format!("`{name}` takes `true` or `false`: `{name} = false`");
        match self.value {
            Value::Equals(Expr::Lit(ExprLit { lit: Lit::Bool(value), .. })) => Some(value),
            Value::Equals(expr) => {
                errors.at(expr, message);
                None
            }
            Value::Flag | Value::List(_) => {
                errors.at(name, message);
                None
            }
            Value::Unreadable => None,
        }
    }

    /// Reads a literal, as in `example = "EUR"` or `example = -1`.
    pub(crate) fn literal(self, errors: &mut Errors) -> Option<Expr> {
        let name = &self.name;
        let message = format!("`{name}` takes a literal: `{name} = \"..\"`");
        match self.value {
            Value::Equals(expr) if is_literal(&expr) => Some(expr),
            Value::Equals(expr) => {
                errors.at(expr, message);
                None
            }
            Value::Flag | Value::List(_) => {
                errors.at(name, message);
                None
            }
            Value::Unreadable => None,
        }
    }

    /// Reads an expression, or nothing if only the name is given.
    pub(crate) fn optional_expr(self, errors: &mut Errors) -> Option<Option<Expr>> {
        let name = &self.name;
        match self.value {
            Value::Flag => Some(None),
            Value::Equals(expr) => Some(Some(expr)),
            Value::List(_) => {
                errors.at(name, format!("write `{name}` or `{name} = ..`"));
                None
            }
            Value::Unreadable => None,
        }
    }

    /// Reads the path of a function, such as `example`.
    pub(crate) fn function(self, example: &str, errors: &mut Errors) -> Option<FunctionPath> {
        let name = &self.name;
        let place = name.span();
        let message = format!("`{name}` takes the path of a function: `{name} = {example}`");
        match self.value {
            Value::Equals(Expr::Path(path)) => Some(FunctionPath { path, place }),
            Value::Equals(expr) => {
                errors.at(&expr, message);
                None
            }
            Value::Flag | Value::List(_) => {
                errors.at(name, message);
                None
            }
            Value::Unreadable => None,
        }
    }

    /// Reads the path of a crate, as a string or bare.
    pub(crate) fn path(self, errors: &mut Errors) -> Option<syn::Path> {
        let name = &self.name;
        let message = format!("`{name}` takes a path: `{name} = \"::fluvius\"`");
        match self.value {
            Value::Equals(Expr::Path(path)) if path.qself.is_none() => Some(path.path),
            Value::Equals(expr) => {
                let path = literal_string(&expr).and_then(|text| text.parse().ok());
                if path.is_none() {
                    errors.at(&expr, message);
                }
                path
            }
            Value::Flag | Value::List(_) => {
                errors.at(name, message);
                None
            }
            Value::Unreadable => None,
        }
    }
}

/// A whole number with its span.
pub(crate) struct Integer {
    pub(crate) value: u32,
    pub(crate) place: Span,
}

/// The path of a function, with the span of its option.
pub(crate) struct FunctionPath {
    pub(crate) path: ExprPath,
    pub(crate) place: Span,
}

/// A list of strings, with the span of its option for an empty list.
pub(crate) struct Strings {
    pub(crate) list: Vec<LitStr>,
    pub(crate) place: Span,
}

/// Appends the options of a further attribute.
pub(crate) fn append(tokens: &mut TokenStream, more: TokenStream) {
    if !tokens.is_empty() && !ends_with_comma(tokens) {
        tokens.extend(quote::quote!(,));
    }
    tokens.extend(more);
}

fn ends_with_comma(tokens: &TokenStream) -> bool {
    let last = tokens.clone().into_iter().last();
    matches!(last, Some(TokenTree::Punct(punct)) if punct.as_char() == ',')
}

fn literal_string(expr: &Expr) -> Option<LitStr> {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(_) => true,
        Expr::Unary(unary) => {
            matches!(unary.op, syn::UnOp::Neg(_)) && matches!(*unary.expr, Expr::Lit(_))
        }
        _ => false,
    }
}

fn unknown_option(attribute: &str, name: &str, known: &[&str]) -> String {
    match spelling::nearest(name, known) {
        Some(near) => format!("`{attribute}` has no option `{name}`; did you mean `{near}`?"),
        None => {
            let list: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
            format!("`{attribute}` has no option `{name}`; it takes {}", list.join(", "))
        }
    }
}
