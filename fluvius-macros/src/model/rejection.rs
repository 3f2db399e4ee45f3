//! The model of a rejection, with the code of each of its cases.

use proc_macro2::{Ident, Span};
use syn::{Fields, Generics, LitStr, Member, Type};

use super::inherited::Inherited;
use super::private_path::{PrivatePath, Root};
use super::{names, types};
use crate::errors::Errors;
use crate::parse::derive_rejection::{SourceBody, SourceCase, SourceRejection};

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
    pub(crate) transparent: Option<Span>,
    pub(crate) fields: Fields,
    pub(crate) answer: CaseAnswer,
}

/// The source of a case's code.
pub(crate) enum CaseAnswer {
    Code(String),
    /// The field that contains the error, and the number of boxes around it.
    Inner(Member, usize),
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
        (Some(_), Some((member, field))) => CaseAnswer::Inner(member, boxes(&field.ty)),
        _ => CaseAnswer::Code(match &source.code {
            Some(written) => written.value(),
            None => names::kebab(&names::plain(&source.ident)),
        }),
    };
    Case {
        ident: source.ident,
        code_written: source.code,
        transparent: source.transparent,
        fields: source.fields,
        answer,
    }
}

/// Counts the `Box<..>` written around the error. `Box` itself does not implement `Rejection`, so
/// that the compiler can explain what is wrong with `Box<dyn Error>`.
fn boxes(ty: &Type) -> usize {
    if !types::is_named(ty, "Box") {
        return 0;
    }
    types::arguments(ty).first().map_or(0, |inner| 1 + boxes(inner))
}
