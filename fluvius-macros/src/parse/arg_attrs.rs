//! The attributes on a parameter of an action: `#[arg(..)]`, docs, and those that do not belong
//! there.

use proc_macro2::Span;
use syn::{Attribute, Expr, LitStr};

use super::options::{FunctionPath, Options, append, attribute_tokens};
use crate::errors::Errors;
use crate::{keywords, spelling};

#[derive(Default)]
pub(crate) struct ArgAttrs {
    pub(crate) docs: Vec<Attribute>,
    /// The span of the first `#[arg]`, for a diagnostic if it does not fit.
    pub(crate) place: Option<Span>,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) rename: Option<LitStr>,
    /// `default` is `Some(None)`, `default = expr` is `Some(Some(expr))`.
    pub(crate) default: Option<Option<Expr>>,
    pub(crate) secret: bool,
    pub(crate) example: Option<Expr>,
    pub(crate) schema: Option<FunctionPath>,
}

pub(crate) fn parse(attributes: &[Attribute], errors: &mut Errors) -> ArgAttrs {
    let mut args = ArgAttrs::default();
    let mut tokens = proc_macro2::TokenStream::new();
    for attribute in attributes {
        let name = attribute
            .path()
            .segments
            .last()
            .map(|segment| segment.ident.to_string())
            .unwrap_or_default();
        match name.as_str() {
            "doc" => args.docs.push(attribute.clone()),
            keywords::ARG => {
                args.place.get_or_insert(span_of(attribute));
                append(&mut tokens, attribute_tokens(attribute, "#[arg]", errors));
            }
            // The compiler handles these itself.
            "allow" | "expect" | "warn" | "deny" | "forbid" => {}
            "cfg" | "cfg_attr" => errors.at(
                attribute.path(),
                "a parameter of an action is there in every build, because it is part of the \
                 command: remove the `cfg`, or write two actions with `#[cfg]` on each",
            ),
            _ => errors.at(attribute.path(), wrong_attribute(&name)),
        }
    }
    if args.place.is_some() {
        read_options(tokens, &mut args, errors);
    }
    args
}

fn read_options(tokens: proc_macro2::TokenStream, args: &mut ArgAttrs, errors: &mut Errors) {
    let repeatable = [keywords::ALIAS];
    let mut options = Options::parse("#[arg]", tokens, keywords::OF_ARG, &repeatable, errors);
    args.aliases = options
        .take_all(keywords::ALIAS)
        .into_iter()
        .filter_map(|option| option.string(errors))
        .collect();
    args.rename = options.string(keywords::RENAME, errors);
    args.default = options.take(keywords::DEFAULT).and_then(|option| option.optional_expr(errors));
    args.secret = options.flag(keywords::SECRET, errors).is_some();
    args.example = options.take(keywords::EXAMPLE).and_then(|option| option.literal(errors));
    args.schema =
        options.take(keywords::SCHEMA).and_then(|option| option.function("amount_schema", errors));
}

fn span_of(attribute: &Attribute) -> Span {
    attribute.path().segments.last().map_or_else(Span::call_site, |segment| segment.ident.span())
}

fn wrong_attribute(name: &str) -> String {
    match (name, spelling::nearest(name, &[keywords::ARG])) {
        ("serde", _) => "write `#[arg(rename = \"..\")]`, `#[arg(alias = \"..\")]` or \
             `#[arg(default)]`: the command's serde attributes are generated"
            .to_owned(),
        (_, Some(near)) => {
            format!("`#[{name}]` is not known on a parameter; did you mean `#[{near}(..)]`?")
        }
        _ => format!(
            "`#[{name}]` is not known on a parameter of an action; it takes doc comments and \
             `#[arg(..)]`"
        ),
    }
}
