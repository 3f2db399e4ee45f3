//! The model of a rejection, with the code of each of its cases.

use proc_macro2::{Ident, Span};
use syn::parse::ParseStream;
use syn::{Attribute, Expr, ExprLit, Fields, Generics, Lit, LitStr, Member, Meta, Token, Type};

use super::docs::Docs;
use super::inherited::Inherited;
use super::private_path::{PrivatePath, Root};
use super::{names, types};
use crate::errors::Errors;
use crate::parse::derive_rejection::{
    DEFAULT_STATUS, STATUSES, SourceBody, SourceCase, SourceRejection,
};
use crate::parse::options::Integer;

pub(crate) struct Rejection {
    pub(crate) private: PrivatePath,
    pub(crate) ident: Ident,
    pub(crate) inherited: Inherited,
    pub(crate) generics: Generics,
    pub(crate) is_enum: bool,
    pub(crate) cases: Vec<Case>,
}

pub(crate) struct Case {
    pub(crate) ident: Ident,
    pub(crate) code_written: Option<LitStr>,
    pub(crate) status_written: Option<Integer>,
    /// The format string of thiserror's `#[error("..")]`; empty without one.
    pub(crate) message: String,
    pub(crate) docs: Docs,
    pub(crate) transparent: Option<Span>,
    pub(crate) fields: Fields,
    pub(crate) answer: CaseAnswer,
}

/// The source of a case's code.
pub(crate) enum CaseAnswer {
    Code(String),
    /// The field that contains the error, its type without boxes, and the number of boxes.
    Inner(Member, Box<Type>, usize),
}

impl Case {
    /// Returns the HTTP status; the default for an invalid one, which is reported separately.
    pub(crate) fn status(&self) -> u32 {
        let written = self.status_written.as_ref().map(|written| written.value);
        written.filter(|status| STATUSES.contains(status)).unwrap_or(DEFAULT_STATUS)
    }
}

pub(crate) fn lower(root: Root, source: SourceRejection, errors: &mut Errors) -> Rejection {
    let (is_enum, cases) = match source.body {
        SourceBody::Struct(case) => (false, vec![case]),
        SourceBody::Enum(cases) => (true, cases),
    };
    Rejection {
        private: PrivatePath::lower(root, source.crate_path.as_ref(), errors),
        ident: source.ident,
        inherited: Inherited::of(&source.attributes),
        generics: source.generics,
        is_enum,
        cases: cases.into_iter().map(lower_case).collect(),
    }
}

fn lower_case(source: SourceCase) -> Case {
    let only_field = source.fields.members().zip(&source.fields).next();
    let only_field = only_field.filter(|_| source.fields.len() == 1);
    let answer = match (source.transparent, only_field) {
        (Some(_), Some((member, field))) => {
            let (inner, boxes) = unboxed(&field.ty);
            CaseAnswer::Inner(member, Box::new(inner.clone()), boxes)
        }
        _ => CaseAnswer::Code(match &source.code {
            Some(written) => written.value(),
            None => names::kebab(&names::plain(&source.ident)),
        }),
    };
    Case {
        ident: source.ident,
        status_written: source.status,
        message: message(&source.attributes).unwrap_or_default(),
        docs: Docs::of(&source.attributes),
        code_written: source.code,
        transparent: source.transparent,
        fields: source.fields,
        answer,
    }
}

/// Returns the type of the error inside of the `Box<..>` written around it, and their number. `Box`
/// itself does not implement `Rejection`, so that the compiler can explain what is wrong with
/// `Box<dyn Error>`.
fn unboxed(ty: &Type) -> (&Type, usize) {
    let inner = types::is_named(ty, "Box").then(|| types::arguments(ty).into_iter().next());
    match inner.flatten() {
        Some(inner) => {
            let (error, boxes) = unboxed(inner);
            (error, boxes + 1)
        }
        None => (ty, 0),
    }
}

/// Returns the text of `#[error("..")]`, which thiserror fills in at run time.
fn message(attributes: &[Attribute]) -> Option<String> {
    let first = |input: ParseStream<'_>| {
        let first: Expr = input.parse()?;
        let _ = input.parse::<Option<Token![,]>>()?;
        let _ = input.parse::<proc_macro2::TokenStream>()?;
        Ok(first)
    };
    attributes.iter().filter(|attribute| attribute.path().is_ident("error")).find_map(|attribute| {
        let Meta::List(list) = &attribute.meta else { return None };
        match list.parse_args_with(first).ok()? {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        }
    })
}
