//! Parses the type under `#[derive(Rejection)]` and its `#[rejection(..)]` attributes.

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, Data, DeriveInput, Fields, Generics, Ident, LitStr, Path};

use super::options::Options;
use crate::errors::Errors;
use crate::keywords;

pub(crate) struct SourceRejection {
    pub(crate) ident: Ident,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) generics: Generics,
    pub(crate) crate_path: Option<Path>,
    pub(crate) body: SourceBody,
}

pub(crate) enum SourceBody {
    Struct(SourceCase),
    Enum(Vec<SourceCase>),
}

/// A variant, or a struct as a whole.
pub(crate) struct SourceCase {
    pub(crate) ident: Ident,
    pub(crate) fields: Fields,
    pub(crate) code: Option<LitStr>,
    pub(crate) transparent: Option<Span>,
}

pub(crate) fn parse(item: TokenStream, errors: &mut Errors) -> Option<SourceRejection> {
    let input: DeriveInput = errors.keep(syn::parse2(item))?;
    let mut on_type = CaseOptions::of(&input.attrs, keywords::OF_REJECTION_TYPE, errors);
    let crate_path = on_type.crate_path.take();
    let body = match input.data {
        Data::Struct(data) => {
            SourceBody::Struct(on_type.into_case(input.ident.clone(), data.fields))
        }
        Data::Enum(data) => {
            on_type.reject_on_enum(errors);
            let cases = data.variants.into_iter().map(|variant| {
                CaseOptions::of(&variant.attrs, keywords::OF_REJECTION_VARIANT, errors)
                    .into_case(variant.ident, variant.fields)
            });
            SourceBody::Enum(cases.collect())
        }
        Data::Union(data) => {
            errors.at(
                data.union_token,
                "a rejection is an enum or a struct: a union has no variant to give a code",
            );
            return None;
        }
    };
    Some(SourceRejection {
        ident: input.ident,
        attributes: input.attrs,
        generics: input.generics,
        crate_path,
        body,
    })
}

struct CaseOptions {
    code: Option<LitStr>,
    transparent: Option<Span>,
    crate_path: Option<Path>,
}

impl CaseOptions {
    fn of(attributes: &[Attribute], known: &[&str], errors: &mut Errors) -> Self {
        let mut options = Options::of_attributes("rejection", attributes, known, errors);
        Self {
            code: options.string(keywords::CODE, errors),
            transparent: options.flag(keywords::TRANSPARENT, errors),
            crate_path: options.take(keywords::CRATE).and_then(|option| option.path(errors)),
        }
    }

    fn into_case(self, ident: Ident, fields: Fields) -> SourceCase {
        SourceCase { ident, fields, code: self.code, transparent: self.transparent }
    }

    fn reject_on_enum(&self, errors: &mut Errors) {
        if let Some(code) = &self.code {
            errors.at(code, "each variant has its own code: put this on a variant");
        }
        if let Some(place) = self.transparent {
            errors.at_span(place, "put `#[rejection(transparent)]` on a variant");
        }
    }
}
