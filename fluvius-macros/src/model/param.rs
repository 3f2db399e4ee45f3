//! The parameters of an action: a field, the context, or one that an action cannot have.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{Expr, ExprPath, LitStr, Pat, Type};

use super::docs::Docs;
use super::self_type::SelfType;
use super::{names, types};
use crate::parse::SourceParam;
use crate::parse::token_text::type_text;

/// A parameter, in the order of the method.
pub(crate) enum Argument {
    Field(Box<Field>),
    /// The type behind the reference.
    Context(Box<Type>),
    Invalid(Box<InvalidParam>),
}

/// A parameter that is a field of the command.
pub(crate) struct Field {
    pub(crate) ident: Ident,
    /// The name in JSON.
    pub(crate) name: String,
    pub(crate) rename: Option<LitStr>,
    pub(crate) aliases: Vec<LitStr>,
    /// The type as written, for messages and for syntactic checks.
    pub(crate) written: Type,
    /// The type with `Self` replaced.
    pub(crate) ty: TokenStream,
    pub(crate) docs: Docs,
    pub(crate) default: Option<Option<Expr>>,
    pub(crate) secret: bool,
    pub(crate) example: Option<Expr>,
    /// The function that returns the JSON schema.
    pub(crate) schema: Option<ExprPath>,
}

/// A parameter, as written, that is neither a field nor the context.
pub(crate) struct InvalidParam {
    pub(crate) pat: Pat,
    pub(crate) ty: Type,
    pub(crate) why: Why,
}

pub(crate) enum Why {
    Pattern,
    /// `_`, or a name that starts with it.
    Unnamed,
    Type,
    ContextByValue,
    /// A type that only programs use, with its replacement inside an action.
    OfPrograms(&'static str),
    /// `#[arg(..)]` on the context.
    ContextWithOptions(proc_macro2::Span),
}

impl Field {
    pub(crate) fn type_name(&self) -> String {
        type_text(&self.written)
    }

    /// Returns true if the JSON may omit the field.
    pub(crate) fn is_optional(&self) -> bool {
        self.default.is_some() || types::is_option(&self.written)
    }

    /// Returns every name under which the field is read.
    pub(crate) fn json_names(&self) -> Vec<String> {
        let aliases = self.aliases.iter().map(LitStr::value);
        std::iter::once(self.name.clone()).chain(aliases).collect()
    }
}

pub(crate) fn lower(source: SourceParam, self_type: Option<&SelfType>) -> Argument {
    let SourceParam { attrs, pat, ty } = source;
    let ty = types::ungrouped(ty);
    if let Type::Reference(reference) = &ty
        && types::is_context(&reference.elem)
    {
        return match attrs.place {
            Some(place) => invalid(pat, ty, Why::ContextWithOptions(place)),
            None => Argument::Context(reference.elem.clone()),
        };
    }
    if types::is_context(&ty) {
        return invalid(pat, ty, Why::ContextByValue);
    }
    if let Some(instead) = types::of_programs(&ty) {
        return invalid(pat, ty, Why::OfPrograms(instead));
    }
    let Some(ident) = plain_ident(&pat) else {
        let why = match &pat {
            Pat::Ident(_) | Pat::Wild(_) => Why::Unnamed,
            _ => Why::Pattern,
        };
        return invalid(pat, ty, why);
    };
    if types::flaw(&ty, false).is_some() {
        return invalid(pat, ty, Why::Type);
    }
    let name = match &attrs.rename {
        Some(rename) => rename.value(),
        None => names::plain(&ident),
    };
    let tokens = ty.to_token_stream();
    Argument::Field(Box::new(Field {
        ident,
        name,
        rename: attrs.rename,
        aliases: attrs.aliases,
        ty: match self_type {
            Some(self_type) => self_type.replace_in(tokens),
            None => tokens,
        },
        written: ty,
        docs: Docs::of(&attrs.docs),
        default: attrs.default,
        secret: attrs.secret,
        example: attrs.example,
        schema: attrs.schema.map(|schema| schema.path),
    }))
}

fn invalid(pat: Pat, ty: Type, why: Why) -> Argument {
    Argument::Invalid(Box::new(InvalidParam { pat, ty, why }))
}

/// Returns the name of `x` and `mut x`; `None` for `_x`, which is marked as unused.
fn plain_ident(pat: &Pat) -> Option<Ident> {
    match pat {
        Pat::Ident(pat)
            if pat.by_ref.is_none()
                && pat.subpat.is_none()
                && !pat.ident.to_string().starts_with('_') =>
        {
            Some(pat.ident.clone())
        }
        _ => None,
    }
}
